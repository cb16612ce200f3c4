"""The audit chain."""

import pytest
from sqlalchemy import text

from core import audit, audit_chain
from core.database import Sessions
from tests.conftest import Tenant

pytestmark = pytest.mark.stores


async def _record(sessions: Sessions, tenant: Tenant, times: int) -> None:
    for count in range(times):
        async with sessions.begin() as session:
            await audit.record(
                session,
                actor=tenant.actor,
                project_id=tenant.project_id,
                environment_id=tenant.environment_id,
                action="thing.change",
                subject="Thing",
                subject_id=tenant.project_id,
                before={"count": count, "label": "é"},
                after={"count": count + 1},
                reason="because",
            )


async def test_a_sealed_chain_verifies(sessions: Sessions, tenant: Tenant) -> None:
    await _record(sessions, tenant, 5)
    async with sessions.begin() as session:
        assert await audit_chain.seal(session) == 5
    await _record(sessions, tenant, 2)
    async with sessions() as session:
        found = await audit_chain.verify(session, tenant.project_id)
    assert (found.sealed, found.unsealed, found.broken_at) == (5, 2, None)
    noted = found.link
    async with sessions.begin() as session:
        assert await audit_chain.seal(session) == 2
        assert await audit_chain.seal(session) == 0
    async with sessions() as session:
        found = await audit_chain.verify(session, tenant.project_id)
    assert (found.sealed, found.unsealed, found.broken_at) == (7, 0, None)
    assert found.link not in {"", noted}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit_row SET reason = 'else' WHERE number = 3", 3),
        ("DELETE FROM audit_row WHERE number = 2", 2),
        ("UPDATE audit_row SET actor_name = 'eve' WHERE number = 1", 1),
        ("UPDATE audit_row SET link = NULL WHERE number = 4", 4),
        ("DELETE FROM audit_row WHERE number > 2", 3),
        ("DELETE FROM audit_row", 1),
        ("UPDATE audit_head SET number = 3", 4),
        ("UPDATE audit_head SET link = 'else'", 4),
        ("DELETE FROM audit_head", 1),
    ],
)
async def test_a_changed_row_is_named(
    sessions: Sessions, tenant: Tenant, change: str, broken: int
) -> None:
    await _record(sessions, tenant, 4)
    async with sessions.begin() as session:
        await audit_chain.seal(session)
    async with sessions.begin() as session:
        await (await session.connection()).execute(text(change))
    async with sessions() as session:
        found = await audit_chain.verify(session, tenant.project_id)
    assert found.broken_at == broken
