"""How many units a test needs, and how likely it then sees an effect."""

import math
from enum import StrEnum

from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from experiments.statistics.checks import fraction
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.ranges import number, size


def units_for_means(
    *,
    control_variance: float,
    treatment_variance: float,
    minimum_effect: float,
    alpha: float,
    power: float,
    ratio: float,
    factor: float = 1.0,
    sides: int = 2,
) -> int:
    """Units in the control arm that show a difference in means.

    Args:
        control_variance: Variance of a unit's value, in the metric's unit squared.
        treatment_variance: The same in the treatment arm.
        minimum_effect: Smallest difference worth seeing, in the metric's unit.
        alpha: Error rate, in (0, 1), such as 0.05; of both directions together if
            two-sided.
        power: Chance of seeing the difference if it is there, in (0, 1).
        ratio: Units in treatment per unit in control; 1 for an even split.
        factor: What clusters, adjustment and looks multiply the units by, above 0.
        sides: 2 for a two-sided test, 1 for a one-sided one.

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
    variance = size("control_variance", control_variance)
    variance += size("treatment_variance", treatment_variance) / size("ratio", ratio)
    effect = size("minimum_effect", minimum_effect)
    reach = float(ndtri(fraction("power", power))) + _critical(alpha, sides)
    return math.ceil(size("factor", factor) * reach**2 * variance / effect**2)


class NullVariance(StrEnum):
    """Which share gives the variance under no difference."""

    CONTROL = "CONTROL"
    POOLED = "POOLED"
    SEPARATE = "SEPARATE"


def units_for_proportions(
    *,
    baseline: float,
    minimum_effect: float,
    alpha: float,
    power: float,
    null_variance: NullVariance,
    ratio: float = 1.0,
    factor: float = 1.0,
    sides: int = 2,
) -> int:
    """Units in the control arm that show a difference in proportions.

    Args:
        baseline: The control's share, in (0, 1).
        minimum_effect: Smallest absolute difference worth seeing; negative for a fall.
        alpha: Error rate, in (0, 1), such as 0.05; of both directions together if
            two-sided.
        power: Chance of seeing the difference if it is there, in (0, 1).
        null_variance: POOLED takes the mean of both shares under no difference, as
            textbooks and the score test do; CONTROL takes the baseline, as the
            calculators on the web do; SEPARATE each arm's own, as Welch's test does.
        ratio: Units in treatment per unit in control; 1 for an even split.
        factor: What clusters, adjustment and looks multiply the units by, above 0.
        sides: 2 for a two-sided test, 1 for a one-sided one.

    Returns:
        Units in the control arm, rounded up; the treatment arm needs `ratio` times
        as many.

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
    under_none, under_effect = _spreads(baseline, minimum_effect, null_variance, ratio)
    reach = _critical(alpha, sides) * under_none
    reach += float(ndtri(fraction("power", power))) * under_effect
    return math.ceil(size("factor", factor) * (reach / minimum_effect) ** 2)


def power_of_means(
    *,
    minimum_effect: float,
    control_variance: float,
    treatment_variance: float,
    control_units: float,
    treatment_units: float,
    alpha: float,
    sides: int = 2,
) -> float:
    """Chance that Welch's test shows a difference in means.

    Args:
        minimum_effect: The true difference, in the metric's unit; above 0 is the side
            that a one-sided test looks at.
        control_variance: Variance of a unit's value, in the metric's unit squared.
        treatment_variance: The same in the treatment arm.
        control_units: Units in control, at least 2; a fraction where a factor has
            divided them.
        treatment_units: Units in treatment, at least 2.
        alpha: Error rate, in (0, 1).
        sides: 2 for a two-sided test, 1 for a one-sided one.

    Returns:
        The power, by the noncentral t distribution.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        InvalidArgument: An argument is out of its range.

    Example:
        >>> round(power_of_means(minimum_effect=0.05, control_variance=1.0,
        ...     treatment_variance=1.0, control_units=5000, treatment_units=5000,
        ...     alpha=0.05), 6)
        0.705335
    """
    error, degrees = _planned_error(
        control_variance, treatment_variance, control_units, treatment_units
    )
    drift = number("minimum_effect", minimum_effect) / error
    critical = -float(stdtrit(degrees, _tail(alpha, sides)))
    power = 1.0 - _noncentral(degrees, drift, critical)
    if sides == 2:
        power += _noncentral(degrees, drift, -critical)
    return min(max(power, 0.0), 1.0)


