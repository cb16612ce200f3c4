"""Means adjusted for what was known of each unit before its exposure."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.statistics.checks import fraction
from experiments.statistics.covariates import (
    inverted,
    reduction,
    residual,
    usable_columns,
)
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.differences import (
    Difference,
    Method,
    student_difference,
    welch_difference,
)
from experiments.statistics.errors import NoVariation, TooFewUnits
from experiments.statistics.relative import Lift, fieller
from experiments.statistics.samples import Estimate

SMALL_ARM = 100
"""Units below which an arm does not get slopes of its own."""

ROUNDING = 1e-20
"""Share of the slopes' own variance below which two slopes are the same."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Two arms compared as if both had the covariates of all units together.

    Attributes:
        difference: Treatment minus control, its interval and its test.
        control: The control's adjusted mean.
        treatment: The treatment's adjusted mean.
        covariance: Covariance of the two adjusted means.
        control_slopes: Slopes of the outcome on each used covariate in the control.
        treatment_slopes: The same in the treatment; equal where slopes are pooled.
        columns: The covariates that were used, counted from 1; constant and collinear
            ones are left out.
        variance_reduction: Share of the unadjusted variance that is gone, in [0, 1).
    """

    difference: Difference
    control: Estimate
    treatment: Estimate
    covariance: float
    control_slopes: tuple[float, ...]
    treatment_slopes: tuple[float, ...]
    columns: tuple[int, ...]
    variance_reduction: float

    def lift(self) -> Lift:
        """The relative difference, which agrees with `difference`."""
        return fieller(
            self.control,
            self.treatment,
            critical=self.difference.critical,
            covariance=self.covariance,
        )


def lin(control: Moments, treatment: Moments, *, confidence: float) -> Adjusted:
    """Compare two means, each arm adjusted with slopes of its own.

    The variance counts that the covariates' mean is itself a sample of a population.
    Where an arm has fewer than 100 units, one slope is shared (`ancova`). Without a
    covariate that varies, it is Welch's comparison.

    Args:
        control: Moments of (y, z_1 ... z_p) in the control arm.
        treatment: The same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units, or not more than covariates.
        NoVariation: Neither arm varies around its adjusted mean.
        InvalidArgument: The columns differ, or `confidence` is not in (0, 1).

    Reference:
        W. Lin (2013), "Agnostic notes on regression adjustments to experimental data",
        Annals of Applied Statistics 7.
    """
    if min(control.n, treatment.n) < SMALL_ARM:
        return ancova(control, treatment, confidence=confidence, equal_variances=False)
    columns = usable_columns(control, treatment, each=True)
    if not columns:
        return _unadjusted(control, treatment, confidence)
    pooled = control.merge(treatment).select((0, *columns))
    lines = [_line(arm.select((0, *columns)), pooled) for arm in (control, treatment)]
    spread = pooled.deviations[1:, 1:] / (pooled.n - 1) / pooled.n
    shared = _shared(lines[0].slope, lines[1].slope, spread)
    difference = _difference(
        lines[1].value - lines[0].value,
        [lines[0].variance, lines[1].variance, shared],
        [lines[0].degrees, lines[1].degrees, pooled.n - 1.0],
        confidence=confidence,
        method=Method.LIN,
    )
    estimates = [
        Estimate(
            line.n, line.value, line.variance + float(line.slope @ spread @ line.slope)
        )
        for line in lines
    ]
    return Adjusted(
        difference=difference,
        control=estimates[0],
        treatment=estimates[1],
        covariance=float(lines[0].slope @ spread @ lines[1].slope),
        control_slopes=tuple(lines[0].slope.tolist()),
        treatment_slopes=tuple(lines[1].slope.tolist()),
        columns=columns,
        variance_reduction=reduction(control, treatment, difference),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One arm's own regression, read at the mean of all units.

    Attributes:
        n: Units in the arm.
        value: The outcome at the mean of the covariates of all units.
        slope: (p,) float64.
        variance: Variance of `value` given the covariates.
        degrees: Degrees of freedom of `variance`.
    """

    n: int
    value: float
    slope: Floats
    variance: float
    degrees: float


