"""Ratios of two totals, such as value per order, by the delta method."""

import math

from experiments.statistics.checks import TINY
from experiments.statistics.differences import Difference, Method, welch_difference
from experiments.statistics.errors import NoisyDenominator, TooFewUnits
from experiments.statistics.samples import Estimate, PairSample

MINIMUM_SIGNAL = 5.0
"""Standard errors that a denominator's mean must be away from zero."""


def ratio(sample: PairSample) -> Estimate:
    """Estimate mean(y) / mean(d) over units.

    Args:
        sample: Summary of numerator and denominator per randomised unit.

    Returns:
        The ratio, in units of y per unit of d, with its first-order variance.

    Raises:
        TooFewUnits: The arm has fewer than two units.
        NoisyDenominator: mean(d) is less than five standard errors from zero, where
            the first-order variance is no longer to be trusted.

    Reference:
        A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric
        analytics", KDD.
    """
    if sample.n < 2:
        raise TooFewUnits("n", f"needs at least 2 units, not {sample.n}")
    scale = sample.n * (sample.n - 1)
    noise = math.sqrt(sample.denominator_deviations / scale)
    near_zero = abs(sample.denominator) < TINY
    if abs(sample.denominator) <= MINIMUM_SIGNAL * noise or near_zero:
        raise NoisyDenominator(
            "denominator", "its mean is less than five standard errors from zero"
        )
    value = sample.numerator / sample.denominator
    deviations = (
        sample.numerator_deviations
        - 2.0 * value * sample.products
        + value * value * sample.denominator_deviations
    )
    variance = max(deviations, 0.0) / sample.denominator**2 / scale
    return Estimate(n=sample.n, value=value, variance=variance)


def delta(
    control: PairSample, treatment: PairSample, *, confidence: float
) -> Difference:
    """Compare two ratios of means.

    Args:
        control: Summary of the control arm.
        treatment: Summary of the treatment arm, in the same units.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        NoisyDenominator: A denominator is too near zero.
        NoVariation: Every unit has the same ratio.
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric
        analytics", KDD.
    """
    return welch_difference(
        ratio(control), ratio(treatment), confidence=confidence, method=Method.DELTA
    )
