"""Comparisons that a few extreme values cannot decide."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.statistics.checks import fraction, moderate
from experiments.statistics.crossproducts import Floats
from experiments.statistics.differences import Difference, Method, student_difference
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.tails import normal_tail


@dataclass(frozen=True, slots=True)
class RankTest:
    """Whether values of one arm tend to be larger.

    Attributes:
        statistic: Mann and Whitney's U: pairs in which the treatment's value is the
            larger one, ties counted half.
        share: The same as a share of all pairs; 0.5 where neither tends to be larger.
        p_value: Two-sided, in (0, 1].
        log_p_value: Natural logarithm of p.
    """

    statistic: float
    share: float
    p_value: float
    log_p_value: float


def mann_whitney(control: Floats, treatment: Floats) -> RankTest:
    """Test whether values of one arm tend to be larger, by ranks.

    It answers for the odds that a treated unit beats another one, not for the mean.

    Args:
        control: (n,) float64, values by unit.
        treatment: (m,) float64, values by unit.

    Returns:
        The test by the normal distribution, with corrections for ties and continuity.

    Raises:
        TooFewUnits: An arm is empty.
        NoVariation: All values are the same.
        InvalidArgument: A value is not finite.

    Reference:
        H. B. Mann, D. R. Whitney (1947), "On a test of whether one of two random
        variables is stochastically larger than the other", Annals of Mathematical
        Statistics 18.
    """
    for name, values in (("control", control), ("treatment", treatment)):
        _require_values(name, values, least=1)
    both = np.concatenate([control, treatment])
    _, index, ties = np.unique(both, return_inverse=True, return_counts=True)
    ends = np.cumsum(ties)
    ranks = (ends - (ties - 1) / 2.0)[index]
    n, m = control.size, treatment.size
    total = n + m
    statistic = float(ranks[n:].sum()) - m * (m + 1) / 2.0
    clumps = float((ties.astype(np.float64) ** 3 - ties).sum())
    variance = n * m / 12.0 * (total + 1 - clumps / (total * max(total - 1, 1)))
    if variance <= 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    gap = max(abs(statistic - n * m / 2.0) - 0.5, 0.0)
    tail = normal_tail(gap / math.sqrt(variance))
    return RankTest(statistic, statistic / (n * m), tail.p_value, tail.log_p_value)


def yuen(
    control: Floats, treatment: Floats, *, trim: float, confidence: float
) -> Difference:
    """Compare means without the highest and lowest values of each arm.

    Args:
        control: (n,) float64, values by unit.
        treatment: (m,) float64, values by unit.
        trim: Share of each arm's values cut off at each end, in [0, 0.5).
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: Fewer than two values are left in an arm.
        NoVariation: Neither arm varies between the cuts.
        InvalidArgument: A value is not finite, or a share out of its range.

    Reference:
        K. K. Yuen (1974), "The two-sample trimmed t for unequal population variances",
        Biometrika 61.
    """
    fraction("confidence", confidence)
    if not 0.0 <= trim < 0.5:
        raise InvalidArgument("trim", f"must be at least 0 and below 0.5, not {trim}")
    arms = [
        _trimmed(name, values, trim)
        for name, values in (("control", control), ("treatment", treatment))
    ]
    total = arms[0][1] + arms[1][1]
    if total == 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    return student_difference(
        arms[1][0] - arms[0][0],
        math.sqrt(total),
        degrees=1.0 / sum((arm[1] / total) ** 2 / (arm[2] - 1) for arm in arms),
        confidence=confidence,
        method=Method.TRIMMED,
    )


def _trimmed(argument: str, values: Floats, trim: float) -> tuple[float, float, int]:
    """Trimmed mean, its variance from the winsorized values, and the values left."""
    _require_values(argument, values, least=2)
    ordered = np.sort(values)
    cut = int(trim * ordered.size)
    left = ordered.size - 2 * cut
    if left < 2:
        raise TooFewUnits(argument, "needs at least 2 values between the cuts")
    inner = ordered[cut : ordered.size - cut]
    pulled = np.clip(ordered, inner[0], inner[-1])
    squares = float(((pulled - pulled.mean()) ** 2).sum())
    return float(inner.mean()), squares / (left * (left - 1)), left


def _require_values(argument: str, values: Floats, *, least: int) -> None:
    if values.ndim != 1 or values.size < least:
        raise TooFewUnits(argument, f"needs at least {least} units")
    moderate(argument, values)