def _line(arm: Moments, pooled: Moments) -> _Line:
    inverse = inverted(arm.deviations[1:, 1:])
    slope = inverse @ arm.deviations[1:, 0]
    gap = arm.mean[1:] - pooled.mean[1:]
    degrees = _freedom(arm.n, arm.n - len(slope) - 1.0)
    leverage = 1.0 + arm.n * float(gap @ inverse @ gap)
    variance = residual(arm, slope) / (degrees * arm.n) * leverage
    return _Line(arm.n, _adjusted_mean(arm, slope, pooled), slope, variance, degrees)


def ancova(
    control: Moments, treatment: Moments, *, confidence: float, equal_variances: bool
) -> Adjusted:
    """Compare two means, adjusted with one slope for both arms, found within them.

    Args:
        control: Moments of (y, z_1 ... z_p) in the control arm.
        treatment: The same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        equal_variances: Whether both arms vary alike around the regression, as the
            textbook has it; else each has its own variance, as with Welch.

    Raises:
        TooFewUnits: An arm has fewer than two units, or not more than covariates.
        NoVariation: Neither arm varies around its adjusted mean.
        InvalidArgument: The columns differ, or `confidence` is not in (0, 1).

    Reference:
        R. A. Fisher (1932), "Statistical Methods for Research Workers", 4th ed.,
        section 49.1; with unequal variances each arm's residual sum is divided by its
        expectation.
    """
    columns = usable_columns(control, treatment, each=False)
    if not columns and not equal_variances:
        return _unadjusted(control, treatment, confidence)
    arms = [arm.select((0, *columns)) for arm in (control, treatment)]
    pooled = arms[0].merge(arms[1])
    within = arms[0].deviations + arms[1].deviations
    inverse = inverted(within[1:, 1:])
    slope = inverse @ within[1:, 0]
    scale, degrees = _scales(arms, slope, inverse, equal_variances)
    tilt = inverse @ (arms[1].mean[1:] - arms[0].mean[1:])
    shares = [
        factor * (1.0 / arm.n + float(tilt @ arm.deviations[1:, 1:] @ tilt))
        for arm, factor in zip(arms, scale, strict=True)
    ]
    if equal_variances:
        shares, degrees = [sum(shares)], degrees[:1]
    difference = _difference(
        _adjusted_mean(arms[1], slope, pooled) - _adjusted_mean(arms[0], slope, pooled),
        shares,
        degrees,
        confidence=confidence,
        method=Method.ANCOVA,
    )
    estimates, covariance = _pooled_estimates(arms, slope, scale, inverse)
    return Adjusted(
        difference=difference,
        control=estimates[0],
        treatment=estimates[1],
        covariance=covariance,
        control_slopes=tuple(slope.tolist()),
        treatment_slopes=tuple(slope.tolist()),
        columns=columns,
        variance_reduction=reduction(control, treatment, difference),
    )


def _scales(
    arms: list[Moments], slope: Floats, inverse: Floats, equal: bool
) -> tuple[list[float], list[float]]:
    """Each arm's residual variance around the shared line, and its degrees."""
    noise, degrees = [], []
    for arm in arms:
        used = 1.0 + float(np.trace(inverse @ arm.deviations[1:, 1:]))
        degrees.append(_freedom(arm.n, arm.n - used))
        noise.append(residual(arm, slope))
    if equal:
        noise, degrees = [sum(noise)] * 2, [sum(degrees)] * 2
    scale = [left / freedom for left, freedom in zip(noise, degrees, strict=True)]
    return scale, degrees


