"""Who writes and who reviews, and what a snapshot says, for the tests of governance."""

from datetime import datetime

import msgspec

from core.audit import Actor, ActorKind
from core.database import AsyncSession, Sessions
from core.ids import new_id
from experiments import service
from experiments.analysis.labels import GuardrailOutcome, Outcome, Verdict
from experiments.analysis.models import CurrentSnapshot, Snapshot
from experiments.analysis.results import (
    Alarm,
    ArmEstimate,
    ArmHealth,
    Check,
    Comparison,
    Health,
    MetricResult,
    Reading,
    Recommendation,
    Report,
)
from experiments.design import MetricDesign, MetricRole, UnitKind
from experiments.freezing import design_of
from experiments.models import Experiment, Phase
from experiments.plan import HarmAction
from tests.experiments.company import Company, step

BOB = Actor(ActorKind.MEMBER, new_id(), "bob")
CAROL = Actor(ActorKind.MEMBER, new_id(), "carol")
DAVE = Actor(ActorKind.MEMBER, new_id(), "dave")
KEY = Actor(ActorKind.KEY, new_id(), "deploy")
FITS = Check(0.5, warned=False, failed=False, note="the units fit the planned split")
BROKEN = Check(1e-9, warned=True, failed=True, note="the split is off")


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


class Clock:
    """The time that the database is told."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now


def report(
    phase: Phase, *, alarms: tuple[Alarm, ...] = (), split: Check = FITS
) -> Report:
    """What a snapshot of a phase says: churn of 200 in 5,000 against 290."""
    design = design_of(phase)
    return Report(
        headline="Running.",
        verdict=Verdict.NOT_ENOUGH_DATA,
        recommendation=Recommendation(Outcome.KEEP_RUNNING, None, ()),
        health=Health(
            unit=UnitKind.USER,
            sample_ratio=split,
            conflicts=FITS,
            links=FITS,
            arms=tuple(
                ArmHealth(
                    arm.key, arm.name, arm.is_control, arm.weight, n, 0, 0, 0, n, 0, 0
                )
                for arm, n in zip(design.arms, (5_000, 5_200), strict=True)
            ),
            planned_units=design.planned_units,
            matured=10_000,
            maturing=0,
            watermark=phase.started_at,
            first_exposure_at=phase.started_at,
            last_event_at=phase.started_at,
            backlog=0,
        ),
        metrics=tuple(_result(metric) for metric in design.metrics),
        looks=(),
        alarms=alarms,
    )


def _result(metric: MetricDesign) -> MetricResult:
    reading = Reading(
        ArmEstimate(5_000, 0.04), ArmEstimate(5_000, 0.058), absolute=0.018
    )
    guards = metric.role is MetricRole.GUARDRAIL
    outcome = GuardrailOutcome.HARMED if guards else None
    return MetricResult(
        metric.metric_id,
        metric.key,
        metric.name,
        metric.kind,
        metric.role,
        metric.direction,
        metric.unit,
        metric.is_share,
        None,
        (Comparison("short", Verdict.LOSS, "", reading, guardrail=outcome),),
    )


def harm(metric: str, action: HarmAction, phase: Phase) -> Alarm:
    """An alarm of the treatment arm, at least 0.95 points worse."""
    return Alarm(metric, "short", action, 0.0095, phase.started_at)


async def show(session: AsyncSession, phase: Phase, said: Report) -> None:
    """Publish a snapshot that says this."""
    number = new_id()
    snapshot = Snapshot(
        project_id=phase.project_id,
        environment_id=phase.environment_id,
        experiment_id=phase.experiment_id,
        phase_id=phase.id,
        number=number.int % 1_000_000_007,
        computed_at=phase.started_at,
        code_version="test",
        inputs_hash=number.hex * 2,
        position=1,
        watermark=phase.started_at,
        verdict=said.verdict,
        recommendation=said.recommendation.outcome,
        headline=said.headline,
        body=msgspec.to_builtins(said),
    )
    session.add(snapshot)
    await session.flush()
    current = await session.get(CurrentSnapshot, phase.id)
    if current is None:
        current = CurrentSnapshot(
            phase_id=phase.id,
            experiment_id=phase.experiment_id,
            snapshot_id=snapshot.id,
            position=1,
            watermark=phase.started_at,
            backlog=0,
            refreshed_at=phase.started_at,
        )
    current.snapshot_id = snapshot.id
    session.add(current)
    await session.flush()


async def started(
    sessions: Sessions, company: Company, key: str = "short-form", **changes: object
) -> tuple[Experiment, Phase]:
    """A running experiment of the company's."""
    async with sessions.begin() as session:
        row = await company.draft(session, key, **changes)
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
    return row, phase
