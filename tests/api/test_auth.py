"""Who is let in: keys, sessions, and the demo's administrator on this machine only."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest

from api import auth
from api.auth import Credentials, Gate
from core import keys, signin, tenancy
from core.database import Database
from core.settings import Settings
from core.tenancy import Member, Role
from tests.api.conftest import Edge, make_edge, make_tenant

ROLE = "{ project { key } environment { key } }"


async def sign_in(
    database: Database, project_id: Any, role: Role, email: str = "ada@acme.test"
) -> tuple[Member, str]:
    """A member with the token of a fresh session."""
    async with database.sessions.begin() as session:
        member = await tenancy.invite(
            session, project_id=project_id, email=email, name="Ada", role=role
        )
        link = await signin.make_link(session, member_id=member.id, minutes=5)
        opened = await signin.use_link(session, token=link, days=1)
    return member, opened.token


async def asked(edge: Edge, query: str = ROLE, **headers: str) -> httpx.Response:
    """Send a query with these headers alone."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await edge.client.post("/graphql", json={"query": query}, headers=named)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer hk_s_00000000_" + "x" * 43},
        {"authorization": "Basic YTpi"},
        {"x_api_key": "x" * 10_000},
        {"x_api_key": "hk_s_%_"},
        {"cookie": "hone_session=nobody"},
    ],
)
async def test_nobody_gets_401_and_no_data(edge: Edge, headers: dict[str, str]) -> None:
    response = await asked(edge, **headers)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Send an API key"),
        ({"x_api_key": "hk_s_00000000_x"}, "unknown or revoked"),
        ({"authorization": "Basic YTpi"}, "unknown or revoked"),
    ],
)
async def test_a_wrong_key_is_told_from_none(
    edge: Edge, headers: dict[str, str], said: str
) -> None:
    response = await asked(edge, **headers)
    assert said in response.json()["errors"][0]["message"]


async def test_a_refusal_says_who_may(edge: Edge) -> None:
    ask = """mutation ($i: ArchiveExperimentInput!) {
      archiveExperiment(input: $i) { __typename } }"""
    said = {}
    for name in ("client", "viewer"):
        key = getattr(edge.tenant, name)
        answer = await asked(edge, ask, x_api_key=key)
        said[name] = answer.json()["errors"][0]["message"]
    assert "use a server key or sign in" in said["client"]
    assert said["viewer"] == "This needs the role EDITOR or higher."


async def test_a_key_is_taken_from_either_header(edge: Edge) -> None:
    first = await asked(edge, authorization=f"bearer {edge.tenant.viewer}")
    second = await asked(edge, x_api_key=edge.tenant.viewer)
    assert first.json() == second.json()
    assert first.json()["data"]["project"] == {"key": "acme"}


async def test_a_key_works_in_its_own_environment_only(edge: Edge) -> None:
    key = edge.tenant.viewer
    own = await asked(edge, x_api_key=key, x_hone_environment="production")
    other = await asked(edge, x_api_key=key, x_hone_environment="staging")
    assert (own.status_code, other.status_code) == (200, 401)


async def test_a_revoked_key_is_refused_within_two_seconds(edge: Edge) -> None:
    query = """mutation ($i: RevokeApiKeyInput!) { revokeApiKey(input: $i) {
      ... on RevokeApiKeyPayload { apiKey { revokedAt } } } }"""
    listed = await edge.ask("{ project { apiKeys { id role kind } } }")
    (viewer,) = [
        key["id"]
        for key in listed["data"]["project"]["apiKeys"]
        if (key["role"], key["kind"]) == ("VIEWER", "SERVER")
    ]
    assert (await asked(edge, x_api_key=edge.tenant.viewer)).status_code == 200
    await edge.ask(query, i={"idempotencyKey": "r", "id": viewer})
    await asyncio.sleep(2.1)
    assert (await asked(edge, x_api_key=edge.tenant.viewer)).status_code == 401


async def test_a_session_says_who_and_ends_with_the_member(edge: Edge) -> None:
    member, token = await sign_in(edge.database, edge.tenant.project.id, Role.VIEWER)
    cookie = f"hone_session={token}"
    assert (await asked(edge, cookie=cookie)).status_code == 200
    async with edge.database.sessions.begin() as session:
        found = await session.get_one(Member, member.id)
        found.revoked_at = found.created_at
    await asyncio.sleep(2.1)
    assert (await asked(edge, cookie=cookie)).status_code == 401


