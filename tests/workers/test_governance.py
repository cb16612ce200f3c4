"""Scheduled starts, ramps and alarms as workers attend to them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import Database
from core.settings import Settings
from experiments import queries, service
from experiments.analysis import service as analysis
from experiments.design import Direction, MetricDesign, MetricRole
from experiments.drafts import MeasureSpec
from experiments.events.log import EXPOSURE, NewEvent, open_log
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.freezing import design_of
from experiments.governance import queries as governance
from experiments.governance.ramps import RampStep
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase
from experiments.plan import HarmAction
from tests.conftest import StoreUrls, Tenant
from tests.experiments.company import CONVERSION, READY, Company, step
from tests.experiments.governance.people import Clock, at, report, show
from workers.context import TaskContext, outbound
from workers.tasks import (
    act_on_alarms,
    fold_events,
    publish_phases,
    ramp_experiments,
    start_scheduled,
)
from workers.wakes import EmbeddedQueue

pytestmark = pytest.mark.stores


@pytest.fixture
def clock() -> Clock:
    """The day before clocks go back in Paris."""
    return Clock(at("2026-10-24T08:00"))


@pytest.fixture
async def database(store_urls: StoreUrls, clock: Clock) -> AsyncIterator[Database]:
    """The facts database by that clock."""
    database = Database(store_urls.facts, clock=clock)
    yield database
    await database.dispose()


@pytest.fixture
async def context(
    database: Database, store_urls: StoreUrls, clock: Clock, tmp_path: Path
) -> AsyncIterator[TaskContext]:
    """One worker, by that clock."""
    settings = Settings(data_dir=tmp_path)
    log = open_log(store_urls.events, clock=clock)
    await log.open()
    async with outbound(settings) as http:
        yield TaskContext(database, log, settings, EmbeddedQueue(), http)
    await log.close()


@pytest.fixture
async def company(database: Database, tenant: Tenant) -> Company:
    """A project with two metrics."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    async with database.sessions.begin() as session:
        await company.metrics(session)
    return company


async def test_workers_that_come_back_start_what_is_due_once(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    async with context.database.sessions.begin() as session:
        row = await company.draft(session)
        await service.schedule(
            session,
            step(company, row),
            environment_id=company.environment_id,
            start_at="2026-10-25T09:00",
            time_zone="Europe/Paris",
        )
    clock.now = at("2026-10-25T07:59:59")
    assert await start_scheduled.run(context) == 0
    clock.now = at("2026-10-25T08:10")
    other = replace(context, memory={}, sending=set())
    begun = await asyncio.gather(*(start_scheduled.run(w) for w in (context, other)))
    assert sorted(begun) == [0, 1]
    assert await start_scheduled.run(other) == 0
    async with context.database.readers() as session:
        phase = await queries.current_phase(session, row.id)
        launch = (await governance.launches(session, [phase.id]))[phase.id]
    assert (phase.number, phase.started_at) == (1, clock.now)
    assert launch.scheduled_for == at("2026-10-25T08:00")


async def test_a_ramp_goes_on_when_enough_were_exposed(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    steps = [RampStep(0.1, 24, 5), RampStep(0.25, 24, 5), RampStep(0.5)]
    async with context.database.sessions.begin() as session:
        row = await company.draft(session)
        row = await service.plan_ramp(session, step(company, row), steps=steps)
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        await show(session, phase, report(phase))
    clock.now += timedelta(hours=24)
    assert await ramp_experiments.run(context) == 0
    met = [
        NewEvent(
            id=f"e{number}",
            name=EXPOSURE,
            user_id=f"u{number}",
            experiment_key="short-form",
            variant_key=("long", "short")[number % 2],
        )
        for number in range(5)
    ]
    await context.log.append(company.environment_id, met)
    await publish_phases.run(context)
    while await fold_events.run(context):
        pass
    assert await ramp_experiments.run(context) == 1
    assert await ramp_experiments.run(context) == 0
    async with context.database.readers() as session:
        ramp = (await governance.ramps(session, [phase.id]))[phase.id]
        phase = await queries.current_phase(session, row.id)
    assert (phase.coverage, ramp.step) == (0.25, 1)
    assert [hold["reason"] for hold in ramp.holds] == ["HOLD_TIME"]


def counted(metric: MetricDesign, arm: str, hits: int) -> ArmMetricState:
    """An arm of 5,000 units, of whom so many did it."""
    sums = Sums(n=5_000, y=hits, yy=hits)
    return ArmMetricState(
        arm=arm,
        metric_id=metric.metric_id,
        raw=sums,
        capped=None,
        nonzero=hits,
        maturing=0,
    )


def known(phase: Phase) -> PhaseState:
    """Churn of 200 in 5,000 under the control, and of 290 under the treatment."""
    design = design_of(phase)
    churn = next(m for m in design.metrics if m.key == "churn")
    later = phase.started_at + timedelta(days=20)
    return PhaseState(
        phase_id=phase.id,
        position=1,
        watermark=later,
        exposed={"long": 5_000, "short": 5_000},
        in_gaps={},
        conflicts={},
        linked={},
        joined={},
        metrics=tuple(
            counted(metric, arm, hits if metric is churn else 400)
            for metric in (design.primary, churn)
            for arm, hits in (("long", 200), ("short", 290))
        ),
        first_exposure_at=phase.started_at,
        last_event_at=later,
        backlog=0,
    )


async def test_churn_that_rises_stops_its_experiment_once(
    context: TaskContext, company: Company, clock: Clock
) -> None:
    spec = replace(CONVERSION, name="Churn", direction=Direction.DECREASE)
    guard = MeasureSpec(
        "churn", MetricRole.GUARDRAIL, 0.005, harm_action=HarmAction.STOP
    )
    primary = (READY.measures or ())[0]
    async with context.database.sessions.begin() as session:
        await service.define_metric(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="churn",
            spec=spec,
        )
        row = await company.draft(
            session, measures=(primary, guard), planned_units=20_000
        )
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
    clock.now += timedelta(days=20)
    async with context.database.sessions.begin() as session:
        await analysis.analyse(
            session,
            design=design_of(phase),
            state=known(phase),
            experiment_id=row.id,
            project_id=company.project_id,
            now=clock.now,
        )
    workers = [context, replace(context, memory={}, sending=set())]
    rang = await asyncio.gather(*(act_on_alarms.run(each) for each in workers))
    assert sorted(rang) == [0, 1]
    assert await act_on_alarms.run(context) == 0
    async with context.database.readers() as session:
        found = await session.get_one(Experiment, row.id)
        rows = await session.exec(
            select(AuditRow).where(AuditRow.actor_kind == "WORKER").order_by("id")
        )
        (stop,) = rows.all()
    assert found.status is ExperimentStatus.STOPPED
    assert stop.action == "experiment.stop"
    assert stop.reason is not None
    assert stop.reason.startswith("Churn 4.0% -> 5.8%: +1.8 points, at least +0.")
    assert stop.reason.endswith("; margin 0.5")
