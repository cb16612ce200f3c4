"""Everything a results page needs, from a design, the state and the looks taken."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.analysis import headline
from experiments.analysis.advice import Standing, leading, recommend
from experiments.analysis.attempts import attempt_all, treatments
from experiments.analysis.comparing import Alarmed, compare, counted
from experiments.analysis.curves import funnel_results, survival_results
from experiments.analysis.cuts import boundary_plan, scheduled_cut
from experiments.analysis.disclosure import (
    UNTAKEN,
    shows_effect,
    withhold,
    without_statistics,
)
from experiments.analysis.estimates import Harm
from experiments.analysis.families import share_secondary
from experiments.analysis.guardrails import harm, worst
from experiments.analysis.health import examine
from experiments.analysis.impact import Reach, impacts
from experiments.analysis.labels import HorizonState
from experiments.analysis.mechanics import mechanics
from experiments.analysis.prospects import foresee
from experiments.analysis.readings import alpha_of, planned_pair, state_of
from experiments.analysis.results import (
    Alarm,
    Comparison,
    Health,
    MetricResult,
    Report,
    Verdict,
)
from experiments.analysis.segments import segment_results
from experiments.analysis.summaries import summarise
from experiments.analysis.taken import Kept, Taken
from experiments.analysis.verdicts import shortage, skewed
from experiments.analysis.wording import capitalised
from experiments.design import MetricDesign, MetricRole, PhaseDesign
from experiments.events.state import PhaseState
from experiments.events.study_slices import Slice

_ORDER = (MetricRole.PRIMARY, MetricRole.GUARDRAIL, MetricRole.SECONDARY)


def report(
    design: PhaseDesign,
    state: PhaseState,
    *,
    taken: Taken,
    waiting_for: str | None,
    alarms: tuple[Alarm, ...] = (),
    effects: tuple[MetricResult, ...] | None = None,
    slices: Sequence[Slice] = (),
    reach: Reach | None = None,
) -> Report:
    """Assemble one snapshot's body.

    Args:
        design: The frozen phase.
        state: The state now: health, counts and alarms come from it.
        taken: The looks taken, whose states every effect comes from.
        waiting_for: What the next look waits for; None where none is awaited.
        alarms: What rang so far.
        effects: What `looked_at` made of the looks, where that is known already; their
            states are not read then.
        slices: Units by what their exposures said, where the split warns.
        reach: Who came by, as it was counted at the last look.
    """
    health = examine(design, state, slices=slices, reach=reach)
    if effects is None:
        effects = looked_at(design, taken, alarms, waiting_for=waiting_for)
    metrics = _over(design, health, effects, Kept.of(state))
    names = {arm.key: arm.name for arm in design.arms}
    standing = Standing(bool(taken), waiting_for, alarms)
    recommendation = recommend(health, metrics, names=names, standing=standing)
    primary = metrics[0]
    chosen = [c for c in primary.comparisons if c.arm == recommendation.arm]
    subject = chosen[0] if chosen else leading(primary)
    shown = any(shows_effect(c) for c in primary.comparisons)
    looks = summarise(design, taken)
    notes = mechanics(design, metrics, subject.arm) if taken else ()
    return Report(
        headline=headline.write(design, health, metrics, recommendation, notes=notes),
        verdict=subject.verdict,
        recommendation=recommendation,
        health=health,
        metrics=metrics,
        looks=looks if shown else without_statistics(looks),
        impact=impacts(design, primary, reach),
        futility=foresee(design, state, taken) if shown else None,
        alarms=alarms,
        horizon=_horizon(design, taken),
        next_cut=scheduled_cut(design, state.watermark),
        warnings=notes,
    )


def looked_at(
    design: PhaseDesign,
    taken: Taken,
    alarms: tuple[Alarm, ...],
    *,
    waiting_for: str | None,
) -> tuple[MetricResult, ...]:
    """Every metric as the looks have it; of the state now nothing is in it."""
    ordered = sorted(design.metrics, key=lambda m: _ORDER.index(m.role))
    if not taken:
        return tuple(_row(metric) for metric in ordered)
    alarmed = {(alarm.metric_key, alarm.arm) for alarm in alarms}
    by_metric = segment_results(design, taken)
    found = tuple(
        replace(
            _looked(design, metric, taken, alarmed),
            segments=by_metric.get(metric.metric_id, ()),
            survival=survival_results(design, metric, taken),
            funnel=funnel_results(design, metric, taken),
        )
        for metric in ordered
    )
    plan = boundary_plan(design)
    shared = share_secondary(
        found, alpha=alpha_of(design), decide=design.plan is not None
    )
    ended = waiting_for is None or any(line.crossed for line in taken.lines)
    if plan is not None and not plan.interim and not ended:
        return tuple(withhold(metric) for metric in shared)
    return shared


def _looked(
    design: PhaseDesign, metric: MetricDesign, taken: Taken, alarmed: Alarmed
) -> MetricResult:
    row = _row(metric)
    comparisons = compare(design, metric, taken, alarmed=alarmed)
    return replace(
        row,
        comparisons=tuple(
            replace(c, worst=worst(row, c.valid))
            if metric.role is MetricRole.GUARDRAIL
            else c
            for c in comparisons
        ),
    )


def _row(metric: MetricDesign) -> MetricResult:
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
        comparisons=(),
        quantile=metric.quantile,
    )


def _over(
    design: PhaseDesign,
    health: Health,
    effects: tuple[MetricResult, ...],
    now: Kept,
) -> tuple[MetricResult, ...]:
    """The looks' effects, with what the state now says of counts, harm and validity."""
    designs = {metric.key: metric for metric in design.metrics}
    found = []
    for result in effects:
        metric = designs[result.key]
        comparisons = result.comparisons or counted(design, metric, now.states, UNTAKEN)
        if is_watched(design, metric):
            harms = harms_now(design, metric, now)
            comparisons = tuple(replace(c, harm=harms[c.arm]) for c in comparisons)
        if health.failed:
            comparisons = tuple(_invalid(c) for c in comparisons)
        notes = _notes(design, metric, now)
        found.append(replace(result, comparisons=comparisons, notes=notes))
    return tuple(found)


def is_watched(design: PhaseDesign, metric: MetricDesign) -> bool:
    """Whether a metric's alarm is on: a guardrail of a phase with a plan."""
    planned = design.plan is not None and not design.imported
    return planned and metric.role is MetricRole.GUARDRAIL


def harms_now(
    design: PhaseDesign, metric: MetricDesign, now: Kept
) -> dict[str, Harm | None]:
    """The alarm on each arm, on the state now."""
    return {
        arm: harm(metric, found.decisive, planned=planned_pair(design, arm))
        if shortage(metric, design.unit, (found.control, found.treatment)) is None
        else None
        for arm, found in attempt_all(design, metric, now).items()
    }


def _invalid(comparison: Comparison) -> Comparison:
    return replace(
        comparison,
        verdict=Verdict.INVALID,
        reason="the experiment itself failed a check",
    )


def _notes(design: PhaseDesign, metric: MetricDesign, now: Kept) -> tuple[str, ...]:
    control = state_of(now.states, metric, design.control.key)
    found = (
        skewed(metric, control, state_of(now.states, metric, arm.key))
        for arm in treatments(design)
    )
    return tuple(f"{capitalised(note)}." for note in found if note is not None)


def _horizon(design: PhaseDesign, taken: Taken) -> HorizonState | None:
    if not taken or boundary_plan(design) is None:
        return None
    return taken.last.horizon
