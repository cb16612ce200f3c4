"""What an experiment says after a boundary has stopped it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from scipy.special import ndtri

from experiments.statistics.boundaries import Boundary
from experiments.statistics.checks import fraction
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ranges import size, standardised
from experiments.statistics.roots import root
from experiments.statistics.tails import Tail
from experiments.statistics.walk import SMALLEST_RISE, Walk


@dataclass(frozen=True, slots=True)
class Stagewise:
    """The estimate after a stop, in the unit of its standard error.

    Attributes:
        value: Median-unbiased estimate: as often too high as too low.
        low: Lower end of the interval.
        high: Upper end of the interval.
        p_value: Two-sided p-value in (0, 1]; below 1 - confidence exactly where the
            interval excludes 0.
    """

    value: float
    low: float
    high: float
    p_value: float


def stagewise(
    boundary: Boundary,
    *,
    look: int,
    statistic: float,
    standard_error: float,
    confidence: float,
    pulls: Sequence[float] | None = None,
) -> Stagewise:
    """Estimate an effect without the exaggeration that stopping early brings.

    Outcomes are ordered by stage: an earlier stop above the boundary is the greater,
    then a later one; within a look the larger statistic is.

    Args:
        boundary: The boundary, with at least the looks up to the stop.
        look: Number of the look at which the experiment stopped, from 1, whether it
            crossed or was the last.
        statistic: The estimate over its standard error at that look.
        standard_error: Its standard error at that look, above 0.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        pulls: (look,) how strongly an effect moves the statistic of each look up to the
            stop, above 0, in any unit: 1 / standard error. None where that rises as the
            root of the information does, as of units that vary alike throughout.

    Raises:
        InvalidArgument: An argument is out of its range, or there are not as many pulls
            as looks up to the stop.

    Reference:
        K. Fairbanks, R. Madsen (1982), "P values for tests using a repeated
        significance test design", Biometrika 69; A. A. Tsiatis, G. L. Rosner,
        C. R. Mehta (1984), "Exact confidence intervals following a group sequential
        test", Biometrics 40.
    """
    if not 1 <= look <= len(boundary.fractions):
        raise InvalidArgument("look", f"must be 1 to {len(boundary.fractions)}")
    standardised("statistic", statistic)
    size("standard_error", standard_error)
    alpha = 1.0 - fraction("confidence", confidence)
    shares = _shares(boundary.information[:look], pulls)

    @cache
    def tails(mean: float) -> tuple[float, float]:
        return _tails(boundary, statistic, [mean * share for share in shares])

    def solve(upper: float, lower: float) -> float:
        """The effect, in standard errors, at which the outcome is that surprising."""

        def excess(mean: float) -> float:
            return _probit(*tails(mean)) - _probit(upper, lower)

        return _crossing(excess, statistic)

    return Stagewise(
        value=solve(0.5, 0.5) * standard_error,
        low=solve(alpha / 2.0, 1.0 - alpha / 2.0) * standard_error,
        high=solve(1.0 - alpha / 2.0, alpha / 2.0) * standard_error,
        p_value=Tail.floored(2.0 * min(tails(0.0))),
    )


def _shares(
    information: Sequence[float], pulls: Sequence[float] | None
) -> tuple[float, ...]:
    """The mean of each look's statistic, as a share of the last one's."""
    if pulls is None:
        pulls = [math.sqrt(known) for known in information]
    if len(pulls) != len(information):
        raise InvalidArgument("pulls", f"must have {len(information)} entries")
    last = size("pulls", pulls[-1])
    return tuple(size("pulls", pull) / last for pull in pulls)


def _tails(
    boundary: Boundary, statistic: float, means: Sequence[float]
) -> tuple[float, float]:
    """Probabilities of an outcome at least as great, and at least as small.

    The walk has no drift: each look's mean is taken off what it is compared with.
    """
    walk = Walk.start(0.0)
    above = below = 0.0
    look = len(means)
    information = boundary.information[:look]
    earlier = zip(boundary.critical[: look - 1], information, means, strict=False)
    for place, (critical, known, mean) in enumerate(earlier, start=1):
        if critical is None or not walk.rises(known):
            continue
        top, bottom = critical - mean, boundary.bottom(critical) - mean
        above += walk.above(top, known)
        below += walk.below(bottom, known)
        walk = walk.onward(bottom, top, known, information[place:])
    least = walk.information * (1.0 + 2.0 * SMALLEST_RISE)
    known = max(information[-1], least)
    above += walk.above(statistic - means[-1], known)
    below += walk.below(statistic - means[-1], known)
    return above, below


def _probit(upper: float, lower: float) -> float:
    """Nearly a straight line in the effect; the smaller tail is the exact one."""
    if upper < lower:
        return float(ndtri(max(upper, 1e-300)))
    return -float(ndtri(max(lower, 1e-300)))


def _crossing(function: Callable[[float], float], start: float) -> float:
    """The root of a rising function, looked for around a first guess."""
    width = 1.0
    low, high = start - width, start + width
    while function(low) > 0.0 and width < 1e3:
        width *= 2.0
        low = start - width
    width = 1.0
    while function(high) < 0.0 and width < 1e3:
        width *= 2.0
        high = start + width
    return root(function, low, high, tolerance=1e-10)
