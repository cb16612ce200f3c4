"""Medians and other quantiles of unit values, and how two arms differ in them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, ndtri

from experiments.statistics.checks import finite, fraction, moderate, positive
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.differences import Difference, Method, welch_difference
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.ratios import ratio
from experiments.statistics.samples import Estimate, PairSample

REACH = 0.95
"""Coverage of the ranks from which a standard error is read."""


@dataclass(frozen=True, slots=True)
class QuantileInterval:
    """A quantile of one group, and an interval whose ends are values of units.

    Attributes:
        value: The quantile, a value that some unit has.
        low: Lower end of the interval.
        high: Upper end of the interval.
        ranks: Ranks of the two ends among the sorted values, counted from 0.
    """

    value: float
    low: float
    high: float
    ranks: tuple[int, int]


def quantile_interval(
    values: Floats, *, quantile: float, confidence: float
) -> QuantileInterval:
    """Estimate a quantile, with an interval that holds for any distribution.

    Args:
        values: (n,) float64, one per unit, in any order.
        quantile: In (0, 1), such as 0.5.
        confidence: Least coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: So few values cannot enclose the quantile.
        InvalidArgument: A value is not finite, or a share not in (0, 1).

    Reference:
        W. J. Conover (1999), "Practical Nonparametric Statistics", 3rd ed., 3.2.

    Example:
        >>> found = quantile_interval(np.arange(100.0), quantile=0.5, confidence=0.95)
        >>> found.ranks
        (39, 60)
    """
    share = fraction("quantile", quantile)
    alpha = 1.0 - fraction("confidence", confidence)
    ordered = _ordered(values)
    n = ordered.size
    low = _first(n, lambda k: float(bdtr(k, n, share)) >= alpha / 2.0) - 1
    high = _first(n, lambda k: float(bdtrc(k, n, share)) <= alpha / 2.0)
    if low < 0 or high >= n:
        raise TooFewUnits("values", f"{n} values cannot enclose this quantile")
    return QuantileInterval(
        value=float(ordered[_rank(n, share)]),
        low=float(ordered[low]),
        high=float(ordered[high]),
        ranks=(low, high),
    )


def quantile_estimate(values: Floats, *, quantile: float) -> Estimate:
    """Estimate a quantile and its variance from the order statistics around it.

    Args:
        values: (n,) float64, one per independent unit, in any order.
        quantile: In (0, 1), such as 0.9.

    Raises:
        TooFewUnits: There are too few values for the ranks around the quantile.
        InvalidArgument: A value is not finite, or `quantile` not in (0, 1).

    Reference:
        R. S. Woodruff (1952), "Confidence intervals for medians and other position
        measures", JASA 47.
    """
    share = fraction("quantile", quantile)
    ordered = _ordered(values)
    n = ordered.size
    margin = _reach() * math.sqrt(n * share * (1.0 - share))
    low, high = math.floor(n * share - margin) - 1, math.ceil(n * share + margin) - 1
    if low < 0 or high >= n:
        raise TooFewUnits("values", f"{n} values are too few around this quantile")
    return woodruff(
        n=n,
        value=float(ordered[_rank(n, share)]),
        low=float(ordered[low]),
        high=float(ordered[high]),
        inflation=1.0,
    )


def clustered_quantile(
    values: Floats, clusters: NDArray[np.int64], *, quantile: float
) -> Estimate:
    """Estimate a quantile of events whose units were randomised.

    Args:
        values: (m,) float64, one per event, such as a latency.
        clusters: (m,) int64, the randomised unit of each event.
        quantile: In (0, 1), such as 0.9.

    Returns:
        The quantile over all events; `n` is the number of randomised units.

    Raises:
        TooFewUnits: There are too few events around the quantile, or one unit only.
        NoisyDenominator: Events per unit are too uneven.
        InvalidArgument: The shapes differ, a value is not finite, or `quantile` not
            in (0, 1).

    Reference:
        A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric
        analytics", KDD, section 4.
    """
    if clusters.shape != values.shape:
        raise InvalidArgument("clusters", "must have one entry per value")
    plain = quantile_estimate(values, quantile=quantile)
    _, index = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    below = np.bincount(index, weights=(values <= plain.value).astype(np.float64))
    pair = Moments.of(np.column_stack([below, sizes])).pair()
    inflation = cluster_inflation(pair, quantile=quantile)
    return Estimate(pair.n, plain.value, plain.variance * inflation)


def woodruff(
    *, n: int, value: float, low: float, high: float, inflation: float
) -> Estimate:
    """The variance of a quantile from the values at two ranks around it.

    Args:
        n: Units, or events where units were randomised.
        value: The quantile.
        low: The value at the lower end of the ranks that hold it with 95%.
        high: The value at their upper end.
        inflation: Factor for events of one unit that are alike; 1 for units.

    Raises:
        TooFewUnits: `n` is below 2.
        InvalidArgument: A number is not finite, `low` is above `high`, or `inflation`
            is not above 0.
    """
    if finite("high", high) < finite("low", low):
        raise InvalidArgument("low", "must not be above high")
    error = (high - low) / (2.0 * _reach())
    factor = positive("inflation", inflation) * (n - 1) / max(n, 1)
    return Estimate(n, value, error * error * factor)


def cluster_inflation(counts: PairSample, *, quantile: float) -> float:
    """How many times larger a quantile's variance is than for independent events.

    Args:
        counts: Per randomised unit, events at or below the quantile, and all events.
        quantile: In (0, 1).

    Raises:
        TooFewUnits: There is one unit only.
        NoisyDenominator: Events per unit are too uneven.
        InvalidArgument: `quantile` is not in (0, 1), or no event differs.
    """
    share = fraction("quantile", quantile)
    events = counts.n * counts.denominator
    independent = share * (1.0 - share) / events
    return positive("counts", ratio(counts).variance / independent)


def compare_quantiles(
    control: Estimate, treatment: Estimate, *, confidence: float
) -> Difference:
    """Compare one quantile of two arms.

    Args:
        control: The control's quantile, from `quantile_estimate` or
            `clustered_quantile`.
        treatment: The treatment's.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        NoVariation: All values around the quantile are the same, in both arms.
        InvalidArgument: `confidence` is not in (0, 1).
    """
    return welch_difference(
        control, treatment, confidence=confidence, method=Method.QUANTILE
    )


def _reach() -> float:
    return -float(ndtri((1.0 - REACH) / 2.0))


def _ordered(values: Floats) -> Floats:
    if values.ndim != 1 or values.size == 0:
        raise TooFewUnits("values", "there are no units yet")
    ordered: Floats = np.sort(moderate("values", values))
    return ordered


def _rank(n: int, quantile: float) -> int:
    """The rank, from 0, that `caps.quantile_cap` takes too."""
    return math.ceil(Fraction(str(quantile)) * (n - 1))


def _first(n: int, holds: Callable[[int], bool]) -> int:
    """The smallest number up to n from which something holds; at n it does."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
