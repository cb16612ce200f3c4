"""One poisoned row stops no other row and no other project, and is still heard of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from experiments import queries, service
from experiments.analysis.models import CurrentSnapshot, Snapshot
from experiments.events.log import EventLog, FoldReport
from experiments.models import Phase
from tests.conftest import Tenant
from tests.experiments.company import Company, step
from workers.context import TaskContext
from workers.isolation import each
from workers.tasks import (
    analyse_experiments,
    distil_verdicts,
    fold_events,
    publish_phases,
)

pytestmark = pytest.mark.stores

START = datetime(2026, 1, 1, tzinfo=UTC)


async def phases(context: TaskContext, tenant: Tenant, count: int) -> list[UUID]:
    """Running experiments, one phase each."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    ids = []
    async with context.database.sessions.begin() as session:
        await company.metrics(session)
        for number in range(count):
            experiment = await company.draft(session, f"experiment-{number}")
            phase = await service.start(
                session,
                step(company, experiment),
                environment_id=company.environment_id,
            )
            ids.append(phase.id)
    return ids


async def poison(context: TaskContext, phase_id: UUID) -> None:
    """Make a phase's design unreadable."""
    async with context.database.sessions.begin() as session:
        await session.exec(
            update(Phase).where(col(Phase.id) == phase_id).values(design={"no": 1})
        )


async def analysed(context: TaskContext) -> set[UUID]:
    async with context.database.readers() as session:
        return set((await session.exec(select(CurrentSnapshot.phase_id))).all())


async def test_a_phase_that_cannot_be_published_stops_no_other(
    context: TaskContext, tenant: Tenant
) -> None:
    first, _ = await phases(context, tenant, 2)
    await poison(context, first)
    with pytest.raises(ExceptionGroup):
        await publish_phases.run(context)
    async with context.database.readers() as session:
        waiting = await queries.unpublished_phases(session, limit=10)
    assert [phase.id for phase in waiting] == [first]


async def test_a_phase_that_cannot_be_analysed_stops_no_other_and_is_tried_again(
    context: TaskContext, tenant: Tenant
) -> None:
    first, second = await phases(context, tenant, 2)
    await publish_phases.run(context)
    while await fold_events.run(context):
        pass
    await poison(context, first)
    for _ in range(2):
        with pytest.raises(ExceptionGroup):
            await analyse_experiments.run(context)
    assert await analysed(context) == {second}


async def test_every_phase_is_analysed_however_many_there_are(
    context: TaskContext, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyse_experiments, "BATCH", 2)
    ids = await phases(context, tenant, 5)
    await publish_phases.run(context)
    while await fold_events.run(context):
        pass
    runs = []
    while done := await analyse_experiments.run(context):
        runs.append(done)
    assert runs == [2, 2, 1]
    assert await analysed(context) == set(ids)


async def test_a_phase_is_final_long_after_its_windows_closed(
    context: TaskContext, tenant: Tenant
) -> None:
    await phases(context, tenant, 1)
    async with context.database.readers() as session:
        (phase,) = await queries.unpublished_phases(session, limit=1)
    late = phase.started_at + timedelta(days=400)
    assert not analyse_experiments.is_final(phase, late)
    phase.ended_at = phase.started_at
    assert not analyse_experiments.is_final(phase, None)
    assert not analyse_experiments.is_final(phase, phase.ended_at + timedelta(days=30))
    assert analyse_experiments.is_final(phase, late)


async def test_each_tries_all_and_raises_what_failed() -> None:
    tried = []

    async def handle(item: int) -> int:
        tried.append(item)
        if item == 1:
            raise ValueError(item)
        return item

    with pytest.raises(ExceptionGroup) as failed:
        await each([1, 2, 3], handle)
    assert tried == [1, 2, 3]
    assert len(failed.value.exceptions) == 1
    assert await each([2, 3], handle) == 5


class HalfBroken:
    """An event log in which one environment cannot be folded."""

    def __init__(self, broken: UUID, whole: UUID) -> None:
        self._broken, self._whole = broken, whole
        self.folded: list[UUID] = []

    async def environments_with_work(self) -> list[UUID]:
        return [self._broken, self._whole]

    async def fold(
        self, environment_id: UUID, *, limit: int, hold_at: datetime | None = None
    ) -> FoldReport:
        if environment_id == self._broken:
            raise RuntimeError("no")
        self.folded.append(environment_id)
        return FoldReport(1, 0, 0, 0, START, timedelta(0))


async def test_an_environment_that_cannot_be_folded_stops_no_other(
    context: TaskContext, tenant: Tenant
) -> None:
    log = HalfBroken(tenant.project_id, tenant.environment_id)
    with pytest.raises(ExceptionGroup):
        await fold_events.run(replace(context, log=cast(EventLog, log)))
    assert log.folded == [tenant.environment_id]


async def test_a_snapshot_that_cannot_be_read_holds_up_no_other(
    context: TaskContext, tenant: Tenant
) -> None:
    await phases(context, tenant, 2)
    await publish_phases.run(context)
    while await fold_events.run(context):
        pass
    assert await analyse_experiments.run(context) == 2
    async with context.database.sessions.begin() as session:
        broken, whole = (await session.exec(select(Snapshot.id))).all()
        await session.exec(
            update(Snapshot).where(col(Snapshot.id) == broken).values(body={"no": 1})
        )
    with pytest.raises(ExceptionGroup):
        await distil_verdicts.run(context)
    async with context.database.readers() as session:
        assert (await session.get_one(Snapshot, broken)).distilled_at is None
        assert (await session.get_one(Snapshot, whole)).distilled_at is not None
