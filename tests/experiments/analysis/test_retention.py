"""What is let go of the snapshots, and what is kept for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from core.database import Sessions
from experiments.analysis import service
from experiments.analysis.handoff import mark_distilled, take_undistilled
from experiments.analysis.models import Snapshot
from experiments.analysis.retention import thin_out
from tests.conftest import Tenant
from tests.experiments.analysis.designs import paid
from tests.experiments.analysis.stored import NOW, prepared, publish

pytestmark = pytest.mark.stores

GROWING = [(400, 20), (401, 20), (402, 21), (403, 21)]


async def refreshed(sessions: Sessions, tenant: Tenant) -> list[Snapshot]:
    """Four refreshes on one day, then an invalid one, and one more."""
    project = tenant.project_id
    plan, _ = paid((400, 20), (400, 30))
    experiment, plan = await prepared(sessions, project, tenant.environment_id, plan)
    states = [paid(control, (400, 30))[1] for control in GROWING]
    states += [paid((500, 20), (900, 30))[1], paid((501, 20), (900, 30))[1]]
    states += [paid((900, 20), (900, 30))[1]]
    found = []
    for position, one in enumerate(states):
        moved = replace(one, position=position)
        found.append(await publish(sessions, project, experiment, plan, moved))
    return found


async def distilled(sessions: Sessions) -> None:
    """Hand every snapshot on."""
    async with sessions.begin() as session:
        rows = await take_undistilled(session, limit=50)
        await mark_distilled(session, [row.id for row in rows])


async def kept(sessions: Sessions) -> list[int]:
    """The numbers of the snapshots that are left."""
    async with sessions() as session:
        found = await session.exec(
            select(Snapshot.number).order_by(col(Snapshot.number))
        )
        return list(found.all())


async def test_the_first_of_a_day_and_the_current_one_stay(
    sessions: Sessions, tenant: Tenant
) -> None:
    await refreshed(sessions, tenant)
    await distilled(sessions)
    async with sessions.begin() as session:
        later = NOW + timedelta(hours=1)
        assert await thin_out(session, before=later, limit=50) == 4
        assert await thin_out(session, before=later, limit=50) == 0
    assert await kept(sessions) == [1, 5, 7]


async def test_what_is_young_or_not_handed_on_stays(
    sessions: Sessions, tenant: Tenant
) -> None:
    await refreshed(sessions, tenant)
    async with sessions.begin() as session:
        assert await thin_out(session, before=NOW + timedelta(1), limit=50) == 0
    await distilled(sessions)
    async with sessions.begin() as session:
        assert await thin_out(session, before=NOW, limit=50) == 0


async def test_an_acknowledged_snapshot_stays(
    sessions: Sessions, tenant: Tenant
) -> None:
    found = await refreshed(sessions, tenant)
    await distilled(sessions)
    async with sessions.begin() as session:
        await service.acknowledge(
            session,
            project_id=tenant.project_id,
            snapshot_id=found[5].id,
            actor=tenant.actor,
            reason="To find the cause.",
        )
        assert await thin_out(session, before=NOW + timedelta(1), limit=50) == 3
    assert await kept(sessions) == [1, 5, 6, 7]


async def test_a_batch_is_bounded(sessions: Sessions, tenant: Tenant) -> None:
    await refreshed(sessions, tenant)
    await distilled(sessions)
    async with sessions.begin() as session:
        assert await thin_out(session, before=NOW + timedelta(1), limit=3) == 3
