"""Rollouts go on by the clock, and what was shipped is measured again, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import Database
from core.settings import Settings
from experiments import queries, service
from experiments.analysis.models import CurrentSnapshot, Snapshot
from experiments.events.log import EXPOSURE, NewEvent, open_log
from experiments.models import Experiment, Phase
from experiments.service.loading import load
from experiments.service.shipping import ShipPlan
from experiments.shipping.models import Basis, Memo, Remeasurement, Shipment
from experiments.shipping.queries import last_memo
from tests.conftest import StoreUrls, Tenant
from tests.experiments.company import Company, step
from tests.experiments.shipping.concluded import (
    Clock,
    as_it_is,
    decided,
    report,
    ship,
    show,
)
from workers.context import TaskContext, outbound
from workers.tasks import fold_events, publish_phases, remeasure, roll_out
from workers.wakes import EmbeddedQueue

pytestmark = pytest.mark.stores

PLAN = ShipPlan("short", holdback=0.05)
MEASURED = ShipPlan("short", holdback=0.2, steps=())
UNITS = 600


@pytest.fixture
def clock() -> Clock:
    """One for both stores."""
    return Clock()


@pytest.fixture
async def database(store_urls: StoreUrls, clock: Clock) -> AsyncIterator[Database]:
    """The facts database, on that clock."""
    database = Database(store_urls.facts, clock=clock)
    yield database
    await database.dispose()


@pytest.fixture
async def company(database: Database, tenant: Tenant) -> Company:
    """A project with two metrics."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    async with database.sessions.begin() as session:
        await company.metrics(session)
    return company


@pytest.fixture
async def context(
    database: Database, store_urls: StoreUrls, clock: Clock, tmp_path: Path
) -> AsyncIterator[TaskContext]:
    """What tasks work with."""
    settings = Settings(data_dir=tmp_path)
    log = open_log(store_urls.events, clock=clock)
    await log.open()
    async with outbound(settings) as http:
        yield TaskContext(database, log, settings, EmbeddedQueue(), http)
    await log.close()


async def shipped(
    context: TaskContext,
    company: Company,
    clock: Clock,
    plan: ShipPlan,
    **changes: object,
) -> UUID:
    """An experiment of which the plan is shipped."""
    async with context.database.sessions.begin() as session:
        row = await decided(session, company, clock, **changes)
        await ship(session, company, row, plan)
        return row.id


async def experiment(context: TaskContext, experiment_id: UUID) -> Experiment:
    async with context.database.readers() as session:
        return await session.get_one(Experiment, experiment_id)


async def shipment(context: TaskContext) -> Shipment:
    async with context.database.readers() as session:
        return (await session.exec(select(Shipment))).one()


async def measurements(context: TaskContext) -> list[Remeasurement]:
    async with context.database.readers() as session:
        found = await session.exec(
            select(Remeasurement).order_by(Remeasurement.day)  # type: ignore[arg-type]
        )
        return list(found.all())


async def used(context: TaskContext, company: Company, clock: Clock) -> None:
    """Everybody asks, and is exposed where the SDK would say so; the treated pay more.

    Of ten who are held back one pays, of ten who are treated three do.
    """
    async with context.database.readers() as session:
        snapshot = await load(session, company.environment_id)
    events = []
    for number in range(UNITS):
        user = f"user-{number}"
        (decision,) = snapshot.decide_all({"id": user})
        if decision.in_experiment:
            events.append(_exposure(user, decision.variant.key, clock))
        if number % 10 < (3 if decision.variant.key == "short" else 1):
            events.append(_paid(user, clock.at + timedelta(seconds=60), "after"))
    await context.log.append(company.environment_id, events)


def _exposure(user: str, variant: str, clock: Clock) -> NewEvent:
    return NewEvent(
        id=f"{user}-seen",
        name=EXPOSURE,
        user_id=user,
        occurred_at=clock.at,
        experiment_key="short-form",
        variant_key=variant,
    )


def _paid(user: str, at: Any, why: str) -> NewEvent:
    return NewEvent(id=f"{user}-{why}", name="paid", user_id=user, occurred_at=at)


async def drain(context: TaskContext) -> None:
    """Publish and fold until nothing is left."""
    while await publish_phases.run(context) + await fold_events.run(context):
        pass


