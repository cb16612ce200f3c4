"""Projects, keys and members from the command line, each change in the audit trail."""

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.address import written_down
from core import keys, signin
from core.database import Database
from core.settings import Settings
from tests.cli.conftest import Hone


def actions(folder: Path) -> list[str]:
    """What the audit trail says was done."""
    with sqlite3.connect(folder / "data" / "facts.sqlite") as connection:
        found = connection.execute("SELECT action FROM audit_row ORDER BY id")
        answer = [action for (action,) in found]
    connection.close()
    return answer


def test_a_project_key_is_taken_once(hone: Hone, folder: Path) -> None:
    made = hone("projects", "create", "acme", "--name", "Acme")
    assert made["key"] == "acme"
    again = hone("projects", "create", "acme", code=3)
    assert again["error"]["code"] == "KEY_TAKEN"
    assert actions(folder) == ["project.create"]


def test_projects_environments_and_members_are_listed(hone: Hone) -> None:
    for key in ("beta", "acme"):
        hone("projects", "create", key, "--name", key.title())
    hone("environments", "create", "dev", "--project", "acme")
    for email in ("eve@example.com", "bob@example.com", "ann@example.com"):
        hone("members", "invite", email, "--project", "acme", "--role", "EDITOR")
    hone("members", "remove", "eve@example.com", "--project", "acme")
    projects = hone("projects", "list")["projects"]
    assert [(each["key"], each["name"]) for each in projects] == [
        ("acme", "Acme"),
        ("beta", "Beta"),
    ]
    listed = hone("environments", "list", "--project", "acme")["environments"]
    assert {each["key"]: each["production"] for each in listed} == {
        "dev": False,
        "production": True,
    }
    members = hone("members", "list", "--project", "acme")["members"]
    assert sorted((each["email"], each["role"]) for each in members) == [
        ("ann@example.com", "EDITOR"),
        ("bob@example.com", "EDITOR"),
    ]


def test_links_have_the_address_of_the_server_that_serves(
    hone: Hone, monkeypatch: pytest.MonkeyPatch
) -> None:
    hone("projects", "create", "acme")
    asked = ("members", "invite", "ann@example.com", "--project", "acme")
    with written_down(Settings(port=8123)):
        assert hone(*asked)["signInLink"].startswith("http://127.0.0.1:8123/console/")
        monkeypatch.setenv("HONE_PUBLIC_URL", "https://hone.example.com")
        assert hone(*asked)["signInLink"].startswith("https://hone.example.com/")
        monkeypatch.delenv("HONE_PUBLIC_URL")
    assert hone(*asked)["signInLink"].startswith("http://127.0.0.1:8000/console/")


def test_a_project_key_is_plain(hone: Hone) -> None:
    assert hone("projects", "create", "Bad Key", code=3)["error"]["code"] == "INVALID"


def test_a_client_key_has_no_role(hone: Hone) -> None:
    hone("projects", "create", "acme")
    asked = ("keys", "create", "web", "--project", "acme", "--kind", "CLIENT")
    assert hone(*asked, "--role", "ADMIN", code=2)["error"]["code"] == "USAGE"
    assert hone(*asked)["kind"] == "CLIENT"


def test_a_new_project_has_the_rules_that_close_the_loop(
    hone: Hone, folder: Path
) -> None:
    hone("projects", "create", "acme")
    with sqlite3.connect(folder / "data" / "facts.sqlite") as connection:
        (count,) = connection.execute("SELECT count(*) FROM routing_rule").fetchone()
    connection.close()
    assert count > 0


def test_a_key_is_shown_once_and_opens_the_door(hone: Hone, folder: Path) -> None:
    hone("projects", "create", "acme")
    made = hone("keys", "create", "importer", "--project", "acme", "--role", "EDITOR")
    (listed,) = hone("keys", "list", "--project", "acme")["keys"]
    assert made["secret"].startswith(listed["prefix"])
    assert "secret" not in listed
    assert found_role(folder, made["secret"]) == "EDITOR"


def found_role(folder: Path, text: str) -> str | None:
    """The role of the live key with this text."""

    async def find() -> str | None:
        database = Database(f"sqlite+aiosqlite:///{folder / 'data' / 'facts.sqlite'}")
        async with database.readers() as session:
            key = await keys.find(session, text)
        await database.dispose()
        return None if key is None else key.role.value

    return asyncio.run(find())


def test_a_revoked_key_opens_nothing_and_stays_listed(hone: Hone, folder: Path) -> None:
    hone("projects", "create", "acme")
    made = hone("keys", "create", "importer", "--project", "acme")
    hone("keys", "revoke", made["id"], "--project", "acme", "--reason", "leaked")
    hone("keys", "revoke", made["id"], "--project", "acme")
    (listed,) = hone("keys", "list", "--project", "acme")["keys"]
    assert listed["revokedAt"] is not None
    assert found_role(folder, made["secret"]) is None
    assert actions(folder).count("api_key.revoke") == 2


def test_a_key_of_another_project_is_not_found(hone: Hone) -> None:
    hone("projects", "create", "acme")
    hone("projects", "create", "other")
    made = hone("keys", "create", "importer", "--project", "acme")
    refused = hone("keys", "revoke", made["id"], "--project", "other", code=3)
    assert refused["error"]["code"] == "NOT_FOUND"


