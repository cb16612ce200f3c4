"""Adjusted means from unit values, where an arm is small and each unit weighs."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.statistics.adjustment import Adjusted
from experiments.statistics.checks import fraction, moderate
from experiments.statistics.covariates import inverted, reduction, usable_columns
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.differences import Difference, Method, student_difference
from experiments.statistics.errors import NoVariation, TooFewUnits
from experiments.statistics.samples import Estimate

ALONE = 1e-9
"""What is left of a unit's residual below which the line passes through the unit."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One arm's regression, read at the mean of all units.

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


def lin_by_unit(control: Floats, treatment: Floats, *, confidence: float) -> Adjusted:
    """Compare two means, each arm adjusted with slopes of its own, from unit values.

    As `adjustment.lin`, with a variance that holds where units vary differently and
    counts how far each unit pulls the line (HC2), and with degrees of freedom that
    count it too. Meant for arms under 1,000 units.

    Args:
        control: (n, 1 + p) float64, outcome and covariates of each unit.
        treatment: (m, 1 + p) float64, the same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units, or not more than covariates.
        NoVariation: Neither arm varies around its adjusted mean.
        InvalidArgument: The columns differ, a value is not finite, or `confidence` is
            not in (0, 1).

    Reference:
        J. G. MacKinnon, H. White (1985), "Some heteroskedasticity-consistent covariance
        matrix estimators", Journal of Econometrics 29; R. M. Bell, D. F. McCaffrey
        (2002), "Bias reduction in standard errors for linear regression with
        multi-stage samples", Survey Methodology 28; W. Lin (2013), Annals of Applied
        Statistics 7.
    """
    fraction("confidence", confidence)
    moments = [_moments("control", control), _moments("treatment", treatment)]
    columns = usable_columns(moments[0], moments[1], each=True)
    pooled = moments[0].merge(moments[1]).select((0, *columns))
    fits = [
        _fit(rows[:, (0, *columns)], arm.select((0, *columns)), pooled)
        for rows, arm in zip((control, treatment), moments, strict=True)
    ]
    spread = pooled.deviations[1:, 1:] / (pooled.n - 1) / pooled.n
    gap = fits[1].slope - fits[0].slope
    difference = _difference(
        fits, float(gap @ spread @ gap), pooled.n, confidence=confidence
    )
    estimates = [
        Estimate(fit.n, fit.value, fit.variance + float(fit.slope @ spread @ fit.slope))
        for fit in fits
    ]
    return Adjusted(
        difference=difference,
        control=estimates[0],
        treatment=estimates[1],
        covariance=float(fits[0].slope @ spread @ fits[1].slope),
        control_slopes=tuple(float(slope) for slope in fits[0].slope),
        treatment_slopes=tuple(float(slope) for slope in fits[1].slope),
        columns=columns,
        variance_reduction=reduction(moments[0], moments[1], difference),
    )


def _moments(argument: str, rows: Floats) -> Moments:
    if rows.ndim != 2 or rows.shape[0] < 2:
        raise TooFewUnits(argument, "needs at least 2 units")
    return Moments.of(moderate(argument, rows))


def _fit(rows: Floats, arm: Moments, pooled: Moments) -> _Fit:
    n, size = rows.shape
    if n <= size:
        raise TooFewUnits("n", "needs more units than covariates")
    z = rows[:, 1:] - arm.mean[1:]
    inverse = inverted(arm.deviations[1:, 1:])
    slope = inverse @ arm.deviations[1:, 0]
    gap = pooled.mean[1:] - arm.mean[1:]
    left = rows[:, 0] - arm.mean[0] - z @ slope
    scaled = z @ inverse
    weight = 1.0 / n + scaled @ gap
    room = 1.0 - 1.0 / n - np.einsum("ij,ij->i", scaled, z)
    free = room > ALONE
    share = np.where(free, weight**2 / np.where(free, room, 1.0), 0.0)
    noise = left**2 * (left**2 > 1e-26 * arm.deviations[0, 0])
    variance = float(share @ noise)
    return _Fit(
        n=n,
        value=float(arm.mean[0] + gap @ slope),
        slope=slope,
        variance=variance,
        degrees=_degrees(share, room, z, arm.deviations[1:, 1:]),
    )


def _degrees(share: Floats, room: Floats, z: Floats, products: Floats) -> float:
    """Those of a quadratic form of residuals, were all units to vary alike."""
    n = share.size
    root = np.linalg.cholesky(products) if products.size else products
    turned = np.linalg.solve(root, z.T).T if products.size else z
    design = np.column_stack([np.full(n, 1.0 / math.sqrt(n)), turned])
    crossed = design.T @ (design * share[:, None])
    squares = float(share**2 @ (2.0 * room - 1.0)) + float((crossed**2).sum())
    trace = float(share @ room)
    return trace**2 / squares if squares > 0.0 else float(n - 1)


def _difference(
    fits: list[_Fit], shared: float, n: int, *, confidence: float
) -> Difference:
    parts = [(fit.variance, fit.degrees) for fit in fits]
    if parts[0][0] + parts[1][0] == 0.0:
        raise NoVariation("treatment", "no unit differs from its adjusted mean")
    parts.append((shared, n - 1.0))
    total = sum(variance for variance, _ in parts)
    return student_difference(
        fits[1].value - fits[0].value,
        math.sqrt(total),
        degrees=1.0 / sum((variance / total) ** 2 / free for variance, free in parts),
        confidence=confidence,
        method=Method.LEVERAGE,
    )
