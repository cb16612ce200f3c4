"""Comparing two proportions: Welch where counts allow it, the score test elsewhere."""

import math
from dataclasses import dataclass

from scipy.special import ndtri

from experiments.statistics.checks import fraction
from experiments.statistics.differences import Difference, Method
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.means import welch
from experiments.statistics.samples import Sample
from experiments.statistics.tails import normal_tail

MINIMUM_CELL = 10
"""Successes and failures that each arm needs before Welch is used."""


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
    standard_error = _restricted_error(control, treatment, 0.0)
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
    inside, outside = value, limit
    for _ in range(100):
        middle = (inside + outside) / 2.0
        error = _restricted_error(control, treatment, middle)
        if abs(value - middle) <= critical * error:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2.0


def _restricted_error(
    control: Proportion, treatment: Proportion, difference: float
) -> float:
    """Standard error of the difference if it truly were `difference`."""
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
