"""Registered documents: named by hash, kept by clients, granted nothing."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from sqlmodel import select

from api.registry import FRESH_SECONDS, Registry, UnknownDocument
from core import documents
from core.database import AsyncSession, Sessions, Unreachable
from core.documents import MAX_DOCUMENTS, register
from core.idempotency import IdempotencyClaim
from core.problems import Conflict
from tests.api.conftest import Edge, make_tenant
from tests.api.experiments import started

pytestmark = pytest.mark.stores

DOCUMENT = """query Mine($subject: SubjectInput!, $keys: [String!]) {
  assignments(subject: $subject, keys: $keys) {
    etag
    assignments { experimentKey variant value }
  }
}"""
REGISTER = """
mutation ($input: RegisterDocumentInput!) {
  registerDocument(input: $input) {
    __typename
    ... on RegisterDocumentPayload { replayed document { sha256 text registeredAt } }
    ... on Error { code message path }
  }
}
"""
REMOVE = """
mutation ($input: RemoveDocumentInput!) {
  removeDocument(input: $input) {
    __typename
    ... on RemoveDocumentPayload { replayed sha256 }
    ... on Error { code message path }
  }
}
"""
SUBJECT = {"subject": {"userId": "u1"}}


def named(text: str) -> dict[str, Any]:
    """The extension that stands for a document."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


async def add(edge: Edge, text: str, key: str | None = None, name: str = "one") -> Any:
    given = {"idempotencyKey": name, "text": text}
    return await edge.ask(REGISTER, key=key, input=given)


async def remove(
    edge: Edge, text: str, key: str | None = None, name: str = "gone"
) -> Any:
    digest = named(text)["persistedQuery"]["sha256Hash"]
    given = {"idempotencyKey": name, "sha256": digest}
    return (await edge.ask(REMOVE, key=key, input=given))["data"]["removeDocument"]


async def get(
    edge: Edge, text: str, variables: object = SUBJECT, **headers: str
) -> httpx.Response:
    """Ask by GET, with a client key unless told."""
    query = {"extensions": json.dumps(named(text)), "variables": json.dumps(variables)}
    headers.setdefault("x-api-key", edge.tenant.client)
    return await edge.client.get(f"/graphql?{urlencode(query)}", headers=headers)


async def by_hash(edge: Edge, text: str, variables: object = SUBJECT) -> httpx.Response:
    body = {"extensions": named(text), "variables": variables}
    return await edge.send(body, key=edge.tenant.client)


async def test_a_registered_document_is_named_by_its_hash(edge: Edge) -> None:
    await started(edge)
    answer = (await add(edge, DOCUMENT))["data"]["registerDocument"]
    digest = named(DOCUMENT)["persistedQuery"]["sha256Hash"]
    assert answer["document"]["sha256"] == digest
    assert answer["document"]["text"] == DOCUMENT
    whole = await edge.post(DOCUMENT, key=edge.tenant.client, **SUBJECT)
    for _ in range(3):
        assert (await by_hash(edge, DOCUMENT)).content == whole.content
        assert (await get(edge, DOCUMENT)).json() == whole.json()


async def test_a_client_keeps_an_answer_until_it_no_longer_holds(edge: Edge) -> None:
    await started(edge)
    await add(edge, DOCUMENT)
    for _ in range(2):
        first = await get(edge, DOCUMENT)
        assert first.headers["cache-control"] == "private, no-cache"
        assert "x-api-key" in first.headers["vary"]
        assert "authorization" in first.headers["vary"]
        assert first.headers["access-control-allow-origin"] == "*"
        etag = first.headers["etag"]
        for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await get(edge, DOCUMENT, **{"if-none-match": sent})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        other = {"subject": {"userId": "u2"}, "keys": ["nothing"]}
        moved = await get(edge, DOCUMENT, other, **{"if-none-match": etag})
        assert moved.status_code == 200
        assert moved.headers["etag"] != etag


