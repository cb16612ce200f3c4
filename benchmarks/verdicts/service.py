"""A company that runs cases through the service, day by day on a simulated clock."""

import asyncio
import gc
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlmodel import SQLModel

from benchmarks.verdicts.cases import MARGIN_SHARE, WINDOWS, Case
from benchmarks.verdicts.history import Arrival, arrivals
from benchmarks.verdicts.outcomes import GUARDRAIL, KINDS, truth_of
from core.audit import Actor, ActorKind
from core.database import Database
from core.settings import Settings
from core.tenancy import create_project
from experiments import service
from experiments.analysis.queries import current_of_phase, read_report
from experiments.analysis.results import (
    Comparison,
    GuardrailOutcome,
    Outcome,
    Report,
)
from experiments.assignment.seeds import phase_seed
from experiments.design import Direction, MetricRole
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.events.log import open_log
from experiments.service.change import Intent
from experiments.treatments import TreatmentKind
from workers.context import TaskContext, outbound
from workers.tasks import analyse_experiments, fold_events, publish_phases
from workers.wakes import NullQueue

START = datetime(2026, 3, 2, tzinfo=UTC)
LAST_DAY = 27
"""When whoever is still waiting ends the experiment and reads what there is."""
LOOK_HOUR = 6
LAG = timedelta(hours=1)
RAISED_ON = 2
PROJECT_ID = UUID("01900000-0000-7000-8000-00000000c0de")


@dataclass(slots=True)
class Clock:
    """The instant that both stores see."""

    now: datetime = START

    def __call__(self) -> datetime:
        """The instant."""
        return self.now


@dataclass(frozen=True, slots=True)
class Found:
    """What the service recommended of a case, at the first moment that it did."""

    case: Case
    outcome: Outcome
    day: int
    look: int | None
    estimate: float | None
    """The effect as reported: corrected where the boundary was crossed early."""
    open_guardrail: bool
    """Whether the recommendation says that a guardrail is not shown to be safe."""
    headline: str

    @property
    def ships(self) -> bool:
        """Whether it says to ship the treatment."""
        return self.outcome is Outcome.SHIP


@dataclass(slots=True)
class _Running:
    """A case under way."""

    case: Case
    experiment_id: UUID
    phase_id: UUID
    version: int
    waiting: deque[Arrival]


@dataclass(slots=True)
class Company:
    """One project in stores of its own."""

    context: TaskContext
    clock: Clock
    environment_id: UUID
    actor: Actor = field(default=Actor(ActorKind.MEMBER, None, "ada"))

    async def define_metrics(self) -> None:
        """Each kind with each window, and the guardrail with each."""
        specs = {name: kind.spec for name, kind in KINDS.items()}
        async with self.context.database.sessions.begin() as session:
            for name, spec in {**specs, "complained": GUARDRAIL}.items():
                for days in WINDOWS:
                    await service.define_metric(
                        session,
                        project_id=PROJECT_ID,
                        actor=self.actor,
                        key=f"{name}-{days}",
                        spec=replace(spec, window_days=days),
                    )

    async def run(self, cases: Sequence[Case]) -> list[Found]:
        """Every case from its draft to its recommendation."""
        running = await self._start(cases)
        # All events to come are in memory: no collection is to walk them again.
        gc.freeze()
        found: list[Found] = []
        for day in range(1, LAST_DAY + 1):
            if day == RAISED_ON:
                await self._raise(running)
            self.clock.now = (
                START
                + timedelta(days=day, hours=LOOK_HOUR)
                + LAG
                + timedelta(minutes=1)
            )
            await self._receive(running)
            await self._work()
            if day == LAST_DAY:
                await self._end(running)
            read = await self._read(running, day)
            found += read
            decided = {each.case.number for each in read}
            over = [each for each in running if each.case.number in decided]
            running = [each for each in running if each.case.number not in decided]
            if day < LAST_DAY:
                await self._stop(over, "The recommendation is clear.")
                await publish_phases.run(self.context)
            if not running:
                break
        return found

    async def _start(self, cases: Sequence[Case]) -> list[_Running]:
        running = []
        for case in cases:
            async with self.context.database.sessions.begin() as session:
                drafted = await service.draft(
                    session,
                    project_id=PROJECT_ID,
                    actor=self.actor,
                    key=case.key,
                    treatment=TreatmentKind.FEATURE,
                    changes=_changes(case),
                )
                phase = await service.start(
                    session,
                    Intent.on(drafted, self.actor),
                    environment_id=self.environment_id,
                )
            sent = deque(arrivals(case, phase_seed(PROJECT_ID, case.key, 1), START))
            running.append(_Running(case, drafted.id, phase.id, drafted.version, sent))
        while await publish_phases.run(self.context):
            pass
        return running

    async def _raise(self, running: Sequence[_Running]) -> None:
        """The ramp's second step: everyone."""
        for each in running:
            if each.case.coverage < 1.0:
                async with self.context.database.sessions.begin() as session:
                    raised = await service.raise_coverage(
                        session,
                        Intent(
                            project_id=PROJECT_ID,
                            experiment_id=each.experiment_id,
                            expected_version=each.version,
                            actor=self.actor,
                        ),
                        coverage=1.0,
                    )
                each.version = raised.version
        while await publish_phases.run(self.context):
            pass

    async def _receive(self, running: Sequence[_Running]) -> None:
        """What arrived until now."""
        until = (self.clock.now - START) / timedelta(days=1)
        events = []
        for each in running:
            while each.waiting and each.waiting[0].day <= until:
                events.append(each.waiting.popleft().event)
        if events:
            await self.context.log.append(self.environment_id, events)

    async def _work(self) -> None:
        """Fold to the day's cut, take the looks there, and fold on."""
        while await fold_events.run(self.context):
            pass
        await analyse_experiments.attend_cuts(self.context)
        while await fold_events.run(self.context):
            pass

    async def _end(self, running: Sequence[_Running]) -> None:
        """Whoever still waits stops, and reads what there is once it has matured."""
        await self._stop(running, "It has gone on for long enough.")
        await publish_phases.run(self.context)
        self.clock.now += 2 * LAG
        await self._work()
        await analyse_experiments.run(self.context)

    async def _stop(self, over: Sequence[_Running], reason: str) -> None:
        for each in over:
            async with self.context.database.sessions.begin() as session:
                await service.stop(
                    session,
                    Intent(
                        project_id=PROJECT_ID,
                        experiment_id=each.experiment_id,
                        expected_version=each.version,
                        actor=self.actor,
                    ),
                    reason=reason,
                )

    async def _read(self, running: Sequence[_Running], day: int) -> list[Found]:
        """Whoever has a recommendation other than to keep running."""
        found = []
        async with self.context.database.readers() as session:
            for each in running:
                snapshot = await current_of_phase(session, each.phase_id)
                if snapshot is None:
                    continue
                last = day == LAST_DAY
                if snapshot.recommendation is Outcome.KEEP_RUNNING and not last:
                    continue
                found.append(_found(each.case, read_report(snapshot), day))
        return found