async def test_of_two_workers_one_takes_the_step_that_is_due(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    experiment_id = await shipped(context, company, clock, PLAN)
    assert await roll_out.run(context) == 0
    clock.move(hours=24)
    done = await asyncio.gather(*(roll_out.run(context) for _ in range(2)))
    assert sum(done) == 1
    assert (await shipment(context)).share == 0.5
    clock.move(hours=24)
    assert await roll_out.run(context) == 1
    assert (await shipment(context)).share == 1.0
    assert (await experiment(context, experiment_id)).status == "SHIPPED"
    assert await roll_out.run(context) == 0
    async with context.database.readers() as session:
        advances = await session.exec(
            select(AuditRow).where(AuditRow.action == "rollout.advance").order_by("id")
        )
        assert len(advances.all()) == 2


async def test_a_rollout_that_was_missed_takes_one_step_and_holds_it(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    await shipped(context, company, clock, PLAN)
    clock.move(days=10)
    assert await roll_out.run(context) == 1
    assert await roll_out.run(context) == 0
    found = await shipment(context)
    assert (found.share, found.next_at) == (0.5, clock.at + timedelta(hours=24))


async def test_the_holdback_says_what_it_is_still_worth(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    experiment_id = await shipped(context, company, clock, MEASURED)
    await result(context, experiment_id, effect=0.2)
    await publish_phases.run(context)
    await used(context, company, clock)
    clock.move(days=13)
    await drain(context)
    assert await remeasure.run(context) == 0
    clock.move(days=1, hours=2)
    await drain(context)
    done = await asyncio.gather(*(remeasure.run(context) for _ in range(2)))
    assert sum(done) == 1
    first, *later = await measurements(context)
    assert (first.day, first.basis, first.metric_key) == (14, Basis.HOLDBACK, "paid")
    assert first.control_units is not None
    assert first.treatment_units is not None
    assert abs(first.control_units - 120) < 40
    assert abs(first.treatment_units - 300) < 50
    assert first.absolute is not None
    assert first.low is not None
    assert first.high is not None
    four_errors = first.high - first.low
    assert abs(first.absolute - 0.2) < four_errors
    assert first.low < first.absolute < first.high
    assert {row.done_at for row in later} == {None}
    assert (await experiment(context, experiment_id)).status == "SHIPPED"
    async with context.database.readers() as session:
        memo = await last_memo(session, experiment_id)
    assert memo is not None
    assert "## After 14 days: HOLDBACK" in memo.text


async def result(context: TaskContext, experiment_id: UUID, *, effect: float) -> None:
    """The experiment found this before."""
    async with context.database.sessions.begin() as session:
        phase = await queries.current_phase(session, experiment_id)
        for kind in (CurrentSnapshot, Snapshot):
            for row in (await session.exec(select(kind))).all():
                await session.delete(row)
            await session.flush()
        await show(session, phase, report(effect=effect))


async def test_what_was_missed_is_measured_late_and_the_last_one_ends_it(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    experiment_id = await shipped(context, company, clock, MEASURED)
    await result(context, experiment_id, effect=0.2)
    await publish_phases.run(context)
    await used(context, company, clock)
    clock.move(days=100)
    await drain(context)
    assert await remeasure.run(context) == 3
    assert await remeasure.run(context) == 0
    assert (await experiment(context, experiment_id)).status == "MEASURED"
    async with context.database.readers() as session:
        kinds = (await session.exec(select(Memo.kind).order_by(Memo.version))).all()  # type: ignore[arg-type]
        memo = await last_memo(session, experiment_id)
    assert kinds == ["DECIDED", "REMEASURED", "REMEASURED", "REMEASURED"]
    assert memo is not None
    assert "## After 90 days: HOLDBACK" in memo.text


async def test_a_holdback_that_cannot_see_the_effect_is_not_called_measured(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    experiment_id = await shipped(context, company, clock, MEASURED)
    await result(context, experiment_id, effect=0.001)
    await publish_phases.run(context)
    await used(context, company, clock)
    clock.move(days=100)
    await drain(context)
    assert await remeasure.run(context) == 3
    rows = await measurements(context)
    assert {row.basis for row in rows} == {Basis.CANNOT_MEASURE}
    assert all("the one that was shipped is +0.001" in row.note for row in rows)
    assert (await experiment(context, experiment_id)).status == "SHIPPED"


async def test_without_a_holdback_before_is_compared_with_after(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    begun = clock.at
    experiment_id = await shipped(context, company, clock, ShipPlan("short", steps=()))
    await publish_phases.run(context)
    before = [
        event
        for number in range(200)
        for event in (
            _seen(f"old-{number}", begun - timedelta(days=13)),
            *(
                [_paid(f"old-{number}", begun - timedelta(days=12), "before")]
                if number % 10 < 1
                else []
            ),
        )
    ]
    after = [
        event
        for number in range(200)
        for event in (
            _seen(f"new-{number}", clock.at + timedelta(days=1)),
            *(
                [_paid(f"new-{number}", clock.at + timedelta(days=2), "after")]
                if number % 10 < 3
                else []
            ),
        )
    ]
    clock.move(days=14, hours=2)
    await context.log.append(company.environment_id, before + after, batch_id="history")
    await drain(context)
    assert await remeasure.run(context) == 1
    first, *_ = await measurements(context)
    assert first.basis is Basis.OBSERVATIONAL
    assert (first.control_units, first.treatment_units) == (200, 200)
    assert first.absolute == pytest.approx(0.2)
    async with context.database.readers() as session:
        phases = (
            await session.exec(
                select(Phase).where(Phase.experiment_id == experiment_id).order_by("id")
            )
        ).all()
    assert len(phases) == 1


def _seen(user: str, at: Any) -> NewEvent:
    return NewEvent(id=f"{user}-visit", name="visit", user_id=user, occurred_at=at)


async def test_what_is_rolled_back_is_not_measured_again(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    async with context.database.sessions.begin() as session:
        row = await decided(session, company, clock)
        await ship(session, company, row, MEASURED)
        row = await as_it_is(session, row)
        await service.roll_back(session, step(company, row), reason="It hurts.")
    clock.move(days=100)
    await drain(context)
    assert await remeasure.run(context) == 0
    assert {row.done_at for row in await measurements(context)} == {None}
