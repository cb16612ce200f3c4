"""Sample ratio mismatch: whether the arms got the units that the split promised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, gammaln

from experiments.statistics.checks import count, finite
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.tails import Tail

MINIMUM_EXPECTED = 5.0
"""Expected units per cell below which chi-square is not to be trusted."""

CONCENTRATION = 100.0
"""Belief in the split that finds mismatches of the usual sizes soonest."""


SMALLEST_SHARE = 1e-9
"""Share of a split below which an arm is not tested over time."""


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


@dataclass(frozen=True, slots=True)
class SampleRatioPath:
    """Sample ratio tests that may be read at every look.

    Attributes:
        log_evalue: (looks,) float64, natural logarithm of the evidence against the
            split at each look.
        p_value: (looks,) float64, the smallest always-valid p-value so far, in (0, 1].
    """

    log_evalue: NDArray[np.float64]
    p_value: NDArray[np.float64]


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
    arms = [
        (count("observed", n), _weight(w))
        for n, w in zip(observed, weights, strict=True)
    ]
    counted = [(n, w) for n, w in arms if w > 0.0]
    if len(counted) < 2:
        raise InvalidArgument("weights", "at least two arms need weight")
    total = sum(n for n, _ in counted)
    scale = total / sum(w for _, w in counted)
    return _chi_square(
        [(float(n), w * scale) for n, w in counted], degrees=len(counted) - 1
    )


def sequential_sample_ratio(
    observed: Sequence[Sequence[int]] | NDArray[np.int64],
    weights: Sequence[float],
    *,
    concentration: float = CONCENTRATION,
) -> SampleRatioPath:
    """Test the units per arm against the split at every look, with one error rate.

    Alarms at alpha are false in at most alpha of all experiments, however often the
    counts are read. Arms of zero weight take no part.

    Args:
        observed: (looks, k) distinct randomised units by arm, cumulative, in the order
            of the looks.
        weights: (k,) shares of the split, of any sum.
        concentration: Units' worth of belief in the split, 0.001 to 1e9: the larger,
            the sooner small mismatches show and the later large ones do.

    Raises:
        InvalidArgument: The shapes contradict each other, a number is negative or not
            finite, counts fall, or fewer than two arms have weight.

    Reference:
        M. Lindon, A. Malek (2022), "Anytime-valid inference for multinomial count
        data", NeurIPS 35.

    Example:
        >>> path = sequential_sample_ratio([[5200, 4800]], [0.5, 0.5])
        >>> round(float(path.p_value[0]), 5)
        0.00365
    """
    counts = np.asarray(observed, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] == 0 or counts.shape[1] != len(weights):
        raise InvalidArgument(
            "observed", "must have one row per look, one count per arm"
        )
    if not np.isfinite(counts).all() or (counts < 0.0).any() or (counts > 1e15).any():
        raise InvalidArgument("observed", "must lie between 0 and 1e15")
    if (np.diff(counts, axis=0) < 0.0).any():
        raise InvalidArgument("observed", "must not fall from look to look")
    counted = np.array([_weight(weight) > 0.0 for weight in weights])
    if counted.sum() < 2:
        raise InvalidArgument("weights", "at least two arms need weight")
    counts = counts[:, counted]
    shares = np.asarray(weights, dtype=np.float64)[counted] / max(weights)
    shares = shares / shares.sum()
    if shares.min() < SMALLEST_SHARE:
        raise InvalidArgument("weights", "an arm's share is too small to be tested")
    prior = _concentration(concentration) * shares
    total = counts.sum(axis=1)
    log_evalue = (gammaln(prior + counts) - gammaln(prior)).sum(axis=1)
    log_evalue -= gammaln(concentration + total) - gammaln(concentration)
    log_evalue -= counts @ np.log(shares)
    best = np.maximum(np.maximum.accumulate(log_evalue), 0.0)
    p_value = np.maximum(np.exp(-best), np.finfo(np.float64).tiny)
    return SampleRatioPath(log_evalue=log_evalue, p_value=p_value)


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


def _concentration(value: float) -> float:
    if not 1e-3 <= finite("concentration", value) <= 1e9:
        raise InvalidArgument("concentration", "must lie between 0.001 and 1e9")
    return value


def _weight(weight: float) -> float:
    if finite("weights", weight) < 0.0:
        raise InvalidArgument("weights", "must not be negative")
    return weight


def _chi_square(cells: list[tuple[float, float]], *, degrees: int) -> ChiSquare:
    if min(expected for _, expected in cells) < MINIMUM_EXPECTED:
        raise TooFewUnits(
            "observed",
            "too few units to check yet: "
            f"fewer than {MINIMUM_EXPECTED:.0f} are expected in some group",
        )
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    p_value = float(chdtrc(degrees, statistic))
    return ChiSquare(statistic, degrees, Tail.floored(p_value))
