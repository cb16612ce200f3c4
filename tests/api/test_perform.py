"""One write for one key, however often and however much at once it is asked for."""

import asyncio

import pytest
import strawberry
from sqlmodel import func, select

from api.graphql import perform as performing
from api.graphql.perform import canonical
from core.audit import AuditRow
from core.idempotency import ClaimKey, ClaimTaken, IdempotencyClaim, claim, input_hash
from core.keys import ApiKey
from tests.api.conftest import Edge
from tests.api.test_graphql import CREATE, INPUT

pytestmark = pytest.mark.stores


async def test_a_hundred_at_once_are_one_write(edge: Edge) -> None:
    answers = await asyncio.gather(*(edge.ask(CREATE, input=INPUT) for _ in range(100)))
    results = [answer["data"]["createApiKey"] for answer in answers]
    assert {result["apiKey"]["id"] for result in results} == {
        results[0]["apiKey"]["id"]
    }
    assert sum(not result["replayed"] for result in results) == 1
    assert sum(result["secret"] is not None for result in results) == 1
    async with edge.database.readers() as session:
        keys = await session.exec(select(func.count()).select_from(ApiKey))
        rows = await session.exec(select(func.count()).select_from(AuditRow))
        assert (keys.one(), rows.one()) == (4, 1)


async def test_two_actors_may_use_the_same_key(edge: Edge) -> None:
    made = await edge.ask(CREATE, input={**INPUT, "role": "ADMIN"})
    second = made["data"]["createApiKey"]["secret"]
    again = await edge.ask(CREATE, key=second, input={**INPUT, "role": "ADMIN"})
    assert again["data"]["createApiKey"]["replayed"] is False


async def test_a_refused_write_leaves_its_key_free(edge: Edge) -> None:
    refused = await edge.ask(CREATE, input={**INPUT, "name": "  "})
    made = await edge.ask(CREATE, input=INPUT)
    assert refused["data"]["createApiKey"]["code"] == "INVALID"
    assert refused["data"]["createApiKey"]["path"] == ["name"]
    assert made["data"]["createApiKey"]["replayed"] is False


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_has_a_length(edge: Edge, key: str) -> None:
    answer = await edge.ask(CREATE, input={**INPUT, "idempotencyKey": key})
    assert answer["data"]["createApiKey"]["__typename"] == "ValidationError"
    assert answer["data"]["createApiKey"]["path"] == ["idempotencyKey"]


async def test_a_key_in_use_is_waited_for_and_then_in_progress(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert performing.PATIENCE_SECONDS == 2
    monkeypatch.setattr(performing, "PATIENCE_SECONDS", 0.3)

    async def held(*_: object) -> object:
        raise ClaimTaken("Somebody has it.", path=("idempotencyKey",))

    monkeypatch.setattr(performing, "claim", held)
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await edge.ask(CREATE, input=INPUT)
    assert 0.3 <= loop.time() - started < 2
    assert answer["data"]["createApiKey"]["__typename"] == "IdempotencyError"
    assert answer["data"]["createApiKey"]["code"] == "IN_PROGRESS"


async def test_a_claim_that_another_transaction_holds_ends_in_progress(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    if edge.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: nobody else can hold a claim")
    monkeypatch.setattr(performing, "PATIENCE_SECONDS", 0.5)
    async with edge.database.readers() as session:
        prefix = edge.tenant.admin[:13]
        found = await session.exec(select(ApiKey.id).where(ApiKey.prefix == prefix))
        actor = f"KEY:{found.one()}"
    key = ClaimKey(edge.tenant.environment.id, actor, "createApiKey", "k1")
    async with edge.database.sessions.begin() as holder:
        await claim(holder, key, "another")
        answer = await edge.ask(CREATE, input=INPUT)
    assert answer["data"]["createApiKey"]["code"] == "IN_PROGRESS"


async def test_the_claim_and_the_write_are_one_transaction(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> object:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("core.audit.record", crash)
        crashed = await edge.ask(CREATE, input=INPUT)
    assert crashed["errors"][0]["extensions"]["code"] == "INTERNAL"
    async with edge.database.readers() as session:
        keys = await session.exec(select(func.count()).select_from(ApiKey))
        claims = await session.exec(select(func.count()).select_from(IdempotencyClaim))
        assert (keys.one(), claims.one()) == (3, 0)


def test_an_input_has_one_canonical_form() -> None:
    assert canonical({"b": 1, "a": [None, True]}) == {"a": [None, True], "b": 1}
    assert input_hash(canonical({"a": 1})) != input_hash(canonical({"a": "1"}))
    assert canonical(strawberry.Some(None)) != canonical(None)
