"""How many units a test needs before it is worth starting."""

import math
from enum import StrEnum

from scipy.special import ndtri

from experiments.statistics.checks import fraction, positive
from experiments.statistics.errors import InvalidArgument


def units_for_means(
    *,
    control_variance: float,
    treatment_variance: float,
    minimum_effect: float,
    alpha: float,
    power: float,
    ratio: float,
) -> int:
    """Units in the control arm that show a difference in means.

    Args:
        control_variance: Variance of a unit's value, in the metric's unit squared.
        treatment_variance: The same in the treatment arm.
        minimum_effect: Smallest difference worth seeing, in the metric's unit.
        alpha: Two-sided error rate, in (0, 1), such as 0.05.
        power: Chance of seeing the difference if it is there, in (0, 1).
        ratio: Units in treatment per unit in control; 1 for an even split.

    Returns:
        Units in the control arm, rounded up; the treatment arm needs `ratio` times
        as many.

    Raises:
        InvalidArgument: An argument is out of its range.

    Example:
        >>> units_for_means(control_variance=100, treatment_variance=100,
        ...     minimum_effect=0.5, alpha=0.05, power=0.8, ratio=1)
        6280
    """
    variance = positive("control_variance", control_variance)
    variance += positive("treatment_variance", treatment_variance) / positive(
        "ratio", ratio
    )
    effect = positive("minimum_effect", minimum_effect)
    return math.ceil(_quantiles(alpha, power) ** 2 * variance / effect**2)


class NullVariance(StrEnum):
    """Which share gives the variance under no difference."""

    CONTROL = "CONTROL"
    POOLED = "POOLED"


def units_for_proportions(
    *,
    baseline: float,
    minimum_effect: float,
    alpha: float,
    power: float,
    null_variance: NullVariance,
) -> int:
    """Units per arm, at an even split, that show a difference in proportions.

    Args:
        baseline: The control's share, in (0, 1).
        minimum_effect: Smallest absolute difference worth seeing; negative for a fall.
        alpha: Two-sided error rate, in (0, 1), such as 0.05.
        power: Chance of seeing the difference if it is there, in (0, 1).
        null_variance: POOLED takes the mean of both shares under no difference, as
            textbooks do; CONTROL takes the baseline, as the calculators on the web do.

    Raises:
        InvalidArgument: An argument is out of its range, `minimum_effect` is 0, or
            `baseline` + `minimum_effect` is no proportion.

    Reference:
        J. L. Fleiss, B. Levin, M. C. Paik (2003), "Statistical methods for rates and
        proportions", 3rd edition, chapter 4.

    Example:
        >>> units_for_proportions(baseline=0.04, minimum_effect=0.01, alpha=0.05,
        ...     power=0.8, null_variance=NullVariance.POOLED)
        6745
    """
    start = fraction("baseline", baseline)
    if minimum_effect == 0.0:
        raise InvalidArgument("minimum_effect", "must not be 0")
    end = fraction("minimum_effect", baseline + minimum_effect)
    pooled = null_variance is NullVariance.POOLED
    null = (start + end) / 2.0 if pooled else start
    under_none = math.sqrt(2.0 * null * (1.0 - null))
    under_effect = math.sqrt(start * (1.0 - start) + end * (1.0 - end))
    reach = -float(ndtri(fraction("alpha", alpha) / 2.0)) * under_none
    reach += float(ndtri(fraction("power", power))) * under_effect
    return math.ceil((reach / minimum_effect) ** 2)


def _quantiles(alpha: float, power: float) -> float:
    return float(ndtri(fraction("power", power)) - ndtri(fraction("alpha", alpha) / 2))
