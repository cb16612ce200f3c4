"""Whose pages may read: set by administrators, held to by GraphQL's doors."""

import hashlib
import json

import httpx
import pytest

from tests.api.conftest import Edge, served
from tests.api.opened import HERE, UPDATE, allow, update
from tests.api.test_websocket import talking

PAGE = "https://app.example.com"
OTHER = "https://evil-app.example.com"
HEADER = "access-control-allow-origin"
ASKED = '{ assignments(subject: {userId: "u1"}) { assignments { variant } } }'


async def test_an_environment_is_open_to_any_page_at_first(edge: Edge) -> None:
    found = (await edge.ask(HERE))["data"]["environment"]
    assert (found["allowedOrigins"], found["version"]) == ([], 1)


async def test_a_change_is_done_once_audited_and_by_administrators(edge: Edge) -> None:
    found = (await edge.ask(HERE))["data"]["environment"]
    given = {
        "idempotencyKey": "o",
        "id": found["id"],
        "expectedVersion": 1,
        "name": "Live",
        "allowedOrigins": [PAGE, "https://*.example.org", PAGE],
        "reason": "Our pages only.",
    }
    refused = await edge.post(UPDATE, key=edge.tenant.viewer, input=given)
    assert refused.status_code == 403
    first, again = [
        (await edge.ask(UPDATE, input=given))["data"]["updateEnvironment"]
        for _ in range(2)
    ]
    assert first["environment"] == {
        "name": "Live",
        "allowedOrigins": [PAGE, "https://*.example.org"],
        "version": 2,
    }
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["environment"] == first["environment"]
    query = "{ auditLog(first: 1) { edges { node { action reason after } } } }"
    (row,) = (await edge.ask(query))["data"]["auditLog"]["edges"]
    assert row["node"]["action"] == "environment.update"
    assert row["node"]["reason"] == "Our pages only."
    stale = {**given, "idempotencyKey": "p"}
    answer = (await edge.ask(UPDATE, input=stale))["data"]["updateEnvironment"]
    assert answer["code"] == "STALE_VERSION"


async def test_what_is_no_origin_is_refused_with_its_place(edge: Edge) -> None:
    done = await update(edge, allowedOrigins=[PAGE, "https://app.example.com/x"])
    assert done["__typename"] == "ValidationError"
    assert done["path"] == ["allowedOrigins", "1"]
    assert (await update(edge, name=""))["path"] == ["name"]


async def ask(
    client: httpx.AsyncClient, key: str, origin: str | None, *, get: bool = False
) -> httpx.Response:
    """The same query as a page of that origin sends it."""
    headers = {"x-api-key": key} | ({} if origin is None else {"origin": origin})
    if not get:
        return await client.post("/graphql", json={"query": ASKED}, headers=headers)
    name = hashlib.sha256(ASKED.encode()).hexdigest()
    named = {"persistedQuery": {"version": 1, "sha256Hash": name}}
    parameters = {"extensions": json.dumps(named)}
    return await client.get("/graphql", params=parameters, headers=headers)


@pytest.mark.parametrize("get", [False, True])
@pytest.mark.parametrize("wired", [False, True])
async def test_only_listed_pages_read_also_what_repeats(
    edge: Edge, *, get: bool, wired: bool
) -> None:
    if get:
        register = """mutation ($t: String!) { registerDocument(input: {
          idempotencyKey: "r", text: $t}) { __typename } }"""
        assert "errors" not in await edge.ask(register, t=ASKED)
    await allow(edge, PAGE, "https://*.example.org")
    pages = {
        PAGE: PAGE,
        OTHER: None,
        "https://a.example.org": "https://a.example.org",
        "https://b.example.org": "https://b.example.org",
        "https://example.org": None,
        "https://a.example.org.evil.com": None,
        "null": None,
        None: None,
    }
    async with served(edge) as url, httpx.AsyncClient(base_url=url) as wire:
        client = wire if wired else edge.client
        for _ in range(5):
            for page, allowed in pages.items():
                answer = await ask(client, edge.tenant.client, page, get=get)
                assert answer.status_code == 200
                assert answer.headers.get(HEADER) == allowed
                assert "origin" in answer.headers["vary"]
                assert "access-control-allow-credentials" not in answer.headers
        secret = await ask(client, edge.tenant.admin, PAGE, get=get)
        assert HEADER not in secret.headers
    registry = edge.app.state.services.measures.registry
    by = {"by": "hash" if get else "text"}
    prepared = registry.get_sample_value("hone_prepared_documents_total", by)
    assert prepared > len(pages)


async def test_refusals_are_held_to_the_list_too(edge: Edge) -> None:
    await allow(edge, PAGE)
    for page, allowed in ((PAGE, PAGE), (OTHER, None)):
        headers = {"x-api-key": edge.tenant.client, "origin": page}
        refused = await edge.client.post(
            "/graphql", json={"query": "{ project { id } }"}, headers=headers
        )
        assert "errors" in refused.json()
        assert refused.headers.get(HEADER) == allowed
        for body in (b"{}", b"nonsense"):
            sent = await edge.client.post("/v1/events", content=body, headers=headers)
            assert sent.headers.get(HEADER) == allowed
            assert "origin" in sent.headers["vary"]


async def test_another_process_sees_a_change_with_the_next_look_up(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    shown = []
    for listed in ((), (PAGE,), (OTHER,), ()):
        async with edge.database.sessions.begin() as session:
            # As another process does it: this one is told nothing.
            row = await session.get_one(type(edge.tenant.environment), _id(edge))
            row.allowed_origins, row.version = list(listed), row.version + 1
        answer = await ask(edge.client, edge.tenant.client, PAGE)
        shown.append(answer.headers.get(HEADER))
    assert shown == ["*", PAGE, None, "*"]


def _id(edge: Edge) -> object:
    return edge.tenant.environment.id


async def test_a_socket_from_a_page_that_is_not_listed_is_closed(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.websocket.RECHECK_SECONDS", 0.05)
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    await allow(edge, PAGE)
    async with talking(edge, origin=OTHER) as talk:
        key = f"Bearer {edge.tenant.client}"
        await talk.say(type="connection_init", payload={"authorization": key})
        assert await talk.closing() == 4403
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.client)
    async with talking(edge, origin=PAGE) as talk:
        await talk.begin(edge.tenant.client)
        await allow(edge, PAGE, OTHER)
        await talk.say(type="ping")
        assert (await talk.hear())["type"] == "pong"
        await allow(edge, OTHER)
        assert await talk.closing() == 4403
