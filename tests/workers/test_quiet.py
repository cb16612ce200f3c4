"""A phase whose state stands still is not analysed again; it only becomes fresher."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from experiments.analysis.models import CurrentSnapshot
from experiments.events.log import NewEvent
from tests.conftest import Tenant
from tests.workers.test_analysis import SINCE, begin, drain, events, finish, snapshots
from workers.context import TaskContext
from workers.tasks import analyse_experiments, publish_phases

pytestmark = pytest.mark.stores


async def analysed(context: TaskContext, tenant: Tenant) -> CurrentSnapshot:
    """A finished import after its look."""
    await begin(context, tenant)
    await context.log.append(tenant.environment_id, events(), batch_id="import")
    await drain(context)
    await finish(context, tenant)
    for _ in range(3):
        await drain(context)
        await analyse_experiments.run(context)
        await publish_phases.run(context)
    # The watermark passes the end of the phase, which is read once more then.
    await pay(context, tenant, "stranger")
    await analyse_experiments.run(context)
    return await shown(context)


async def shown(context: TaskContext) -> CurrentSnapshot:
    async with context.database.readers() as session:
        return (await session.exec(select(CurrentSnapshot))).one()


async def pay(context: TaskContext, tenant: Tenant, user: str) -> None:
    """One more payment inside a unit's window, or of somebody who is no unit."""
    paid = NewEvent(
        id=f"{user}-again",
        name="paid",
        user_id=user,
        occurred_at=SINCE + timedelta(hours=5),
        value=Decimal(2),
    )
    await context.log.append(tenant.environment_id, [paid], batch_id="import")
    await drain(context)


async def test_a_phase_that_nothing_happened_to_only_becomes_fresher(
    context: TaskContext, tenant: Tenant
) -> None:
    before = await analysed(context, tenant)
    await pay(context, tenant, "nobody")
    assert await analyse_experiments.run(context) == 0
    after = await shown(context)
    assert after.snapshot_id == before.snapshot_id
    assert after.position > before.position
    assert after.watermark >= before.watermark
    assert after.last_event_at is not None


async def test_a_phase_that_moved_is_analysed_again(
    context: TaskContext, tenant: Tenant
) -> None:
    before = await analysed(context, tenant)
    await pay(context, tenant, "u3")
    assert await analyse_experiments.run(context) == 1
    after = await shown(context)
    assert after.snapshot_id != before.snapshot_id
    assert len(await snapshots(context)) == 2


async def test_a_worker_that_forgot_everything_comes_to_the_same_snapshot(
    context: TaskContext, tenant: Tenant
) -> None:
    before = await analysed(context, tenant)
    other = replace(context, memory={})
    assert await analyse_experiments.run(other) == 1
    assert (await shown(context)).snapshot_id == before.snapshot_id
    assert len(await snapshots(context)) == 1


async def test_the_log_counts_how_often_a_state_moved(
    context: TaskContext, tenant: Tenant
) -> None:
    phase_id = (await analysed(context, tenant)).phase_id
    before = (await context.log.standings([phase_id]))[phase_id]
    await pay(context, tenant, "nobody")
    same = (await context.log.standings([phase_id]))[phase_id]
    await pay(context, tenant, "u3")
    moved = (await context.log.standings([phase_id]))[phase_id]
    assert same.moved == before.moved < moved.moved
    assert same.position > before.position