def cuped(control: Moments, treatment: Moments, *, confidence: float) -> Adjusted:
    """Compare two means, adjusted with the slope of all units merged.

    It is what other tools call CUPED and report; `lin` is never less precise in large
    arms, and is what this service decides by.

    Args:
        control: Moments of (y, z_1 ... z_p) in the control arm.
        treatment: The same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        NoVariation: Neither arm varies around its adjusted mean.
        InvalidArgument: The columns differ, or `confidence` is not in (0, 1).

    Reference:
        A. Deng, Y. Xu, R. Kohavi, T. Walker (2013), "Improving the sensitivity of
        online controlled experiments by utilizing pre-experiment data", WSDM.
    """
    within = usable_columns(control, treatment, each=False)
    merged = control.merge(treatment).select((0, *within))
    kept = usable_columns(merged, merged, each=True)
    columns = tuple(within[column - 1] for column in kept)
    if not columns:
        return _unadjusted(control, treatment, confidence)
    arms = [arm.select((0, *columns)) for arm in (control, treatment)]
    pooled = arms[0].merge(arms[1])
    slope = inverted(pooled.deviations[1:, 1:]) @ pooled.deviations[1:, 0]
    estimates = [
        Estimate(
            arm.n,
            _adjusted_mean(arm, slope, pooled),
            residual(arm, slope) / _freedom(arm.n, arm.n - 1.0) / arm.n,
        )
        for arm in arms
    ]
    difference = welch_difference(
        estimates[0], estimates[1], confidence=confidence, method=Method.CUPED
    )
    return Adjusted(
        difference=difference,
        control=estimates[0],
        treatment=estimates[1],
        covariance=0.0,
        control_slopes=tuple(slope.tolist()),
        treatment_slopes=tuple(slope.tolist()),
        columns=columns,
        variance_reduction=reduction(control, treatment, difference),
    )


def _pooled_estimates(
    arms: list[Moments], slope: Floats, scale: list[float], inverse: Floats
) -> tuple[list[Estimate], float]:
    """Adjusted means at the merged mean, and their covariance through the slope."""
    pooled = arms[0].merge(arms[1])
    gaps = [inverse @ (arm.mean[1:] - pooled.mean[1:]) for arm in arms]
    blocks = [
        arm.deviations[1:, 1:] * factor for arm, factor in zip(arms, scale, strict=True)
    ]
    noise = blocks[0] + blocks[1]
    estimates = [
        Estimate(
            arm.n,
            _adjusted_mean(arm, slope, pooled),
            factor / arm.n + float(gap @ noise @ gap),
        )
        for arm, factor, gap in zip(arms, scale, gaps, strict=True)
    ]
    return estimates, float(gaps[0] @ noise @ gaps[1])


def _shared(control: Floats, treatment: Floats, spread: Floats) -> float:
    """Variance that slopes which differ add, as the covariates' mean is a sample."""
    gap = treatment - control
    found = float(gap @ spread @ gap)
    size = float(control @ spread @ control + treatment @ spread @ treatment)
    return found if found > ROUNDING * size else 0.0


def _unadjusted(control: Moments, treatment: Moments, confidence: float) -> Adjusted:
    first, second = control.sample(0).estimate(), treatment.sample(0).estimate()
    difference = welch_difference(
        first, second, confidence=confidence, method=Method.WELCH
    )
    return Adjusted(difference, first, second, 0.0, (), (), (), 0.0)


def _adjusted_mean(arm: Moments, slope: Floats, pooled: Moments) -> float:
    return float(arm.mean[0] - slope @ (arm.mean[1:] - pooled.mean[1:]))


def _freedom(n: int, degrees: float) -> float:
    if n < 2:
        raise TooFewUnits("n", f"needs at least 2 units, not {n}")
    if degrees < 1.0:
        raise TooFewUnits("n", "needs more units than covariates")
    return degrees


def _difference(
    value: float,
    variances: list[float],
    degrees: list[float],
    *,
    confidence: float,
    method: Method,
) -> Difference:
    """Student's t, with the degrees of freedom of a sum of variances."""
    fraction("confidence", confidence)
    total = sum(variances)
    if total == 0.0:
        raise NoVariation("treatment", "no unit differs from its adjusted mean")
    weights = [variance / total for variance in variances]
    pairs = zip(weights, degrees, strict=True)
    freedom = 1.0 / sum(weight**2 / each for weight, each in pairs)
    return student_difference(
        value,
        math.sqrt(total),
        degrees=freedom,
        confidence=confidence,
        method=method,
    )
