"""The console's pages: who gets them, what they may load, and signing in by button."""

import base64
import hashlib
import re
from pathlib import Path

import httpx
import pytest

from api.auth import COOKIE
from api.console import vendor
from api.console.pages import FOLDER, IMPORT_MAP, content_policy, page
from core import signin, tenancy
from core.database import Sessions
from core.tenancy import Role
from tests.api.conftest import Edge

STATIC = FOLDER.parent / "static"


@pytest.fixture(autouse=True)
def laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every browser library, whatever npm did on this machine."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    for name in vendor.GRAPHIQL | vendor.PAGES:
        (folder / name).write_text("")
    monkeypatch.setattr(vendor, "VENDOR", folder)
    return folder


@pytest.fixture
async def link(edge: Edge, sessions: Sessions) -> str:
    """The token of a fresh sign-in link of an administrator."""
    async with sessions.begin() as session:
        member = await tenancy.invite(
            session,
            project_id=edge.tenant.project.id,
            email="ada@example.com",
            name="Ada <script>",
            role=Role.ADMIN,
        )
        return await signin.make_link(session, member_id=member.id, minutes=5)


async def spend(edge: Edge, token: str, **headers: str) -> httpx.Response:
    return await edge.client.post(
        "/console/sign-in", data={"token": token}, headers=headers
    )


async def test_a_stranger_is_asked_to_sign_in(edge: Edge) -> None:
    for path in ("/console", "/console/experiments", "/console/experiments/x"):
        response = await edge.client.get(path)
        assert response.status_code == 303
        assert response.headers["location"] == "/console/sign-in"


@pytest.mark.parametrize("kind", ["admin", "client"])
async def test_graphiql_is_for_people_and_not_for_keys(edge: Edge, kind: str) -> None:
    key = getattr(edge.tenant, kind)
    for headers in ({}, {"authorization": f"Bearer {key}"}):
        response = await edge.client.get("/console/graphql", headers=headers)
        assert response.status_code == 404


async def test_looking_at_a_link_does_not_spend_it(edge: Edge, link: str) -> None:
    for _ in range(3):
        shown = await edge.client.get(f"/console/sign-in/{link}")
        assert shown.status_code == 200
        assert COOKIE not in shown.cookies
    assert (await spend(edge, link)).status_code == 303


async def test_a_link_opens_one_session(edge: Edge, link: str) -> None:
    first = await spend(edge, link)
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    edge.client.cookies.clear()
    again = await spend(edge, link)
    assert again.status_code == 410
    assert COOKIE not in again.cookies


async def test_a_signed_in_person_gets_the_pages(edge: Edge, link: str) -> None:
    await spend(edge, link)
    for path in ("/console", "/console/experiments/x", "/console/graphql"):
        response = await edge.client.get(path)
        assert response.status_code == 200, path
        assert "Ada &lt;script&gt;" in response.text


async def test_signing_in_is_written_into_the_audit_trail(
    edge: Edge, link: str
) -> None:
    await spend(edge, link)
    answer = await edge.ask("{ auditLog { edges { node { action actor { name } } } } }")
    entries = [edge["node"] for edge in answer["data"]["auditLog"]["edges"]]
    assert entries[0] == {"action": "member.sign_in", "actor": {"name": "Ada <script>"}}


async def test_another_site_cannot_spend_a_link(edge: Edge, link: str) -> None:
    refused = await spend(edge, link, **{"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    own = await spend(edge, link, **{"sec-fetch-site": "same-origin"})
    assert own.status_code == 303


async def test_a_session_ends_on_the_server_when_it_signs_out(
    edge: Edge, link: str, sessions: Sessions
) -> None:
    await spend(edge, link)
    cookie = edge.client.cookies[COOKIE]
    response = await edge.client.post("/console/sign-out")
    assert response.status_code == 303
    async with sessions() as session:
        assert await signin.member_of(session, cookie) is None


async def test_a_large_form_is_refused(edge: Edge) -> None:
    assert (await spend(edge, "x" * 5000)).status_code == 413


async def test_a_missing_library_is_named_with_its_cure(
    edge: Edge, link: str, laid_out: Path
) -> None:
    await spend(edge, link)
    (laid_out / "preact.js").unlink()
    response = await edge.client.get("/console")
    assert response.status_code == 503
    assert "preact.js" in response.text
    assert "make setup" in response.text


async def test_an_upgraded_page_is_seen_at_once(edge: Edge) -> None:
    path = "/console/static/view.js"
    response = await edge.client.get(path)
    assert response.headers["cache-control"] == "no-cache"
    known = {"if-none-match": response.headers["etag"]}
    again = await edge.client.get(path, headers=known)
    assert again.status_code == 304


async def test_nothing_outside_the_console_is_served(edge: Edge) -> None:
    for path in (
        "static/../pages.py",
        "vendor/%2e%2e/vendor.py",
        "static/%2fetc/passwd",
    ):
        response = await edge.client.get(f"/console/{path}")
        assert response.status_code == 404, path


def test_values_arrive_as_text() -> None:
    shown = page("sign-in-confirm", "Sign in", token='"><script>alert(1)</script>')
    assert b"<script>alert" not in shown.body
    assert b"&quot;&gt;&lt;script&gt;" in shown.body


@pytest.mark.parametrize("graphiql", [False, True])
def test_the_only_inline_script_is_the_import_map(graphiql: bool) -> None:
    digest = base64.b64encode(hashlib.sha256(IMPORT_MAP.encode()).digest()).decode()
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in content_policy(graphiql=graphiql).split(";")
    )
    assert rules["default-src"] == "'self'"
    assert rules["script-src"] == f"'self' 'sha256-{digest}'"
    html = bytes(
        page("graphiql" if graphiql else "experiment", "Page", graphiql=graphiql).body
    ).decode()
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>([^<]+)</script>", html)
    assert inline == [IMPORT_MAP]
    assert not re.search(r"\son\w+=|style=", html)


def test_the_console_asks_nobody_else_for_anything() -> None:
    files = [*STATIC.iterdir(), *FOLDER.iterdir()]
    assert len(files) > 15
    for path in files:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), path


def test_no_text_is_ever_taken_for_markup() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|"
        r"new Function|srcdoc|javascript:"
    )
    for path in STATIC.glob("*.js"):
        assert not forbidden.search(path.read_text()), path
