"""Exact state in, comparisons with the control out."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from experiments.analysis.results import (
    ArmEstimate,
    Reading,
    Relative,
    Valid,
    ValidMethod,
)
from experiments.design import MetricDesign
from experiments.events.state import ArmMetricState, Sums
from experiments.statistics import means, moments, proportions, ratios
from experiments.statistics.differences import Difference, Method
from experiments.statistics.errors import StatisticsError
from experiments.statistics.multiplicity import holm
from experiments.statistics.relative import Lift, fieller
from experiments.statistics.samples import Estimate, PairSample, Sample

ALPHA = 0.05
"""Two-sided error rate of the primary hypothesis."""

ArmStates = Mapping[tuple[UUID, str], ArmMetricState]
"""The state of each metric in each arm."""


def arm_states(metrics: tuple[ArmMetricState, ...]) -> ArmStates:
    """Index states by metric and arm."""
    return {(state.metric_id, state.arm): state for state in metrics}


def state_of(states: ArmStates, metric: MetricDesign, arm: str) -> ArmMetricState:
    """One arm's state; empty where no unit has arrived yet."""
    found = states.get((metric.metric_id, arm))
    if found is not None:
        return found
    capped = None if metric.cap is None else Sums()
    return ArmMetricState(arm, metric.metric_id, Sums(), capped, nonzero=0, maturing=0)


def counts_only(control: ArmMetricState, treatment: ArmMetricState) -> Reading:
    """What may be shown before a look: how many units there are, and no effect."""
    return Reading(
        control=ArmEstimate(control.raw.n),
        treatment=ArmEstimate(treatment.raw.n),
        unavailable="no look has been taken yet",
    )


def read(
    metric: MetricDesign, control: Sums, treatment: Sums, *, confidence: float
) -> Reading:
    """Compare two arms at the fixed horizon."""
    reading = Reading(
        control=_arm_estimate(metric, control),
        treatment=_arm_estimate(metric, treatment),
    )
    try:
        difference = _difference(metric, control, treatment, confidence)
    except StatisticsError as error:
        return replace(reading, unavailable=error.reason)
    return replace(
        reading,
        method=difference.method,
        absolute=difference.value,
        low=difference.low,
        high=difference.high,
        p_value=difference.p_value,
        log_p_value=difference.log_p_value,
        statistic=difference.statistic,
        critical=difference.critical,
        relative=_relative(metric, control, treatment, difference),
    )


def valid_readings(
    metric: MetricDesign,
    pairs: tuple[tuple[Sums, Sums], ...],
    readings: tuple[Reading, ...],
    *,
    is_primary: bool,
) -> tuple[Valid | None, ...]:
    """The readings allowed at the one look, arm by arm.

    With one treatment arm they are the fixed-horizon readings. Several arms of the
    primary metric share one error rate by Holm's procedure, and each interval is drawn
    at the level at which its arm was judged, so that p and interval agree.
    """
    if not is_primary or len(readings) == 1:
        return tuple(_as_valid(r, ValidMethod.FIXED_HORIZON) for r in readings)
    p_values = [1.0 if r.p_value is None else r.p_value for r in readings]
    valid: list[Valid | None] = []
    for pair, adjusted in zip(pairs, holm(p_values, alpha=ALPHA), strict=True):
        judged = read(metric, *pair, confidence=1.0 - adjusted.alpha)
        reading = _as_valid(judged, ValidMethod.HOLM)
        if reading is not None:
            reading = replace(reading, p_value=adjusted.p_value)
        valid.append(reading)
    return tuple(valid)


def _as_valid(reading: Reading, method: ValidMethod) -> Valid | None:
    if (
        reading.low is None
        or reading.high is None
        or reading.p_value is None
        or reading.critical is None
    ):
        return None
    return Valid(method, reading.low, reading.high, reading.p_value, reading.critical)


def _difference(
    metric: MetricDesign, control: Sums, treatment: Sums, confidence: float
) -> Difference:
    if metric.is_binary:
        return proportions.compare(
            proportions.Proportion(control.n, control.y),
            proportions.Proportion(treatment.n, treatment.y),
            confidence=confidence,
        )
    if metric.is_ratio:
        return ratios.delta(
            _pair(metric, control), _pair(metric, treatment), confidence=confidence
        )
    return means.welch(
        _sample(metric, control), _sample(metric, treatment), confidence=confidence
    )


def _relative(
    metric: MetricDesign, control: Sums, treatment: Sums, difference: Difference
) -> Relative | None:
    if difference.method is Method.SCORE:
        return None
    lift: Lift = fieller(
        _estimate(metric, control),
        _estimate(metric, treatment),
        critical=difference.critical,
    )
    return Relative(lift.status, lift.value, lift.low, lift.high)


def _arm_estimate(metric: MetricDesign, sums: Sums) -> ArmEstimate:
    try:
        estimate = _estimate(metric, sums)
    except StatisticsError:
        return ArmEstimate(sums.n)
    return ArmEstimate(sums.n, estimate.value, estimate.standard_error)


def _estimate(metric: MetricDesign, sums: Sums) -> Estimate:
    if metric.is_ratio:
        return ratios.ratio(_pair(metric, sums))
    return _sample(metric, sums).estimate()


def _sample(metric: MetricDesign, sums: Sums) -> Sample:
    steps = 1 if metric.is_binary else metric.numerator_steps
    return moments.sample(n=sums.n, total=sums.y, squares=sums.yy, steps=steps)


def _pair(metric: MetricDesign, sums: Sums) -> PairSample:
    return moments.pair_sample(
        n=sums.n,
        numerator=sums.y,
        numerator_squares=sums.yy,
        denominator=sums.d,
        denominator_squares=sums.dd,
        products=sums.yd,
        numerator_steps=metric.numerator_steps,
        denominator_steps=metric.denominator_steps,
    )