async def test_a_session_stays_in_the_project_it_was_opened_in(edge: Edge) -> None:
    rival = await make_tenant(edge.database, "rival")
    await sign_in(edge.database, edge.tenant.project.id, Role.ADMIN)
    _, stolen = await sign_in(edge.database, rival.project.id, Role.ADMIN)
    cookie = f"hone_session={stolen}"
    answers = [
        await asked(edge, cookie=cookie, **headers)
        for headers in ({}, {"x_hone_project": "rival"}, {"x_hone_project": "acme"})
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    for answer in answers[:2]:
        assert answer.json()["data"]["project"] == {"key": "rival"}


async def test_a_member_asks_in_environments_that_there_are(edge: Edge) -> None:
    _, token = await sign_in(edge.database, edge.tenant.project.id, Role.ADMIN)
    missing = await asked(
        edge, cookie=f"hone_session={token}", x_hone_environment="nowhere"
    )
    assert missing.status_code == 401


async def test_the_demo_s_administrator_chooses_a_project(
    database: Database, settings: Settings
) -> None:
    settings = settings.model_copy(update={"demo_admin": True})
    async with make_edge(database, settings) as edge:
        await make_tenant(database, "rival")
        answer = await asked(edge, host="localhost", x_hone_project="rival")
    assert answer.json()["data"]["project"] == {"key": "rival"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "https://evil.example"}, 401),
        ({"origin": "null"}, 401),
        ({"sec_fetch_site": "cross-site"}, 401),
        ({"sec_fetch_site": "same-site"}, 401),
    ],
)
async def test_a_cookie_counts_from_our_own_pages_only(
    edge: Edge, headers: dict[str, str], status: int
) -> None:
    _, token = await sign_in(edge.database, edge.tenant.project.id, Role.ADMIN)
    response = await asked(edge, cookie=f"hone_session={token}", **headers)
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8000"}, 200),
        ({"host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:3000"}, 401),
        ({"host": "localhost:8000", "origin": "https://evil.example"}, 401),
        ({"host": "evil.example:8000"}, 401),
        ({"host": "127.0.0.1.evil.example"}, 401),
        ({"host": "localhost:8000", "x_forwarded_for": "203.0.113.9"}, 401),
        ({"host": "localhost:8000", "sec_fetch_site": "cross-site"}, 401),
        ({"host": "localhost:8000", "x_api_key": "hk_s_0_0"}, 401),
        ({"host": "localhost:8000", "x_api_key": ""}, 401),
        ({"host": "localhost:8000", "authorization": "hk_c_0_0"}, 401),
        ({"host": "localhost:8000", "authorization": "Basic abc"}, 401),
        ({"host": "localhost:8000", "authorization": "Bearer "}, 401),
        ({"host": "localhost:8000", "authorization": ""}, 401),
        ({"host": "localhost:8000", "cookie": "hone_session=over"}, 401),
    ],
)
async def test_the_demo_lets_this_machine_in_and_nobody_else(
    database: Database, settings: Settings, headers: dict[str, str], status: int
) -> None:
    settings = settings.model_copy(update={"demo_admin": True})
    async with make_edge(database, settings) as edge:
        assert (await asked(edge, **headers)).status_code == status


@pytest.mark.parametrize(
    "change",
    [{"demo_admin": False}, {"production": True}, {"host": "0.0.0.0"}],  # noqa: S104
)
async def test_the_demo_needs_its_setting_and_a_loopback_address(
    database: Database, settings: Settings, change: dict[str, Any]
) -> None:
    settings = settings.model_copy(update={"demo_admin": True, **change})
    async with make_edge(database, settings) as edge:
        assert (await asked(edge, host="localhost")).status_code == 401


async def test_a_stranger_is_not_this_machine(
    database: Database, settings: Settings
) -> None:
    settings = settings.model_copy(update={"demo_admin": True})
    async with make_edge(database, settings) as edge:
        transport = httpx.ASGITransport(edge.app, client=("203.0.113.9", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as stranger:
            response = await stranger.post("/graphql", json={"query": ROLE})
    assert response.status_code == 401


async def test_credentials_are_never_printed(edge: Edge) -> None:
    credentials = Credentials(key=edge.tenant.admin, cookie="secret")
    assert edge.tenant.admin not in repr(credentials)
    assert edge.tenant.admin.encode() not in credentials.digest()
    assert len(credentials.digest()) == hashlib.sha256().digest_size


async def test_remembered_callers_have_a_bound(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_MAX_CACHED", 10)
    gate = Gate(edge.database.readers, Settings())
    for number in range(30):
        assert await gate.caller(Credentials(key=f"hk_s_{number}_x")) is None
    assert len(gate._known) == 10


async def test_a_look_up_does_not_depend_on_the_prefix(edge: Edge) -> None:
    """Both ways hash and compare; the wrong text never opens the right prefix."""
    right = edge.tenant.admin
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")
    async with edge.database.readers() as session:
        assert await keys.find(session, wrong) is None
        assert await keys.find(session, right) is not None


async def test_metrics_in_production_are_for_operators(
    database: Database, settings: Settings
) -> None:
    settings = settings.model_copy(update={"production": True})
    async with make_edge(database, settings) as edge:
        shown = [
            (await edge.client.get("/metrics", headers={"x-api-key": key})).status_code
            for key in (edge.tenant.admin, edge.tenant.viewer, edge.tenant.client, "")
        ]
    assert shown == [200, 404, 404, 404]