def power_of_proportions(
    *,
    baseline: float,
    minimum_effect: float,
    control_units: float,
    alpha: float,
    null_variance: NullVariance,
    ratio: float = 1.0,
    sides: int = 2,
) -> float:
    """Chance of showing a difference in proportions.

    Args:
        baseline: The control's share, in (0, 1).
        minimum_effect: The true absolute difference; negative for a fall.
        control_units: Units in control, above 0.
        alpha: Error rate, in (0, 1).
        null_variance: As in `units_for_proportions`.
        ratio: Units in treatment per unit in control.
        sides: 2 for a two-sided test, 1 for one that looks at the effect's own side.

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        J. L. Fleiss, B. Levin, M. C. Paik (2003), "Statistical methods for rates and
        proportions", 3rd edition, chapter 4.
    """
    under_none, under_effect = _spreads(baseline, minimum_effect, null_variance, ratio)
    reach = abs(minimum_effect) * math.sqrt(size("control_units", control_units))
    needed = _critical(alpha, sides) * under_none
    power = float(ndtr((reach - needed) / under_effect))
    if sides == 2:
        power += float(ndtr((-reach - needed) / under_effect))
    return min(power, 1.0)


def _spreads(
    baseline: float, minimum_effect: float, null_variance: NullVariance, ratio: float
) -> tuple[float, float]:
    """Deviations of the difference times the root of the control's units."""
    start = fraction("baseline", baseline)
    if abs(minimum_effect) < 1e-12:
        raise InvalidArgument("minimum_effect", "must not be 0")
    end = fraction("minimum_effect", baseline + minimum_effect)
    size("ratio", ratio)
    under_effect = math.sqrt(start * (1.0 - start) + end * (1.0 - end) / ratio)
    if null_variance is NullVariance.SEPARATE:
        return under_effect, under_effect
    pooled = null_variance is NullVariance.POOLED
    null = (start + ratio * end) / (1.0 + ratio) if pooled else start
    return math.sqrt(null * (1.0 - null) * (1.0 + 1.0 / ratio)), under_effect


def _planned_error(
    control_variance: float,
    treatment_variance: float,
    control_units: float,
    treatment_units: float,
) -> tuple[float, float]:
    """Standard error of a difference, and Welch's degrees of freedom."""
    for name, units in (
        ("control_units", control_units),
        ("treatment_units", treatment_units),
    ):
        if number(name, units) < 2.0:
            raise TooFewUnits(name, f"needs at least 2 units, not {units}")
    first = size("control_variance", control_variance) / control_units
    second = size("treatment_variance", treatment_variance) / treatment_units
    share = first / (first + second)
    degrees = 1.0 / (
        share**2 / (control_units - 1.0) + (1.0 - share) ** 2 / (treatment_units - 1.0)
    )
    return math.sqrt(first + second), degrees


def _noncentral(degrees: float, drift: float, value: float) -> float:
    """P(T < value); what is too small for the algorithm is 0, or 1 on the far side."""
    found = float(nctdtr(degrees, drift, value))
    if math.isfinite(found):
        return found
    return 0.0 if value < drift else 1.0


def _tail(alpha: float, sides: int) -> float:
    if sides not in {1, 2}:
        raise InvalidArgument("sides", f"must be 1 or 2, not {sides}")
    return fraction("alpha", alpha) / sides


def _critical(alpha: float, sides: int) -> float:
    return -float(ndtri(_tail(alpha, sides)))
