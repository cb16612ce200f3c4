"""Sample ratio mismatch: whether the arms got the units that the split promised."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

from experiments.statistics.checks import count, finite
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.tails import Tail

MINIMUM_EXPECTED = 5.0
"""Expected units per cell below which chi-square is not to be trusted."""


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square test.

    Attributes:
        statistic: Sum of (observed - expected)^2 / expected.
        degrees: Degrees of freedom.
        p_value: In (0, 1]; 2.2e-308 stands for anything smaller.
    """

    statistic: float
    degrees: int
    p_value: float


def sample_ratio(observed: Sequence[int], weights: Sequence[float]) -> ChiSquare:
    """Test the units per arm against the split.

    Arms of zero weight take no part: neither their units nor a degree of freedom.

    Args:
        observed: (k,) distinct randomised units by arm.
        weights: (k,) shares of the split, of any sum.

    Raises:
        InvalidArgument: The lengths differ, a number is negative or not finite, or
            fewer than two arms have weight.
        TooFewUnits: Some arm expects fewer than five units.

    Reference:
        K. Pearson (1900), "On the criterion that a given system of deviations ...",
        Philosophical Magazine 50; for experiments A. Fabijan et al. (2019),
        "Diagnosing sample ratio mismatch in online controlled experiments", KDD.

    Example:
        >>> round(sample_ratio([5050, 4950], [0.5, 0.5]).p_value, 4)
        0.3173
    """
    if len(observed) != len(weights):
        raise InvalidArgument("weights", "must have one entry per arm")
    for weight in weights:
        if finite("weights", weight) < 0.0:
            raise InvalidArgument("weights", "must not be negative")
    arms = [(count("observed", n), w) for n, w in zip(observed, weights, strict=True)]
    counted = [(n, w) for n, w in arms if w > 0.0]
    if len(counted) < 2:
        raise InvalidArgument("weights", "at least two arms need weight")
    total = sum(n for n, _ in counted)
    scale = total / sum(w for _, w in counted)
    return _chi_square(
        [(float(n), w * scale) for n, w in counted], degrees=len(counted) - 1
    )


def equal_rates(events: Sequence[int], units: Sequence[int]) -> ChiSquare:
    """Test whether the same share of units had an event in every arm.

    Args:
        events: (k,) units with the event, by arm.
        units: (k,) all units, by arm.

    Raises:
        InvalidArgument: The lengths differ, or there are more events than units.
        TooFewUnits: Fewer than two arms, or some cell expects fewer than five units.

    Example:
        >>> equal_rates([30, 30], [1000, 1000]).p_value
        1.0
    """
    if len(events) != len(units):
        raise InvalidArgument("events", "must have one entry per arm")
    pairs = list(zip(events, units, strict=True))
    if any(not 0 <= event <= n for event, n in pairs):
        raise InvalidArgument("events", "must lie between 0 and the arm's units")
    total = sum(units)
    if len(pairs) < 2 or total == 0:
        raise TooFewUnits("units", "at least two arms need units")
    rate = sum(events) / total
    cells = [(float(event), n * rate) for event, n in pairs]
    cells += [(float(n - event), n * (1.0 - rate)) for event, n in pairs]
    return _chi_square(cells, degrees=len(pairs) - 1)


def _chi_square(cells: list[tuple[float, float]], *, degrees: int) -> ChiSquare:
    if min(expected for _, expected in cells) < MINIMUM_EXPECTED:
        raise TooFewUnits(
            "observed", f"each cell must expect at least {MINIMUM_EXPECTED:.0f} units"
        )
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    p_value = float(chdtrc(degrees, statistic))
    return ChiSquare(statistic, degrees, Tail.floored(p_value))
