"""Designs and states to analyse, built by hand from few numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from experiments.analysis.labels import HorizonState
from experiments.analysis.looks import DueLook
from experiments.analysis.results import Report
from experiments.analysis.scorecard import report
from experiments.analysis.taken import Kept, Line, Taken
from experiments.analysis.taking import take
from experiments.arms import ArmDesign
from experiments.design import (
    Direction,
    Hypothesis,
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    Source,
    SourceValue,
    UnitKind,
)
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.plan import AnalysisPlan

NAMESPACE = UUID("6f1f6a52-6a0c-4d0c-9a3e-1a4c5a0f7f10")
START = datetime(2026, 3, 2, tzinfo=UTC)
MONTH_LATER = START + timedelta(days=31)


def metric(
    key: str,
    *,
    kind: MetricKind = MetricKind.CONVERSION,
    role: MetricRole = MetricRole.PRIMARY,
    direction: Direction = Direction.INCREASE,
    cap: int | None = None,
    unit: str = "",
    name: str | None = None,
) -> MetricDesign:
    """A metric whose id follows from its key."""
    value = SourceValue.VALUE if kind is MetricKind.SUM else SourceValue.ONE
    ratio = kind in {MetricKind.RATIO, MetricKind.MEAN}
    return MetricDesign(
        metric_id=uuid5(NAMESPACE, key),
        key=key,
        name=name or key.replace("_", " "),
        kind=kind,
        role=role,
        direction=direction,
        numerator=Source(key, value),
        denominator=Source(f"{key}_base", SourceValue.ONE) if ratio else None,
        retention_day=7 if kind is MetricKind.RETENTION else None,
        cap=cap,
        unit=unit,
    )


def arm(
    key: str, name: str, *, control: bool = False, weight: float = 0.5
) -> ArmDesign:
    """One arm."""
    return ArmDesign(key=key, name=name, weight=weight, is_control=control)


HUNDRED = arm("control", "100 reports", control=True)
SIXTY = arm("sixty", "60 reports")


def design(
    *metrics: MetricDesign,
    arms: tuple[ArmDesign, ...] = (HUNDRED, SIXTY),
    planned_units: int = 20_000,
    minimum_effect: float = 0.01,
    unit: UnitKind = UnitKind.USER,
) -> PhaseDesign:
    """A phase that started on 2 March 2026."""
    chosen = metrics or (metric("paid", name="paid conversion"),)
    primary = next(m for m in chosen if m.role is MetricRole.PRIMARY)
    return PhaseDesign(
        phase_id=uuid5(NAMESPACE, "phase"),
        environment_id=uuid5(NAMESPACE, "environment"),
        experiment_key="reports-limit",
        number=1,
        unit=unit,
        seed="0123456789abcdef",
        coverage=1.0,
        arms=arms,
        metrics=chosen,
        hypothesis=Hypothesis(
            statement="Fewer free reports make more people pay.",
            metric_key=primary.key,
            direction=primary.direction,
            minimum_effect=minimum_effect,
        ),
        planned_units=planned_units,
        started_at=START,
    )


def conversions(n: int, successes: int) -> Sums:
    """Sums of values that are 0 or 1."""
    return Sums(n=n, y=successes, yy=successes)


def arm_state(
    metric: MetricDesign,
    arm: str,
    raw: Sums,
    *,
    capped: Sums | None = None,
    nonzero: int | None = None,
    maturing: int = 0,
) -> ArmMetricState:
    """One metric in one arm."""
    return ArmMetricState(
        arm=arm,
        metric_id=metric.metric_id,
        raw=raw,
        capped=capped,
        nonzero=min(raw.y, raw.n) if nonzero is None else nonzero,
        maturing=maturing,
    )


def state(
    design: PhaseDesign,
    *metrics: ArmMetricState,
    exposed: dict[str, int] | None = None,
    conflicts: dict[str, int] | None = None,
    linked: dict[str, int] | None = None,
    joined: dict[str, int] | None = None,
    watermark: datetime = MONTH_LATER,
    backlog: int = 0,
) -> PhaseState:
    """A state; without `exposed`, the primary metric's matured and maturing units."""
    primary = [m for m in metrics if m.metric_id == design.primary.metric_id]
    units = {m.arm: m.raw.n + m.maturing for m in primary}
    return PhaseState(
        phase_id=design.phase_id,
        position=1,
        watermark=watermark,
        exposed=units if exposed is None else exposed,
        in_gaps={},
        conflicts=conflicts or {},
        linked=linked or {},
        joined=joined or {},
        metrics=metrics,
        first_exposure_at=START,
        last_event_at=watermark,
        backlog=backlog,
    )


def paid(
    control: tuple[int, int],
    sixty: tuple[int, int],
    *,
    planned_units: int = 20_000,
    minimum_effect: float = 0.01,
    unit: UnitKind = UnitKind.USER,
) -> tuple[PhaseDesign, PhaseState]:
    """The usual experiment: (units, paying units) in each arm."""
    phase = design(
        planned_units=planned_units, minimum_effect=minimum_effect, unit=unit
    )
    return phase, state(
        phase,
        arm_state(phase.primary, "control", conversions(*control)),
        arm_state(phase.primary, "sixty", conversions(*sixty)),
    )


def ended(design: PhaseDesign) -> PhaseDesign:
    """The same phase after its end."""
    return replace(design, ended_at=MONTH_LATER - timedelta(days=1))


def looked(
    design: PhaseDesign, found: PhaseState, *, waiting_for: str | None = None
) -> Report:
    """The report after a look at this state; before it while something is awaited."""
    if waiting_for:
        return report(design, found, taken=Taken(), waiting_for=waiting_for)
    return report(design, found, taken=taken(design, found), waiting_for=None)


def taken(
    design: PhaseDesign,
    *states: PhaseState,
    horizons: tuple[HorizonState, ...] = (HorizonState.AT,),
) -> Taken:
    """Looks at these states, one after the other."""
    lines: tuple[Line, ...] = ()
    kept = {}
    for number, (found, horizon) in enumerate(zip(states, horizons, strict=True), 1):
        due = DueLook(number, found.watermark, horizon)
        kept[number] = Kept.of(found)
        lines += take(design, found, kept[number], lines, due=due, at=found.watermark)
    return Taken(lines, kept)


def planned(design: PhaseDesign, **choices: Any) -> PhaseDesign:
    """The same phase with a plan; without choices, the one everybody gets."""
    return replace(design, plan=AnalysisPlan(**choices))
