"""Commands that run or prepare the service, and when they refuse to."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands import schema
from api.commands.output import Exit
from core import migrate
from tests.cli.conftest import Hone


def test_the_schema_goes_up_down_and_up_again(hone: Hone) -> None:
    assert hone("migrate") == {
        "before": None,
        "after": migrate.head(),
        "head": migrate.head(),
    }
    assert hone("migrate")["before"] == migrate.head()
    assert hone("migrate", "base", "--down")["after"] is None
    assert hone("migrate")["after"] == migrate.head()


def test_a_revision_that_nobody_knows_is_refused(hone: Hone) -> None:
    error = hone("migrate", "nowhere", code=3)["error"]
    assert error["code"] == "REVISION_UNKNOWN"


def test_the_contract_is_printed_written_and_compared(
    hone: Hone, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "FILE", folder / "schema.graphql")
    assert hone("schema", "--check", code=3)["error"]["code"] == "REFUSED"
    assert hone("schema", "--write")["changed"]
    assert not hone("schema", "--check")["changed"]
    printed = CliRunner().invoke(app, ["schema"]).stdout
    assert printed.strip() == schema.FILE.read_text().strip()


def test_a_worker_of_its_own_is_refused_on_an_embedded_log(hone: Hone) -> None:
    error = hone("worker", code=3)["error"]
    assert error["code"] == "SEPARATE_WORKER_REFUSED"
    assert "PostgreSQL" in error["message"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])  # noqa: S104
def test_the_demo_administrator_stays_on_this_machine(
    hone: Hone, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HONE_DEMO_ADMIN", "true")
    error = hone("serve", "--host", host, code=3)["error"]
    assert error["code"] == "DEMO_ADMIN_EXPOSED"


def test_production_has_no_demo_administrator_and_no_demo(
    hone: Hone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HONE_PRODUCTION", "true")
    hone("demo", code=3)
    monkeypatch.setenv("HONE_DEMO_ADMIN", "true")
    assert hone("serve", code=3)["error"]["code"] == "DEMO_ADMIN_EXPOSED"


def test_a_taken_port_is_said_before_anything_is_opened(
    hone: Hone, folder: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        error = hone("serve", "--port", port, code=4)["error"]
    assert error["code"] == "ADDRESS_IN_USE"
    assert not (folder / "data" / "facts.sqlite").exists()


def test_a_store_that_does_not_answer_is_unreachable(
    hone: Hone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert hone("migrate", code=4)["error"]["code"] == "UNREACHABLE"


def test_every_command_takes_json_and_says_what_exit_codes_mean() -> None:
    answer = CliRunner().invoke(app, ["--help"])
    assert all(str(code.value) in answer.stdout for code in Exit)
    for command in ("serve", "worker", "demo", "import", "migrate", "schema"):
        assert "--json" in CliRunner().invoke(app, [command, "--help"]).stdout


def test_a_failure_is_one_json_object(hone: Hone) -> None:
    result = CliRunner().invoke(app, ["worker", "--json"])
    assert set(json.loads(result.stdout)["error"]) == {"code", "message"}
