"""Experiments that have stopped, with results as somebody may have found them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.audit import Actor, ActorKind
from core.clock import now
from core.database import AsyncSession
from core.ids import new_id
from experiments import queries, service
from experiments.analysis.models import CurrentSnapshot, Snapshot
from experiments.analysis.results import (
    ArmEstimate,
    ArmHealth,
    Check,
    Comparison,
    GuardrailOutcome,
    Health,
    MetricResult,
    Outcome,
    Reading,
    Recommendation,
    Report,
    Valid,
    ValidMethod,
    Verdict,
)
from experiments.design import Direction, MetricKind, MetricRole, UnitKind
from experiments.lifecycle import DecisionOutcome
from experiments.models import Experiment, Phase
from experiments.service.previewing import Foresight
from experiments.service.shipping import ShipPlan
from experiments.shipping.models import Shipment
from tests.experiments.company import Company, step

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
FINE = Check(0.7, warned=False, failed=False, note="")
BOB = Actor(ActorKind.MEMBER, new_id(), "bob@example.com")
CAROL = Actor(ActorKind.MEMBER, new_id(), "carol@example.com")


@dataclass(slots=True)
class Clock:
    """The database's clock, moved by hand."""

    at: datetime = AT

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


def report(
    *,
    outcome: Outcome = Outcome.SHIP,
    arm: str | None = "short",
    matured: int = 1_000,
    verdict: Verdict = Verdict.WIN,
    guardrail: GuardrailOutcome = GuardrailOutcome.SAFE,
    effect: float = 0.03,
    exposed: int = 500,
) -> Report:
    """What a phase of the company's experiment may have come to."""
    return Report(
        headline="Short instead of long: paid 4.0% -> 7.0%.",
        verdict=verdict,
        recommendation=Recommendation(outcome, arm, ()),
        health=_health(matured, exposed),
        metrics=(
            _metric("paid", MetricRole.PRIMARY, _comparison(verdict, effect, exposed)),
            _metric(
                "revenue",
                MetricRole.GUARDRAIL,
                _comparison(Verdict.FLAT, 0.0, exposed, guardrail),
            ),
        ),
        looks=(),
    )


def _health(matured: int, exposed: int) -> Health:
    arms = tuple(
        ArmHealth(
            arm=key,
            name=key,
            is_control=key == "long",
            expected_share=0.5,
            exposed=exposed,
            in_gaps=0,
            conflicts=0,
            linked=0,
            matured=matured // 2,
            maturing=0,
            refused=0,
        )
        for key in ("long", "short")
    )
    return Health(
        unit=UnitKind.USER,
        sample_ratio=FINE,
        conflicts=FINE,
        links=FINE,
        arms=arms,
        planned_units=1_000,
        matured=matured,
        maturing=0,
        watermark=AT,
        first_exposure_at=AT,
        last_event_at=AT,
        backlog=0,
    )


def _comparison(
    verdict: Verdict,
    effect: float,
    units: int,
    guardrail: GuardrailOutcome | None = None,
) -> Comparison:
    error = 0.2 / units**0.5
    return Comparison(
        arm="short",
        verdict=verdict,
        reason="as it came out",
        raw=Reading(
            control=ArmEstimate(units, 0.04, error),
            treatment=ArmEstimate(units, 0.04 + effect, error),
            absolute=effect,
        ),
        valid=Valid(
            ValidMethod.FIXED_HORIZON, effect - 0.01, effect + 0.01, 0.01, 1.96
        ),
        guardrail=guardrail,
    )


def _metric(key: str, role: MetricRole, comparison: Comparison) -> MetricResult:
    return MetricResult(
        metric_id=new_id(),
        key=key,
        name=key.capitalize(),
        kind=MetricKind.CONVERSION,
        role=role,
        direction=Direction.INCREASE,
        unit="",
        share=True,
        cap=None,
        comparisons=(comparison,),
    )


async def show(session: AsyncSession, phase: Phase, shown: Report) -> None:
    """Let the phase show these results."""
    at = await now(session)
    snapshot = Snapshot(
        project_id=phase.project_id,
        environment_id=phase.environment_id,
        experiment_id=phase.experiment_id,
        phase_id=phase.id,
        number=1,
        computed_at=at,
        code_version="test",
        inputs_hash="0" * 64,
        position=1,
        watermark=at,
        verdict=shown.verdict,
        recommendation=shown.recommendation.outcome,
        headline=shown.headline,
        body=msgspec.to_builtins(shown),
    )
    session.add(snapshot)
    await session.flush()
    session.add(
        CurrentSnapshot(
            phase_id=phase.id,
            experiment_id=phase.experiment_id,
            snapshot_id=snapshot.id,
            position=1,
            watermark=at,
            backlog=0,
            refreshed_at=at,
        )
    )
    await session.flush()


async def stopped(
    session: AsyncSession,
    company: Company,
    clock: Clock,
    shown: Report | None = None,
    **changes: Any,
) -> Experiment:
    """One that ran for ten days, with its results."""
    experiment = await company.draft(session, **changes)
    phase = await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )
    clock.move(days=10)
    row = await service.stop(session, step(company, experiment), reason="Enough.")
    if shown is not None:
        await show(session, phase, shown)
    return row


async def decided(
    session: AsyncSession, company: Company, clock: Clock, **changes: Any
) -> Experiment:
    """One of which it was decided to ship what won."""
    row = await stopped(session, company, clock, report(), **changes)
    return await service.decide(
        session,
        step(company, row),
        outcome=DecisionOutcome.SHIP,
        note="It works.",
        variant_key="short",
    )


async def previewed(
    session: AsyncSession, company: Company, experiment: Experiment, plan: ShipPlan
) -> tuple[Foresight, str]:
    """What shipping it would do, and the token."""
    row, token = await service.preview(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
        plan=plan,
    )
    return service.foresight_of(row), token


async def ship(
    session: AsyncSession, company: Company, experiment: Experiment, plan: ShipPlan
) -> Shipment:
    """Go through with a preview of the plan."""
    _, token = await previewed(session, company, experiment, plan)
    return await service.ship(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
        token=token,
        plan=plan,
    )


async def as_it_is(session: AsyncSession, experiment: Experiment) -> Experiment:
    """The experiment's row now."""
    row = await queries.experiment_by_id(
        session, project_id=experiment.project_id, experiment_id=experiment.id
    )
    await session.refresh(row)
    return row
