"""Readings that hold at every look, however many and whenever they are taken."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.checks import fraction
from experiments.statistics.directions import Better
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.ranges import number, size
from experiments.statistics.tails import Tail

Floats = NDArray[np.float64]

LARGEST_STATISTIC = 1e100
"""Standard errors from zero beyond which squares would leave the range of numbers."""


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """One look of a sequence of intervals that all hold together.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        critical: Half the interval's width in standard errors: the critical value that
            gives Fieller's interval the same validity.
        p_value: Always-valid p-value, in (0, 1], the smallest so far.
        log_evalue: Natural logarithm of the evidence against no difference at this
            look; above log(1 / alpha) exactly where the interval excludes 0.
    """

    value: float
    low: float
    high: float
    critical: float
    p_value: float
    log_evalue: float


@dataclass(frozen=True, slots=True)
class HarmBound:
    """One look of a one-sided alarm.

    Attributes:
        bound: The best that the difference can still be: its upper bound where higher
            is better, its lower bound where lower is.
        harmed: Whether even that is worse than no difference.
        critical: Distance of the bound from the estimate, in standard errors.
        p_value: Always-valid p-value against no harm, in (0, 1], the smallest so far.
    """

    bound: float
    harmed: bool
    critical: float
    p_value: float


@dataclass(frozen=True, slots=True)
class ConfidenceSequences:
    """Many looks at once; see `ConfidenceSequence`.

    Attributes:
        low: (k,) float64.
        high: (k,) float64.
        critical: (k,) float64.
        p_value: (k,) float64, of each look alone.
        log_evalue: (k,) float64.
    """

    low: Floats
    high: Floats
    critical: Floats
    p_value: Floats
    log_evalue: Floats


def asymptotic_sequence(
    difference_value: float,
    standard_error: float,
    *,
    n: int,
    planned: int,
    alpha: float,
    previous: float = 1.0,
) -> ConfidenceSequence:
    """Interval of a difference that holds at all looks together.

    It is narrowest, relative to a single look's interval, where `n` is `planned`:
    about 1.5 times as wide at alpha 0.05.

    Args:
        difference_value: The estimated difference.
        standard_error: Its standard error, above 0.
        n: Units behind it in both arms together, at least 2.
        planned: Units planned, fixed before the first look, at least 2.
        alpha: Chance that any interval of the sequence misses, in (0, 1).
        previous: Smallest p-value of the looks before; 1 at the first.

    Raises:
        TooFewUnits: `n` or `planned` is below 2.
        InvalidArgument: A number is not finite, `standard_error` is not above 0,
            `alpha` is not in (0, 1), or `previous` is not in (0, 1].

    Reference:
        I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas (2021),
        "Time-uniform central limit theory and asymptotic confidence sequences",
        theorem 2.2.

    Example:
        >>> found = asymptotic_sequence(
        ...     0.3, 0.1364, n=2000, planned=5000, alpha=0.05)
        >>> round(found.low, 3), round(found.high, 3), round(found.p_value, 3)
        (-0.126, 0.726, 0.325)
    """
    value = number("difference_value", difference_value)
    error = size("standard_error", standard_error)
    _check_previous(previous)
    found = asymptotic_sequences(
        np.array([value]),
        np.array([error]),
        np.array([float(n)]),
        planned=planned,
        alpha=alpha,
    )
    return ConfidenceSequence(
        value=value,
        low=number("standard_error", float(found.low[0])),
        high=number("standard_error", float(found.high[0])),
        critical=float(found.critical[0]),
        p_value=min(previous, float(found.p_value[0])),
        log_evalue=float(found.log_evalue[0]),
    )


def asymptotic_sequences(
    values: Floats, standard_errors: Floats, n: Floats, *, planned: int, alpha: float
) -> ConfidenceSequences:
    """Intervals of many differences, each as `asymptotic_sequence` would give it.

    Args:
        values: (k,) float64, estimated differences.
        standard_errors: (k,) float64, above 0.
        n: (k,) float64, units in both arms together, at least 2.
        planned: Units planned, at least 2.
        alpha: Chance that any interval of a sequence misses, in (0, 1).

    Raises:
        TooFewUnits: A row of `n`, or `planned`, is below 2.
        InvalidArgument: The shapes differ, a number is not finite, a standard error is
            not above 0, or `alpha` is not in (0, 1).
    """
    _check_rows(values, standard_errors, n)
    scaled = n * _tuning(planned, fraction("alpha", alpha))
    log_root = 0.5 * np.log1p(scaled)
    shrink = scaled / (2.0 * (scaled + 1.0))
    critical = np.sqrt((log_root - math.log(alpha)) / shrink)
    statistic = values / standard_errors
    log_evalue = shrink * statistic * statistic - log_root
    return ConfidenceSequences(
        low=values - critical * standard_errors,
        high=values + critical * standard_errors,
        critical=critical,
        p_value=_p_values(log_evalue),
        log_evalue=log_evalue,
    )


def harm_bound(
    difference_value: float,
    standard_error: float,
    *,
    n: int,
    planned: int,
    alpha: float,
    better: Better,
    previous: float = 1.0,
) -> HarmBound:
    """Whether a difference is a harm, asked at every look with one error rate.

    Args:
        difference_value: The estimated difference, treatment minus control.
        standard_error: Its standard error, above 0.
        n: Units behind it in both arms together, at least 2.
        planned: Units planned, fixed before the first look, at least 2.
        alpha: One-sided chance of any false alarm, in (0, 1/2).
        better: Whether a higher value is wanted.
        previous: Smallest p-value of the looks before; 1 at the first.

    Raises:
        TooFewUnits: `n` or `planned` is below 2.
        InvalidArgument: A number is not finite, `standard_error` is not above 0,
            `alpha` is not in (0, 1/2), or `previous` is not in (0, 1].

    Reference:
        I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas (2021),
        "Time-uniform central limit theory and asymptotic confidence sequences",
        the one-sided sequence, equation 134.
    """
    value = number("difference_value", difference_value)
    error = size("standard_error", standard_error)
    _check_previous(previous)
    if fraction("alpha", alpha) >= 0.5:
        raise InvalidArgument("alpha", f"must be below 1/2, not {alpha}")
    if abs(value) / LARGEST_STATISTIC > error:
        raise InvalidArgument("standard_error", "too small for the difference")
    _check_units(n)
    scaled = n * _tuning(planned, 2.0 * alpha)
    root = math.sqrt(scaled + 1.0)
    shrink = scaled / (2.0 * (scaled + 1.0))
    critical = math.sqrt(math.log1p(root / (2.0 * alpha)) / shrink)
    against = -better.sign * value / error
    exponent = shrink * against * against
    p_value = 1.0
    if against > 0.0 and exponent > 0.0:
        log_p = math.log(root / 2.0) - exponent - math.log(-math.expm1(-exponent))
        p_value = Tail.of_log(log_p).p_value
    return HarmBound(
        bound=value + better.sign * critical * error,
        harmed=against > critical,
        critical=critical,
        p_value=min(previous, p_value),
    )


def _tuning(planned: int, alpha: float) -> float:
    """The mixture's variance per unit that makes the interval narrowest at the plan."""
    if planned < 2:
        raise TooFewUnits("planned", f"needs at least 2 units, not {planned}")
    doubled = -2.0 * math.log(alpha)
    return (doubled + math.log1p(doubled)) / planned


def _check_units(n: float) -> None:
    if n < 2:
        raise TooFewUnits("n", f"needs at least 2 units, not {n:.0f}")


def _check_previous(previous: float) -> None:
    if not 0.0 < previous <= 1.0:
        raise InvalidArgument("previous", "must be a p-value above 0, at most 1")


def _check_rows(values: Floats, standard_errors: Floats, n: Floats) -> None:
    if not values.shape == standard_errors.shape == n.shape:
        raise InvalidArgument("n", "the arrays must have one shape")
    for name, numbers in (
        ("values", values),
        ("standard_errors", standard_errors),
        ("n", n),
    ):
        if not np.isfinite(numbers).all():
            raise InvalidArgument(name, "must hold finite numbers")
    if (standard_errors <= 0.0).any():
        raise InvalidArgument("standard_errors", "must be above 0")
    if n.size:
        _check_units(float(n.min()))
    if (np.abs(values) / LARGEST_STATISTIC > standard_errors).any():
        raise InvalidArgument("standard_errors", "too small for the difference")


def _p_values(log_evalue: Floats) -> Floats:
    return np.maximum(np.exp(-np.maximum(log_evalue, 0.0)), np.finfo(np.float64).tiny)
