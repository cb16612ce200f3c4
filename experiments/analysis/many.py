"""Many unadjusted comparisons at once, as readings."""

from collections.abc import Sequence

import numpy as np

from experiments.analysis.effects import arm_estimate, pair_of, sample_of
from experiments.analysis.estimates import Reading, Relative
from experiments.design import MetricDesign
from experiments.events.state import Sums
from experiments.statistics.batch import (
    Comparisons,
    LiftCode,
    compare_many,
    joined_comparisons,
)
from experiments.statistics.batch_arms import (
    Arms,
    Floats,
    Status,
    independent,
    means,
    ratios,
)
from experiments.statistics.batch_proportions import Counts, compare_proportions
from experiments.statistics.differences import Method
from experiments.statistics.errors import StatisticsError
from experiments.statistics.relative import LiftStatus

Pair = tuple[MetricDesign, Sums, Sums]
"""A metric, the control's sums and the treatment's."""
Side = tuple[MetricDesign, Sums]

_WHY = {
    Status.TOO_FEW_UNITS: "needs at least 2 units in each arm",
    Status.NO_VARIATION: "no unit differs from another in either arm",
    Status.NOISY_DENOMINATOR: "the denominator is too near zero",
    Status.INVALID: "the arms cannot be compared",
}
_LIFTS = {
    LiftCode.BOUNDED: LiftStatus.BOUNDED,
    LiftCode.BASELINE_TOO_NOISY: LiftStatus.BASELINE_TOO_NOISY,
}


def read_many(pairs: Sequence[Pair], *, confidence: float) -> list[Reading]:
    """Compare every pair, each as a comparison of its own would.

    Args:
        pairs: What is compared, in any mixture of metrics.
        confidence: Coverage of every interval, in (0, 1).
    """
    kinds = (
        ([i for i, p in enumerate(pairs) if p[0].is_binary], _shares),
        ([i for i, p in enumerate(pairs) if p[0].is_ratio], _ratios),
        ([i for i, p in enumerate(pairs) if _is_mean(p[0])], _means),
    )
    order: list[int] = []
    parts: list[Comparisons] = []
    for rows, compare in kinds:
        if rows:
            order += rows
            parts.append(compare([pairs[i] for i in rows], confidence))
    if not parts:
        return []
    found = joined_comparisons(parts)
    at = {row: place for place, row in enumerate(order)}
    return [_reading(pair, found, at[i]) for i, pair in enumerate(pairs)]


def _is_mean(metric: MetricDesign) -> bool:
    return not metric.is_binary and not metric.is_ratio


def _shares(pairs: Sequence[Pair], confidence: float) -> Comparisons:
    sides = [_counts([sums for _, sums in side]) for side in _sides(pairs)]
    return compare_proportions(*sides, confidence=confidence)


def _means(pairs: Sequence[Pair], confidence: float) -> Comparisons:
    sides = [_mean_arms(side) for side in _sides(pairs)]
    return compare_many(independent(*sides), confidence=confidence)


def _ratios(pairs: Sequence[Pair], confidence: float) -> Comparisons:
    sides = [_ratio_arms(side) for side in _sides(pairs)]
    return compare_many(independent(*sides), confidence=confidence)


def _sides(pairs: Sequence[Pair]) -> tuple[list[Side], list[Side]]:
    """The control's side of every pair, and the treatment's."""
    return [(p[0], p[1]) for p in pairs], [(p[0], p[2]) for p in pairs]


def _counts(arms: Sequence[Sums]) -> Counts:
    return Counts(
        np.array([float(sums.n) for sums in arms]),
        np.array([float(sums.y) for sums in arms]),
    )


def _mean_arms(arms: Sequence[Side]) -> Arms:
    rows = np.zeros((len(arms), 3))
    for row, (metric, sums) in zip(rows, arms, strict=True):
        try:
            sample = sample_of(metric, sums)
            row[:] = sample.n, sample.mean, sample.variance
        except StatisticsError:
            row[:] = 0.0
    return means(*_columns(rows))


def _ratio_arms(arms: Sequence[Side]) -> Arms:
    rows = np.zeros((len(arms), 6))
    for row, (metric, sums) in zip(rows, arms, strict=True):
        try:
            pair = pair_of(metric, sums)
        except StatisticsError:
            continue
        row[:] = (
            pair.n,
            pair.numerator,
            pair.denominator,
            pair.numerator_deviations,
            pair.products,
            pair.denominator_deviations,
        )
    return ratios(rows[:, 0], rows[:, 1:3], rows[:, 3:])


def _columns(rows: Floats) -> tuple[Floats, Floats, Floats]:
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _reading(pair: Pair, found: Comparisons, row: int) -> Reading:
    metric, control, treatment = pair
    arms = (arm_estimate(metric, control), arm_estimate(metric, treatment))
    status = Status(int(found.status[row]))
    if status is not Status.COMPARED:
        return Reading(*arms, unavailable=_WHY[status])
    return Reading(
        *arms,
        method=_method(metric, found, row),
        absolute=float(found.value[row]),
        low=float(found.low[row]),
        high=float(found.high[row]),
        p_value=float(found.p_value[row]),
        log_p_value=float(found.log_p_value[row]),
        statistic=float(found.statistic[row]),
        critical=float(found.critical[row]),
        relative=_relative(found, row),
        standard_error=float(found.standard_error[row]),
    )


def _method(metric: MetricDesign, found: Comparisons, row: int) -> Method:
    if metric.is_ratio:
        return Method.DELTA
    by_score = metric.is_binary and float(found.degrees[row]) == 0.0
    return Method.SCORE if by_score else Method.WELCH


def _relative(found: Comparisons, row: int) -> Relative | None:
    code = LiftCode(int(found.lift_status[row]))
    if code is LiftCode.NOT_STATED:
        return None
    if code is not LiftCode.BOUNDED:
        return Relative(_LIFTS[code])
    return Relative(
        _LIFTS[code],
        float(found.lift[row]),
        float(found.lift_low[row]),
        float(found.lift_high[row]),
    )
