"""Everything a results page needs, from a design, the state and the look taken."""

from experiments.analysis import headline
from experiments.analysis.health import examine
from experiments.analysis.readings import (
    ALPHA,
    ArmStates,
    arm_states,
    counts_only,
    read,
    state_of,
    valid_readings,
)
from experiments.analysis.results import (
    Comparison,
    Health,
    LookSummary,
    MetricResult,
    Reading,
    Report,
    Valid,
    Verdict,
)
from experiments.analysis.verdicts import guard, judge, leading, recommend, shortage
from experiments.design import ArmDesign, MetricDesign, MetricRole, PhaseDesign
from experiments.events.state import ArmMetricState, PhaseState, Sums

_ORDER = (MetricRole.PRIMARY, MetricRole.GUARDRAIL, MetricRole.SECONDARY)


def report(
    design: PhaseDesign,
    state: PhaseState,
    *,
    looked: ArmStates | None,
    looks: tuple[LookSummary, ...],
    waiting_for: str | None,
) -> Report:
    """Assemble one snapshot's body.

    Args:
        design: The frozen phase.
        state: The state now: health and counts come from it.
        looked: The state kept by the look, from which every effect comes; None before.
        looks: The looks taken so far.
        waiting_for: What the look waits for; None once it was taken.
    """
    health = examine(design, state)
    ordered = sorted(design.metrics, key=lambda m: _ORDER.index(m.role))
    metrics = tuple(
        _metric(design, metric, health, arm_states(state.metrics), looked)
        for metric in ordered
    )
    recommendation = recommend(
        health,
        metrics,
        names={arm.key: arm.name for arm in design.arms},
        looked=looked is not None,
        waiting_for=waiting_for or "",
    )
    primary = metrics[0]
    chosen = [c for c in primary.comparisons if c.arm == recommendation.arm]
    return Report(
        headline=headline.write(design, health, metrics, recommendation),
        verdict=(chosen[0] if chosen else leading(primary)).verdict,
        recommendation=recommendation,
        health=health,
        metrics=metrics,
        looks=looks,
    )


def _metric(
    design: PhaseDesign,
    metric: MetricDesign,
    health: Health,
    current: ArmStates,
    looked: ArmStates | None,
) -> MetricResult:
    if looked is None:
        comparisons = _before_the_look(design, metric, health, current)
    else:
        comparisons = compare(design, metric, health, looked)
    return MetricResult(
        metric_id=metric.metric_id,
        key=metric.key,
        name=metric.name,
        kind=metric.kind,
        role=metric.role,
        direction=metric.direction,
        unit=metric.unit,
        share=metric.is_share,
        cap=None if metric.cap is None else metric.cap / metric.numerator_steps,
        comparisons=comparisons,
    )


def _before_the_look(
    design: PhaseDesign, metric: MetricDesign, health: Health, current: ArmStates
) -> tuple[Comparison, ...]:
    control = state_of(current, metric, design.control.key)
    verdict = Verdict.INVALID if health.failed else Verdict.NOT_ENOUGH_DATA
    return tuple(
        Comparison(
            arm=arm.key,
            verdict=verdict,
            reason="no look has been taken yet",
            raw=counts_only(control, state_of(current, metric, arm.key)),
        )
        for arm in treatments(design)
    )


def compare(
    design: PhaseDesign, metric: MetricDesign, health: Health, looked: ArmStates
) -> tuple[Comparison, ...]:
    """Every treatment arm against the control, at the look."""
    control = state_of(looked, metric, design.control.key)
    arms = [state_of(looked, metric, arm.key) for arm in treatments(design)]
    raw = _readings(metric, [(control.raw, arm.raw) for arm in arms])
    pairs = tuple((decisive(control), decisive(arm)) for arm in arms)
    capped = None if control.capped is None else _readings(metric, list(pairs))
    valid = valid_readings(
        metric,
        pairs,
        raw if capped is None else capped,
        is_primary=metric.role is MetricRole.PRIMARY,
    )
    return tuple(
        _comparison(
            design,
            metric,
            health,
            (control, arm),
            readings=(raw[index], None if capped is None else capped[index]),
            valid=valid[index],
        )
        for index, arm in enumerate(arms)
    )


def treatments(design: PhaseDesign) -> tuple[ArmDesign, ...]:
    """The arms that are compared with the control."""
    return tuple(arm for arm in design.arms if not arm.is_control)


def decisive(state: ArmMetricState) -> Sums:
    """The sums that decide: the capped ones where there is a cap."""
    return state.raw if state.capped is None else state.capped


def _readings(
    metric: MetricDesign, pairs: list[tuple[Sums, Sums]]
) -> tuple[Reading, ...]:
    return tuple(
        read(metric, control, treatment, confidence=1.0 - ALPHA)
        for control, treatment in pairs
    )


def _comparison(
    design: PhaseDesign,
    metric: MetricDesign,
    health: Health,
    arms: tuple[ArmMetricState, ArmMetricState],
    *,
    readings: tuple[Reading, Reading | None],
    valid: Valid | None,
) -> Comparison:
    raw, capped = readings
    missing = shortage(metric, design.unit, arms)
    is_primary = metric.role is MetricRole.PRIMARY
    if missing is None and valid is not None:
        effect = design.hypothesis.minimum_effect if is_primary else None
        verdict, reason = judge(valid, metric.direction, effect)
    else:
        verdict = Verdict.NOT_ENOUGH_DATA
        reason = missing or (capped or raw).unavailable or "the arms cannot be compared"
    guardrail = guard(verdict) if metric.role is MetricRole.GUARDRAIL else None
    if health.failed:
        verdict, reason = Verdict.INVALID, "the experiment itself failed a check"
    return Comparison(
        arm=arms[1].arm,
        verdict=verdict,
        reason=reason,
        raw=raw,
        capped=capped,
        valid=valid if missing is None else None,
        guardrail=guardrail,
    )