async def test_an_unknown_hash_is_said_in_the_words_of_the_convention(
    edge: Edge,
) -> None:
    for answer in (await by_hash(edge, DOCUMENT), await get(edge, DOCUMENT)):
        (error,) = answer.json()["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert "etag" not in answer.headers


async def test_a_browser_may_get_only_what_is_registered(edge: Edge) -> None:
    answer = await edge.client.get(
        "/graphql?query={__typename}", headers={"x-api-key": edge.tenant.client}
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_registering_grants_nothing(edge: Edge) -> None:
    text = "{ auditLog { edges { node { id } } } }"
    await add(edge, text)
    for _ in range(3):
        answer = await get(edge, text)
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_mutation_is_not_for_get_though_it_is_registered(edge: Edge) -> None:
    await add(edge, REGISTER)
    key = {"x-api-key": edge.tenant.admin}
    answer = await get(edge, REGISTER, {"input": {}}, **key)
    assert answer.status_code == 405


async def test_another_environment_does_not_know_the_document(edge: Edge) -> None:
    await started(edge)
    await add(edge, DOCUMENT)
    assert "data" in (await get(edge, DOCUMENT)).json()
    other = await make_tenant(edge.database, "rival")
    answer = await get(edge, DOCUMENT, **{"x-api-key": other.client})
    code = answer.json()["errors"][0]["extensions"]["code"]
    assert code == "PERSISTED_QUERY_NOT_FOUND"


async def test_the_text_counts_where_a_wrong_hash_comes_with_it(edge: Edge) -> None:
    await add(edge, DOCUMENT)
    body = {"query": "{ __typename }", "extensions": named(DOCUMENT)}
    for _ in range(5):
        answer = await edge.send(body, key=edge.tenant.client)
        assert answer.json() == {"data": {"__typename": "Query"}}


async def test_only_valid_documents_are_registered_and_only_by_editors(
    edge: Edge,
) -> None:
    for number, text in enumerate(
        ("{", "{ nothing }", "", "{ __typename } #" + "x" * 33_000)
    ):
        answer = await add(edge, text, name=str(number))
        assert answer["data"]["registerDocument"]["code"] == "DOCUMENT_INVALID", text
    refused = await add(edge, DOCUMENT, key=edge.tenant.viewer)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_document_is_registered_once(edge: Edge) -> None:
    for name in ("one", "one", "two"):
        await add(edge, DOCUMENT, name=name)
    answer = await edge.ask("{ registeredDocuments { text } }")
    assert answer["data"] == {"registeredDocuments": [{"text": DOCUMENT}]}


async def test_a_removed_document_is_named_by_nobody(edge: Edge) -> None:
    await started(edge)
    assert (await add(edge, DOCUMENT))["data"]["registerDocument"]["replayed"] is False
    assert (await get(edge, DOCUMENT)).status_code == 200
    removed = await remove(edge, DOCUMENT)
    assert removed == {
        "__typename": "RemoveDocumentPayload",
        "sha256": named(DOCUMENT)["persistedQuery"]["sha256Hash"],
        "replayed": False,
    }
    assert (await remove(edge, DOCUMENT))["replayed"] is True
    assert (await remove(edge, DOCUMENT, name="again"))["code"] == "NOT_FOUND"
    for answer in (await get(edge, DOCUMENT), await by_hash(edge, DOCUMENT)):
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    replayed = (await add(edge, DOCUMENT))["data"]["registerDocument"]
    assert replayed["replayed"] is True
    assert replayed["document"]["text"] == DOCUMENT
    assert (await get(edge, DOCUMENT)).json()["errors"]
    await add(edge, DOCUMENT, name="anew")
    assert (await get(edge, DOCUMENT)).status_code == 200
    asked = "{ auditLog(first: 10) { edges { node { action } } } }"
    listed = await edge.ask(asked)
    actions = [each["node"]["action"] for each in listed["data"]["auditLog"]["edges"]]
    assert actions.count("document.remove") == 1
    assert actions.count("document.register") == 2


async def test_a_claim_that_says_no_instant_is_replayed_after_a_removal(
    edge: Edge,
) -> None:
    first = (await add(edge, DOCUMENT))["data"]["registerDocument"]
    async with edge.database.sessions.begin() as session:
        claims = await session.exec(
            select(IdempotencyClaim)
            .where(IdempotencyClaim.operation == "registerDocument")
            .order_by("id")
        )
        claim = claims.one()
        claim.result = {"document": (claim.result or {})["document"]}
        session.add(claim)
    assert (await add(edge, DOCUMENT))["data"]["registerDocument"] == first | {
        "replayed": True
    }
    await remove(edge, DOCUMENT)
    again = (await add(edge, DOCUMENT))["data"]["registerDocument"]
    assert again["replayed"] is True
    assert again["document"]["text"] == first["document"]["text"]
    said, was = (each["document"]["registeredAt"] for each in (again, first))
    apart = datetime.fromisoformat(said) - datetime.fromisoformat(was)
    # The audit trail has it, written by a later statement of the same transaction.
    assert timedelta() <= apart < timedelta(seconds=30)


@pytest.mark.parametrize(
    "hashed",
    [
        {"version": 1, "sha256Hash": "0" * 63},
        {"version": 1, "sha256Hash": "Z" * 64},
        {"version": 2, "sha256Hash": "0" * 64},
        "0" * 64,
    ],
)
async def test_a_hash_that_is_none_is_told_so_by_get_and_post(
    edge: Edge, hashed: object
) -> None:
    extensions = {"persistedQuery": hashed}
    headers = {"authorization": f"Bearer {edge.tenant.client}"}
    posted = await edge.client.post(
        "/graphql", json={"extensions": extensions}, headers=headers
    )
    asked = {"extensions": json.dumps(extensions)}
    got = await edge.client.get("/graphql", params=asked, headers=headers)
    for response in (posted, got):
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "BAD_REQUEST"
        assert "64 hex digits" in error["message"]


async def test_a_client_key_is_told_how_to_ask_what_it_may_not_get(edge: Edge) -> None:
    headers = {"authorization": f"Bearer {edge.tenant.client}"}
    asked = {"query": "{ __typename }"}
    response = await edge.client.get("/graphql", params=asked, headers=headers)
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert "send this by POST" in error["message"]


async def test_of_two_removals_at_once_one_wins(edge: Edge) -> None:
    environment_id = edge.tenant.environment.id
    name = named(DOCUMENT)["persistedQuery"]["sha256Hash"]
    await add(edge, DOCUMENT)
    async with edge.database.sessions.begin() as session:
        await documents.remove(session, environment_id=environment_id, name=name)
        second = asyncio.create_task(remove(edge, DOCUMENT))
        # On PostgreSQL it has found the row by then, and waits for this transaction.
        await asyncio.sleep(0.3)
    assert (await second)["code"] == "NOT_FOUND"


async def test_another_process_hears_of_a_removal_within_a_minute(edge: Edge) -> None:
    now = [0.0]
    there = Registry(edge.database.readers, clock=lambda: now[0])
    environment_id = edge.tenant.environment.id
    digest = named(DOCUMENT)["persistedQuery"]["sha256Hash"]
    await add(edge, DOCUMENT)
    assert await there.text(environment_id, digest) == DOCUMENT
    assert await remove(edge, DOCUMENT, key=edge.tenant.admin)
    now[0] = FRESH_SECONDS - 1
    assert there.known(environment_id, digest) == DOCUMENT
    now[0] = FRESH_SECONDS + 1
    with pytest.raises(UnknownDocument):
        await there.text(environment_id, digest)


async def test_what_is_known_stays_known_while_the_database_is_away(edge: Edge) -> None:
    now = [0.0]

    @asynccontextmanager
    async def readers() -> AsyncIterator[AsyncSession]:
        if now[0]:
            raise Unreachable("away")
        async with edge.database.readers() as session:
            yield session

    there = Registry(cast(Sessions, readers), clock=lambda: now[0])
    digest = named(DOCUMENT)["persistedQuery"]["sha256Hash"]
    await add(edge, DOCUMENT)
    environment_id = edge.tenant.environment.id
    for now[0] in (0.0, FRESH_SECONDS + 1, 3 * FRESH_SECONDS):
        assert await there.text(environment_id, digest) == DOCUMENT


async def test_a_registry_is_bounded(edge: Edge) -> None:
    environment_id = edge.tenant.environment.id
    async with edge.database.sessions.begin() as session:
        for number in range(MAX_DOCUMENTS):
            text = f"{{ a{number}: __typename }}"
            await register(session, environment_id=environment_id, text=text)
    async with edge.database.sessions.begin() as session:
        with pytest.raises(Conflict, match="at most 500"):
            await register(session, environment_id=environment_id, text=DOCUMENT)
        await register(
            session, environment_id=environment_id, text="{ a0: __typename }"
        )
