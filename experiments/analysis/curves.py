"""Time to an event and the way through a funnel, as the looks kept them."""

from dataclasses import replace

import numpy as np

from experiments.analysis.attempts import treatments
from experiments.analysis.details import CurvePoint, FunnelStep, SurvivalResult
from experiments.analysis.effects import shown
from experiments.analysis.estimates import ArmEstimate, Reading
from experiments.analysis.labels import HorizonState
from experiments.analysis.readings import alpha_of
from experiments.analysis.taken import Kept, Taken, deciding
from experiments.design import MetricDesign, MetricKind, MetricRole, PhaseDesign
from experiments.events.state import DEPTH
from experiments.statistics.errors import StatisticsError
from experiments.statistics.funnels import (
    Conversion,
    Funnel,
    compare_funnels,
    conversion,
)
from experiments.statistics.log_rank import log_rank
from experiments.statistics.survival import (
    Curve,
    Hazards,
    compare_mean_times,
    kaplan_meier,
)

_EARLY = "the log-rank test and the mean times hold at the planned number of units"


def survival_results(
    design: PhaseDesign, metric: MetricDesign, taken: Taken
) -> tuple[SurvivalResult, ...]:
    """Curves of every treatment arm beside the control's; none for other metrics."""
    if metric.kind is not MetricKind.TIME_TO_EVENT:
        return ()
    found = []
    primary = metric.role is MetricRole.PRIMARY
    for arm in treatments(design):
        line = deciding(taken.of(metric, arm.key), primary=primary)
        kept = taken.kept[line.number]
        control = _hazards(kept, metric, design.control.key)
        treatment = _hazards(kept, metric, arm.key)
        if control is None or treatment is None:
            continue
        early = line.horizon is HorizonState.BEFORE
        found.append(
            _survival(
                metric, arm.key, (control, treatment), alpha_of(design), early=early
            )
        )
    return tuple(found)


def funnel_results(
    design: PhaseDesign, metric: MetricDesign, taken: Taken
) -> tuple[FunnelStep, ...]:
    """Every step of every treatment arm; none for other metrics."""
    if metric.kind is not MetricKind.FUNNEL:
        return ()
    steps: list[FunnelStep] = []
    primary = metric.role is MetricRole.PRIMARY
    for arm in treatments(design):
        line = deciding(taken.of(metric, arm.key), primary=primary)
        kept = taken.kept[line.number]
        pair = [_funnel(kept, metric, key) for key in (design.control.key, arm.key)]
        if pair[0] is not None and pair[1] is not None:
            steps += _steps(metric, arm.key, pair[0], pair[1], alpha_of(design))
    return tuple(steps)


def _hazards(kept: Kept, metric: MetricDesign, arm: str) -> Hazards | None:
    for state in kept.survival:
        if state.metric_id == metric.metric_id and state.arm == arm:
            try:
                return Hazards(
                    np.array(state.events, dtype=np.int64),
                    np.array(state.at_risk, dtype=np.int64),
                )
            except StatisticsError:
                return None
    return None


def _survival(
    metric: MetricDesign,
    arm: str,
    pair: tuple[Hazards, Hazards],
    alpha: float,
    *,
    early: bool,
) -> SurvivalResult:
    """One comparison; its tests are those of one planned look, so only made there."""
    curves = [kaplan_meier(hazards, confidence=1.0 - alpha) for hazards in pair]
    statistic = p_value = None
    mean_times, horizon = None, None
    if not early:
        try:
            test = log_rank(*pair)
            statistic, p_value = test.statistic, test.p_value
        except StatisticsError:
            statistic = p_value = None
        horizon = min(metric.window_days, *(hazards.observed for hazards in pair))
        mean_times = _mean_times(pair, horizon, 1.0 - alpha)
    return SurvivalResult(
        arm=arm,
        control=_points(pair[0], curves[0]),
        treatment=_points(pair[1], curves[1]),
        control_median=curves[0].median,
        treatment_median=curves[1].median,
        log_rank_p_value=p_value,
        log_rank_statistic=statistic,
        horizon_days=horizon,
        restricted_mean=mean_times,
        note=_EARLY if early else "",
    )


def _mean_times(
    pair: tuple[Hazards, Hazards], horizon: int, confidence: float
) -> Reading | None:
    """Mean full days without the event, of all units that were watched.

    The metric's own value counts the same way, of those that were watched to the end:
    the day of the event is none. A mean time that counts it is one day longer.
    """
    try:
        found = compare_mean_times(*pair, horizon=horizon + 1, confidence=confidence)
    except StatisticsError:
        return None
    difference = found.difference
    arms = (
        replace(arm, value=arm.value - 1.0) for arm in (found.control, found.treatment)
    )
    control, treatment = (shown(arm) for arm in arms)
    return Reading(
        control=control,
        treatment=treatment,
        method=difference.method,
        absolute=difference.value,
        low=difference.low,
        high=difference.high,
        p_value=difference.p_value,
        log_p_value=difference.log_p_value,
        statistic=difference.statistic,
        critical=difference.critical,
        standard_error=difference.standard_error,
    )


def _points(hazards: Hazards, curve: Curve) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(
            day=day + 1,
            at_risk=int(hazards.at_risk[day]),
            events=int(hazards.events[day]),
            share=float(curve.survival[day]),
            low=float(curve.low[day]),
            high=float(curve.high[day]),
        )
        for day in range(curve.survival.size)
    )


def _funnel(kept: Kept, metric: MetricDesign, arm: str) -> Funnel | None:
    """Units that did at least so many steps."""
    depths: dict[int, int] = {}
    for each in kept.segments_of(metric, arm):
        if each.dimension == DEPTH:
            depths[int(each.level)] = depths.get(int(each.level), 0) + each.raw.n
    last = 1 + len(metric.later_steps)
    reached = [
        sum(units for depth, units in depths.items() if depth >= step)
        for step in range(last + 1)
    ]
    try:
        return Funnel(tuple(reached))
    except StatisticsError:
        return None


def _steps(
    metric: MetricDesign, arm: str, control: Funnel, treatment: Funnel, alpha: float
) -> list[FunnelStep]:
    confidence = 1.0 - alpha
    names = [metric.numerator.event_name, *(s.event_name for s in metric.later_steps)]
    ways = [conversion(each, confidence=confidence) for each in (control, treatment)]
    try:
        found = compare_funnels(control, treatment, confidence=confidence)
    except StatisticsError:
        return []
    return [
        FunnelStep(
            arm=arm,
            step=index + 1,
            name=name,
            control=_share(control, index),
            treatment=_share(treatment, index),
            absolute=difference.value,
            low=difference.low,
            high=difference.high,
            p_value=difference.p_value,
            control_onward=_onward(ways[0], index),
            treatment_onward=_onward(ways[1], index),
        )
        for index, (name, difference) in enumerate(zip(names, found, strict=True))
    ]


def _share(funnel: Funnel, index: int) -> ArmEstimate:
    exposed = funnel.reached[0]
    return ArmEstimate(exposed, funnel.reached[index + 1] / exposed)


def _onward(way: Conversion, index: int) -> float | None:
    previous = way.steps[index].from_previous
    return None if previous is None else previous.value
