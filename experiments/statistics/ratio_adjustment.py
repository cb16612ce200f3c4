"""Ratios of two totals, adjusted for the same ratio before exposure."""

from dataclasses import dataclass

import numpy as np

from experiments.statistics.adjustment import Adjusted, lin
from experiments.statistics.checks import TINY
from experiments.statistics.covariates import reduction
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.differences import Method, welch_difference
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ratios import delta, ratio
from experiments.statistics.samples import Estimate

COLUMNS = 4
"""Numerator, denominator, and both before exposure."""


@dataclass(frozen=True, slots=True)
class Before:
    """The ratio before exposure, over both arms together.

    Attributes:
        value: Total numerator per total denominator; 0 where nobody had any.
        denominator: Mean denominator, or 1 where it is 0.
    """

    value: float
    denominator: float


def ratio_lin(control: Moments, treatment: Moments, *, confidence: float) -> Adjusted:
    """Compare two ratios, each arm adjusted with slopes of its own.

    The outcome is made linear around its arm's ratio, as the delta method does, and the
    ratio before exposure around that of both arms together; then both are compared as
    means (`lin`). Further covariates may follow.

    Args:
        control: Moments of (y, d, x, x', z_1 ...) in the control arm: numerator,
            denominator, the same two before exposure, and any further covariates.
        treatment: The same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Returns:
        The comparison; its column 1 is the ratio before exposure.

    Raises:
        TooFewUnits: An arm has fewer than two units, or not more than covariates.
        NoisyDenominator: A denominator after exposure is too near zero.
        NoVariation: Neither arm varies around its adjusted ratio.
        InvalidArgument: The columns differ, there are fewer than four, or
            `confidence` is not in (0, 1).

    Reference:
        A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric
        analytics", KDD; W. Lin (2013), Annals of Applied Statistics 7.
    """
    before = _before(control, treatment)
    return lin(
        linearised(control, before),
        linearised(treatment, before),
        confidence=confidence,
    )


def ratio_cuped(control: Moments, treatment: Moments, *, confidence: float) -> Adjusted:
    """Compare two ratios, adjusted with the slope of all units merged.

    It is what other tools report for ratios with CUPED; see `ratio_lin`.

    Args:
        control: Moments of (y, d, x, x') in the control arm.
        treatment: The same in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        NoisyDenominator: A denominator, before or after exposure, is too near zero.
        NoVariation: Neither arm varies around its adjusted ratio.
        InvalidArgument: The columns differ, there are not four, or `confidence` is not
            in (0, 1).

    Reference:
        A. Deng, Y. Xu, R. Kohavi, T. Walker (2013), WSDM, appendix B; A. Deng,
        U. Knoblich, J. Lu (2018), KDD.
    """
    before = _before(control, treatment)
    if len(control.mean) != COLUMNS:
        raise InvalidArgument("control", "must have four columns")
    merged = control.merge(treatment)
    ratio(merged.pair())
    around = linearised(merged, before).deviations
    if around[1, 1] == 0.0:
        return _plain(control, treatment, confidence)
    slope = float(around[0, 1] / around[1, 1])
    estimates = []
    for arm in (control, treatment):
        past = ratio(arm.select((2, 3)).pair())
        own = Before(past.value, float(arm.mean[3]))
        z = linearised(arm, own).deviations
        left = z[0, 0] - 2.0 * slope * z[0, 1] + slope * slope * z[1, 1]
        estimates.append(
            Estimate(
                arm.n,
                ratio(arm.pair()).value - slope * (past.value - before.value),
                max(float(left), 0.0) / (arm.n - 1) / arm.n,
            )
        )
    difference = welch_difference(
        estimates[0], estimates[1], confidence=confidence, method=Method.CUPED
    )
    return Adjusted(
        difference=difference,
        control=estimates[0],
        treatment=estimates[1],
        covariance=0.0,
        control_slopes=(slope,),
        treatment_slopes=(slope,),
        columns=(1,),
        variance_reduction=reduction(
            linearised(control, before), linearised(treatment, before), difference
        ),
    )


def linearised(arm: Moments, before: Before) -> Moments:
    """A ratio per unit whose mean is the arm's ratio, and the same before exposure.

    Args:
        arm: Moments of (y, d, x, x', z_1 ...).
        before: Around which ratio the covariates are made linear.

    Returns:
        Moments of (R + (y - R d) / mean(d), (x - R' x') / mean(x'), z_1 ...).

    Raises:
        TooFewUnits: The arm has fewer than two units.
        NoisyDenominator: mean(d) is too near zero.
    """
    value = ratio(arm.pair()).value
    size = len(arm.mean)
    weights = np.zeros((size - 2, size))
    weights[0, :2] = np.array([1.0, -value]) / arm.mean[1]
    weights[1, 2:4] = np.array([1.0, -before.value]) / before.denominator
    weights[2:, 4:] = np.eye(size - COLUMNS)
    moved = arm.transform(weights)
    mean: Floats = moved.mean.copy()
    mean[0] = value
    return Moments(arm.n, mean, moved.deviations)


def _before(control: Moments, treatment: Moments) -> Before:
    if control.mean.shape != treatment.mean.shape:
        raise InvalidArgument("treatment", "must have the control's columns")
    if len(control.mean) < COLUMNS:
        raise InvalidArgument("control", "must have four columns or more")
    numerator, denominator = control.merge(treatment).mean[2:4]
    if abs(denominator) < TINY:
        return Before(0.0, 1.0)
    return Before(float(numerator / denominator), float(denominator))


def _plain(control: Moments, treatment: Moments, confidence: float) -> Adjusted:
    difference = delta(control.pair(), treatment.pair(), confidence=confidence)
    return Adjusted(
        difference=difference,
        control=ratio(control.pair()),
        treatment=ratio(treatment.pair()),
        covariance=0.0,
        control_slopes=(),
        treatment_slopes=(),
        columns=(),
        variance_reduction=0.0,
    )