def _found(case: Case, report: Report, day: int) -> Found:
    primary = next(m for m in report.metrics if m.role is MetricRole.PRIMARY)
    guardrail = next(m for m in report.metrics if m.role is MetricRole.GUARDRAIL)
    (comparison,) = primary.comparisons
    (guarded,) = guardrail.comparisons
    return Found(
        case=case,
        outcome=report.recommendation.outcome,
        day=day,
        look=comparison.look,
        estimate=_estimate(comparison),
        open_guardrail=guarded.guardrail is GuardrailOutcome.UNRESOLVED,
        headline=report.headline,
    )


def _estimate(comparison: Comparison) -> float | None:
    if comparison.unbiased is not None:
        return comparison.unbiased.value
    return comparison.decisive.absolute


def _changes(case: Case) -> Changes:
    key = f"{case.kind}-{case.window_days}"
    margin = MARGIN_SHARE * case.harm if case.margin else None
    return Changes(
        name=f"Case {case.number}",
        unit=case.unit,
        hypothesis=HypothesisSpec(
            "It moves the metric.", key, Direction.INCREASE, truth_of(case.kind).effect
        ),
        variants=(
            VariantSpec("control", "As it is", 0.5, True, {"value": False}),
            VariantSpec("treatment", "As it may be", 0.5, False, {"value": True}),
        ),
        measures=(
            MeasureSpec(key, MetricRole.PRIMARY),
            MeasureSpec(
                f"complained-{case.window_days}", MetricRole.GUARDRAIL, margin=margin
            ),
        ),
        coverage=case.coverage,
        planned_units=case.size.total,
    )


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    """A project over fresh embedded stores in a folder."""
    clock = Clock()
    settings = Settings(data_dir=folder, outbound_allow=())
    database = Database(f"sqlite+aiosqlite:///{folder / 'facts.sqlite'}", clock=clock)
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    log = open_log(f"duckdb:///{folder / 'events.duckdb'}", clock=clock, lag=LAG)
    await log.open()
    async with database.sessions.begin() as session:
        _, environment = await create_project(
            session,
            key="proof",
            name="Proof",
            secret="s" * 32,
            project_id=PROJECT_ID,
        )
    async with outbound(settings) as http:
        context = TaskContext(database, log, settings, NullQueue(), http)
        founded = Company(context, clock, environment.id)
        await founded.define_metrics()
        yield founded
    await log.close()
    await database.dispose()


def run_batch(cases: Sequence[Case]) -> list[Found]:
    """Some experiments that run at once, in stores of their own."""

    async def run() -> list[Found]:
        with tempfile.TemporaryDirectory() as folder:
            async with company(Path(folder)) as founded:
                return await founded.run(cases)

    return asyncio.run(run())
