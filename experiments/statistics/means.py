"""Comparing means, one pair of arms or many at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from experiments.statistics.checks import fraction
from experiments.statistics.differences import (
    Difference,
    Method,
    student_tail,
    welch_difference,
)
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.samples import Sample
from experiments.statistics.tails import Tail

Floats = NDArray[np.float64]


def welch(control: Sample, treatment: Sample, *, confidence: float) -> Difference:
    """Compare two means without assuming equal variances.

    Args:
        control: Summary of the control arm.
        treatment: Summary of the treatment arm, in the same unit.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        NoVariation: Neither arm varies.
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        B. L. Welch (1947), "The generalization of 'Student's' problem when several
        different population variances are involved", Biometrika 34.

    Example:
        >>> control = Sample(n=900, mean=-4.0, deviations=25.0 * 899)
        >>> treatment = Sample(n=880, mean=-3.2, deviations=30.0 * 879)
        >>> round(welch(control, treatment, confidence=0.95).p_value, 5)
        0.00132
    """
    return welch_difference(
        control.estimate(),
        treatment.estimate(),
        confidence=confidence,
        method=Method.WELCH,
    )


@dataclass(frozen=True, slots=True)
class Samples:
    """Summaries of one arm in many analyses.

    Attributes:
        n: (k,) float64, units.
        mean: (k,) float64, means.
        variance: (k,) float64, unbiased variances of a unit's value.

    Raises:
        TooFewUnits: A row has fewer than two units.
        InvalidArgument: The shapes differ, a number is not finite, or a variance is
            negative.
    """

    n: Floats
    mean: Floats
    variance: Floats

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        if not self.n.shape == self.mean.shape == self.variance.shape:
            raise InvalidArgument("mean", "the arrays must have one shape")
        for name in ("n", "mean", "variance"):
            if not np.isfinite(getattr(self, name)).all():
                raise InvalidArgument(name, "must hold finite numbers")
        if (self.n < 2).any():
            row = int(np.argmax(self.n < 2))
            raise TooFewUnits("n", f"row {row} needs at least 2 units")
        if (self.variance < 0).any():
            raise InvalidArgument("variance", "must not be negative")


@dataclass(frozen=True, slots=True)
class Differences:
    """Treatment minus control in many analyses; see `Difference`.

    Attributes:
        value: (k,) float64.
        standard_error: (k,) float64.
        statistic: (k,) float64.
        degrees: (k,) float64.
        low: (k,) float64.
        high: (k,) float64.
        p_value: (k,) float64, in (0, 1].
        log_p_value: (k,) float64.
    """

    value: Floats
    standard_error: Floats
    statistic: Floats
    degrees: Floats
    low: Floats
    high: Floats
    p_value: Floats
    log_p_value: Floats


def welch_many(
    control: Samples, treatment: Samples, *, confidence: float
) -> Differences:
    """Compare many pairs of means at once, each as `welch` would.

    Args:
        control: Control arms, (k,).
        treatment: Treatment arms, (k,), row by row in the same unit.
        confidence: Coverage of each interval, in (0, 1).

    Raises:
        NoVariation: In some row neither arm varies; the message names the row.
        InvalidArgument: `confidence` is not in (0, 1).
    """
    alpha = 1.0 - fraction("confidence", confidence)
    first, second = control.variance / control.n, treatment.variance / treatment.n
    variance = first + second
    if (variance == 0.0).any():
        row = int(np.argmax(variance == 0.0))
        raise NoVariation("treatment", f"row {row}: no unit differs from another")
    share = first / variance
    degrees = 1.0 / (share**2 / (control.n - 1) + (1 - share) ** 2 / (treatment.n - 1))
    value = treatment.mean - control.mean
    standard_error = np.sqrt(variance)
    statistic = value / standard_error
    margin = -stdtrit(degrees, alpha / 2.0) * standard_error
    p_value, log_p_value = _tails(statistic, degrees)
    return Differences(
        value=value,
        standard_error=standard_error,
        statistic=statistic,
        degrees=degrees,
        low=value - margin,
        high=value + margin,
        p_value=p_value,
        log_p_value=log_p_value,
    )


def _tails(statistic: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    p_value = np.minimum(2.0 * stdtr(degrees, -np.abs(statistic)), 1.0)
    small = p_value <= Tail.SAFE
    log_p_value = np.log(np.where(small, 1.0, p_value))
    for row in np.flatnonzero(small):
        tail = student_tail(float(statistic[row]), float(degrees[row]))
        p_value[row], log_p_value[row] = tail.p_value, tail.log_p_value
    return p_value, log_p_value
