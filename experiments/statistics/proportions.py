"""Comparing two proportions: Welch where counts allow it, the score test elsewhere."""

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri

from experiments.statistics.checks import fraction
from experiments.statistics.differences import Difference, Method
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.means import welch
from experiments.statistics.roots import root
from experiments.statistics.samples import Sample
from experiments.statistics.tails import normal_tail

MINIMUM_CELL = 10
"""Successes and failures that each arm needs before Welch is used."""

TOLERANCE = 1e-15
"""To which an end of an interval is found."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """Units of one arm and how many of them did it.

    Attributes:
        n: Units, at least 1.
        successes: Units whose value is 1, in [0, n].

    Raises:
        TooFewUnits: `n` is below 1.
        InvalidArgument: `successes` is not in [0, n].
    """

    n: int
    successes: int

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        if self.n < 1:
            raise TooFewUnits("n", f"needs at least 1 unit, not {self.n}")
        if not 0 <= self.successes <= self.n:
            raise InvalidArgument("successes", f"must lie between 0 and {self.n}")

    @property
    def share(self) -> float:
        """Successes per unit, in [0, 1]."""
        return self.successes / self.n

    @property
    def smallest_cell(self) -> int:
        """The smaller of successes and failures."""
        return min(self.successes, self.n - self.successes)

    def sample(self) -> Sample:
        """The same arm as values of 0 and 1."""
        failures = self.n - self.successes
        return Sample(
            n=self.n, mean=self.share, deviations=self.successes * failures / self.n
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """One estimate and its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float


def wilson(proportion: Proportion, *, confidence: float) -> Interval:
    """Estimate one share, with the score interval.

    Args:
        proportion: Units, and how many of them did it.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
        inference", JASA 22.

    Example:
        >>> found = wilson(Proportion(10, 0), confidence=0.95)
        >>> found.low, round(found.high, 4)
        (0.0, 0.2775)
    """
    critical = float(-ndtri((1.0 - fraction("confidence", confidence)) / 2.0))
    n, share = proportion.n, proportion.share
    weight = critical**2 / n
    centre = (share + weight / 2.0) / (1.0 + weight)
    spread = share * (1.0 - share) / n + weight / (4.0 * n)
    margin = critical * math.sqrt(spread) / (1.0 + weight)
    low = centre - margin if proportion.successes > 0 else 0.0
    high = centre + margin if proportion.successes < n else 1.0
    return Interval(share, max(low, 0.0), min(high, 1.0))


def jeffreys(proportion: Proportion, *, confidence: float) -> Interval:
    """Estimate one share, with the interval of Jeffreys' prior, Beta(1/2, 1/2).

    Its coverage averages the stated one; Wilson's is what this service reports.

    Args:
        proportion: Units, and how many of them did it.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Returns:
        The share and the interval, which reaches 0 where nobody did it, and 1 where
        everybody did.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        L. D. Brown, T. T. Cai, A. DasGupta (2001), "Interval estimation for a binomial
        proportion", Statistical Science 16.

    Example:
        >>> found = jeffreys(Proportion(10, 0), confidence=0.95)
        >>> found.low, round(found.high, 4)
        (0.0, 0.2172)
    """
    tail = (1.0 - fraction("confidence", confidence)) / 2.0
    hits, misses = proportion.successes, proportion.n - proportion.successes
    low = float(betaincinv(hits + 0.5, misses + 0.5, tail)) if hits else 0.0
    high = 1.0 - float(betaincinv(misses + 0.5, hits + 0.5, tail)) if misses else 1.0
    return Interval(proportion.share, low, high)


def compare(
    control: Proportion, treatment: Proportion, *, confidence: float
) -> Difference:
    """Compare two proportions; one reading gives p and interval alike.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Returns:
        Welch's comparison of the 0/1 values where every arm has at least ten successes
        and ten failures, else the score comparison.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).
    """
    if min(control.smallest_cell, treatment.smallest_cell) >= MINIMUM_CELL:
        return welch(control.sample(), treatment.sample(), confidence=confidence)
    return score(control, treatment, confidence=confidence)


def score(
    control: Proportion, treatment: Proportion, *, confidence: float
) -> Difference:
    """Compare two proportions by the score test, inverted for its interval.

    Valid down to no success at all; where both arms have none (or only successes),
    p is 1. `standard_error` is the one the test uses under no difference.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        O. Miettinen, M. Nurminen (1985), "Comparative analysis of two rates",
        Statistics in Medicine 4.

    Example:
        >>> result = score(Proportion(20, 3), Proportion(22, 9), confidence=0.95)
        >>> round(result.value, 4), round(result.low, 2), round(result.high, 2)
        (0.2591, -0.02, 0.5)
    """
    alpha = 1.0 - fraction("confidence", confidence)
    critical = float(-ndtri(alpha / 2.0))
    value = treatment.share - control.share
    standard_error = restricted_error(control, treatment, 0.0)
    statistic = value / standard_error if standard_error > 0.0 else 0.0
    tail = normal_tail(statistic)
    return Difference(
        method=Method.SCORE,
        value=value,
        standard_error=standard_error,
        statistic=statistic,
        degrees=None,
        critical=critical,
        low=_end(control, treatment, value, -1.0, critical),
        high=_end(control, treatment, value, 1.0, critical),
        confidence=confidence,
        p_value=tail.p_value,
        log_p_value=tail.log_p_value,
    )


def _end(
    control: Proportion,
    treatment: Proportion,
    value: float,
    limit: float,
    critical: float,
) -> float:
    """The difference, between `value` and `limit`, at which the test just rejects."""

    def excess(difference: float) -> float:
        error = restricted_error(control, treatment, difference)
        return abs(value - difference) - critical * error

    # Nearly always the end is nearer than twice what the error at the estimate says.
    reach = 2.0 * critical * restricted_error(control, treatment, value)
    far = min(value + reach, limit) if limit > value else max(value - reach, limit)
    if excess(far) <= 0.0:
        far = limit
        if excess(far) <= 0.0:
            return limit
    return root(excess, value, far, tolerance=TOLERANCE)


def restricted_error(
    control: Proportion, treatment: Proportion, difference: float
) -> float:
    """Standard error of the difference if it truly were `difference`.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        difference: Treatment minus control that is taken for true, in (-1, 1).

    Returns:
        The error at the most likely shares that differ by that much.
    """
    first = _restricted_share(control, treatment, difference)
    second = min(max(first + difference, 0.0), 1.0)
    variance = first * (1.0 - first) / control.n
    variance += second * (1.0 - second) / treatment.n
    total = control.n + treatment.n
    return math.sqrt(max(variance, 0.0) * total / (total - 1))


def _restricted_share(
    control: Proportion, treatment: Proportion, difference: float
) -> float:
    """The control's most likely share, given that the arms differ by `difference`."""
    total = control.n + treatment.n
    events = control.successes + treatment.successes
    squared = (treatment.n + 2 * control.n) * difference - total - events
    linear = (control.n * difference - total - 2 * control.successes) * difference
    linear += events
    constant = control.successes * difference * (1.0 - difference)
    shift = squared / (3.0 * total)
    half = shift**3 - squared * linear / (6.0 * total**2) + constant / (2.0 * total)
    radius = math.sqrt(max(shift**2 - linear / (3.0 * total), 0.0))
    radius = math.copysign(radius, half)
    cosine = half / radius**3 if radius != 0.0 else 0.0
    angle = (math.pi + math.acos(min(max(cosine, -1.0), 1.0))) / 3.0
    share = 2.0 * radius * math.cos(angle) - shift
    return min(max(share, 0.0, -difference), 1.0, 1.0 - difference)