def test_a_server_key_is_never_a_reviewer(hone: Hone) -> None:
    hone("projects", "create", "acme")
    arguments = ("keys", "create", "k", "--project", "acme", "--role", "REVIEWER")
    assert hone(*arguments, code=3)["error"]["code"] == "INVALID"


def test_what_is_no_id_is_wrong_usage(hone: Hone) -> None:
    hone("projects", "create", "acme")
    refused = hone("keys", "revoke", "not-an-id", "--project", "acme", code=2)
    assert refused["error"]["code"] == "USAGE"


def test_an_unknown_project_is_refused(hone: Hone) -> None:
    refused = hone("keys", "list", "--project", "nobody", code=3)
    assert refused["error"]["code"] == "NOT_FOUND"


def test_an_invitation_is_a_link_that_works_once(hone: Hone, folder: Path) -> None:
    hone("projects", "create", "acme")
    arguments = ("members", "invite", "Ada@example.org", "--project", "acme")
    invited = hone(*arguments, "--role", "ADMIN")
    match = re.fullmatch(r"http://\S+/console/sign-in/(\S+)", invited["signInLink"])
    assert match
    assert signs_in(folder, match.group(1))
    assert not signs_in(folder, match.group(1))
    assert actions(folder)[-1] == "member.invite"


def signs_in(folder: Path, token: str) -> bool:
    """Whether the link opens a session."""

    async def use() -> bool:
        database = Database(f"sqlite+aiosqlite:///{folder / 'data' / 'facts.sqlite'}")
        try:
            async with database.sessions.begin() as session:
                await signin.use_link(session, token=token, days=1)
        except signin.LinkSpent:
            return False
        finally:
            await database.dispose()
        return True

    return asyncio.run(use())


def test_a_link_is_only_for_somebody_who_is_in(hone: Hone) -> None:
    hone("projects", "create", "acme")
    hone("members", "invite", "ada@example.org", "--project", "acme")
    fresh = hone("members", "link", "ADA@example.org", "--project", "acme")
    assert fresh["email"] == "ada@example.org"
    hone("members", "link", "bob@example.org", "--project", "acme", code=3)


def test_who_is_removed_can_neither_sign_in_nor_get_a_link(
    hone: Hone, folder: Path
) -> None:
    hone("projects", "create", "acme")
    for name, role in (("ada", "ADMIN"), ("bob", "EDITOR")):
        invited = hone(
            *("members", "invite", f"{name}@example.org"),
            *("--project", "acme", "--role", role),
        )
    remove = ("members", "remove", "Bob@example.org", "--project", "acme")
    assert hone(*remove)["email"] == "bob@example.org"
    assert actions(folder)[-1] == "member.remove"
    assert not signs_in(folder, invited["signInLink"].rpartition("/")[2])
    hone("members", "link", "bob@example.org", "--project", "acme", code=3)
    last = hone("members", "remove", "ada@example.org", "--project", "acme", code=3)
    assert last["error"]["code"] == "LAST_ADMIN"


def test_an_environment_has_keys_of_its_own(hone: Hone, folder: Path) -> None:
    hone("projects", "create", "acme")
    made = hone("environments", "create", "dev", "--project", "acme")
    assert made["key"] == "dev"
    assert actions(folder)[-1] == "environment.create"
    hone("keys", "create", "k", "--project", "acme", "--environment", "dev")
    again = hone("environments", "create", "dev", "--project", "acme", code=3)
    assert again["error"]["code"] == "KEY_TAKEN"


def test_pages_are_listed_and_any_page_is_let_in_again(
    hone: Hone, folder: Path
) -> None:
    hone("projects", "create", "acme")
    place = ("environments", "origins", "production", "--project", "acme")
    assert hone(*place)["allowedOrigins"] == []
    pages = ("https://app.example.com", "https://*.example.org")
    asked = (part for page in pages for part in ("--allow", page))
    assert hone(*place, *asked)["allowedOrigins"] == [*pages]
    assert actions(folder)[-1] == "environment.update"
    assert hone(*place)["allowedOrigins"] == [*pages]
    refused = hone(*place, "--allow", "app.example.com", code=3)
    assert refused["error"]["code"] == "INVALID"
    hone(*place, "--allow", pages[0], "--any", code=2)
    assert hone(*place, "--any")["allowedOrigins"] == []


def test_a_client_key_may_encrypt_or_only_evaluate_remotely(hone: Hone) -> None:
    hone("projects", "create", "acme")
    asked = ("keys", "create", "web", "--project", "acme", "--kind", "CLIENT")
    assert len(hone(*asked, "--encrypted")["payloadKey"]) == 24
    assert hone(*asked, "--remote-only")["remoteOnly"] is True
    assert hone(*asked)["payloadKey"] is None
    hone(*asked, "--encrypted", "--remote-only", code=3)
    hone("keys", "create", "s", "--project", "acme", "--encrypted", code=3)


def test_without_json_a_person_reads_text_and_errors_go_to_the_other_stream(
    folder: Path,
) -> None:
    made = CliRunner().invoke(app, ["projects", "create", "acme"])
    assert made.stdout.startswith("acme (")
    refused = CliRunner().invoke(app, ["projects", "create", "acme"])
    assert refused.stdout == ""
    assert "taken" in refused.stderr
