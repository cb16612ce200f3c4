"""Claims: one key, one write."""

import asyncio

import pytest

from core import idempotency
from core.database import Sessions
from core.idempotency import ClaimKey, ClaimTaken, IdempotencyConflict
from core.problems import Invalid
from tests.conftest import Tenant

pytestmark = pytest.mark.stores


def _key(tenant: Tenant, key: str = "k") -> ClaimKey:
    return ClaimKey(tenant.environment_id, "key:1", "createThing", key)


async def test_of_many_claims_one_is_made(sessions: Sessions, tenant: Tenant) -> None:
    digest = idempotency.input_hash({"b": 1, "a": [2]})

    async def attempt() -> bool:
        try:
            async with sessions.begin() as session:
                row = await idempotency.claim(session, _key(tenant), digest)
                await asyncio.sleep(0.01)
                row.result = {"id": "1"}
                session.add(row)
        except ClaimTaken:
            return False
        return True

    made = await asyncio.gather(*(attempt() for _ in range(10)))
    assert sum(made) == 1
    async with sessions() as session:
        stored = await idempotency.stored_result(session, _key(tenant), digest)
    assert stored == {"id": "1"}


async def test_another_input_under_the_same_key_is_refused(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await idempotency.claim(session, _key(tenant), idempotency.input_hash(1))
    async with sessions() as session:
        with pytest.raises(IdempotencyConflict):
            await idempotency.stored_result(
                session, _key(tenant), idempotency.input_hash(2)
            )


async def test_a_write_that_failed_leaves_no_claim(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions() as session:
        await idempotency.claim(session, _key(tenant), "d" * 64)
        await session.rollback()
    async with sessions() as session:
        assert (
            await idempotency.stored_result(session, _key(tenant), "e" * 64)
        ) is None


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_has_a_length(sessions: Sessions, tenant: Tenant, key: str) -> None:
    with pytest.raises(Invalid):
        async with sessions.begin() as session:
            await idempotency.claim(session, _key(tenant, key), "d" * 64)


def test_the_order_of_fields_does_not_change_the_hash() -> None:
    first = idempotency.input_hash({"a": 1, "b": {"c": None}})
    assert first == idempotency.input_hash({"b": {"c": None}, "a": 1})
    assert first != idempotency.input_hash({"a": 1, "b": {"c": 0}})
