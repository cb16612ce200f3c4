"""The smallest effect that a test of given units can see."""

import math
from collections.abc import Callable

from experiments.statistics.checks import fraction
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.power import (
    NullVariance,
    power_of_means,
    power_of_proportions,
)
from experiments.statistics.roots import root

_DOUBLINGS = 50
"""Of a standard error: an effect beyond 1e15 of them is none."""


def minimum_effect_of_means(
    *,
    control_variance: float,
    treatment_variance: float,
    control_units: float,
    treatment_units: float,
    alpha: float,
    power: float,
    sides: int = 2,
) -> float:
    """Smallest difference in means that the given units show.

    Args:
        control_variance: Variance of a unit's value, in the metric's unit squared.
        treatment_variance: The same in the treatment arm.
        control_units: Units in control, at least 2.
        treatment_units: Units in treatment, at least 2.
        alpha: Error rate, in (0, 1).
        power: Chance of seeing it if it is there, in (alpha, 1).
        sides: 2 for a two-sided test, 1 for a one-sided one.

    Returns:
        The difference, in the metric's unit; over the control's mean, it is relative.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        InvalidArgument: An argument is out of its range.

    Example:
        >>> round(minimum_effect_of_means(control_variance=1.0, treatment_variance=1.0,
        ...     control_units=10_000, treatment_units=10_000, alpha=0.05, power=0.8), 6)
        0.039622
    """
    found = minimum_widening_effect(
        control_variance=control_variance,
        widened=lambda _: treatment_variance,
        control_units=control_units,
        treatment_units=treatment_units,
        alpha=alpha,
        power=power,
        sides=sides,
    )
    if found is None:  # pragma: no cover - a large enough effect is always seen
        raise InvalidArgument("power", f"{power} is not reached by any effect")
    return found


def minimum_widening_effect(
    *,
    control_variance: float,
    widened: Callable[[float], float],
    control_units: float,
    treatment_units: float,
    alpha: float,
    power: float,
    sides: int = 2,
) -> float | None:
    """Smallest difference in means that is seen where it changes the variance too.

    Args:
        control_variance: Variance of a unit's value, in the metric's unit squared.
        widened: The variance in the treatment arm under a difference from 0, which is
            in the metric's unit; it does not fall.
        control_units: Units in control, at least 2.
        treatment_units: Units in treatment, at least 2.
        alpha: Error rate, in (0, 1).
        power: Chance of seeing it if it is there, in (alpha, 1).
        sides: 2 for a two-sided test, 1 for a one-sided one.

    Returns:
        The difference, in the metric's unit; None where the variance grows with it so
        fast that none is seen as often.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        InvalidArgument: An argument is out of its range.
    """
    _check_power(power, alpha)

    def missing(effect: float) -> float:
        found = power_of_means(
            minimum_effect=effect,
            control_variance=control_variance,
            treatment_variance=widened(effect),
            control_units=control_units,
            treatment_units=treatment_units,
            alpha=alpha,
            sides=sides,
        )
        return found - power

    missing(0.0)
    high = math.sqrt(control_variance / control_units + widened(0.0) / treatment_units)
    for _ in range(_DOUBLINGS):
        if missing(high) >= 0.0:
            return root(missing, 0.0, high, tolerance=1e-12 * high)
        high *= 2.0
    return None


def minimum_effect_of_proportions(
    *,
    baseline: float,
    control_units: float,
    alpha: float,
    power: float,
    null_variance: NullVariance,
    ratio: float = 1.0,
) -> float | None:
    """Smallest rise of a proportion that the given units show, two-sided.

    Args:
        baseline: The control's share, in (0, 1).
        control_units: Units in control, above 0.
        alpha: Two-sided error rate, in (0, 1).
        power: Chance of seeing it if it is there, in (alpha, 1).
        null_variance: As in `units_for_proportions`.
        ratio: Units in treatment per unit in control.

    Returns:
        The absolute difference; None where not even a rise to nearly 1 is seen.

    Raises:
        InvalidArgument: An argument is out of its range.
    """
    _check_power(power, alpha)

    def missing(effect: float) -> float:
        found = power_of_proportions(
            baseline=baseline,
            minimum_effect=effect,
            control_units=control_units,
            alpha=alpha,
            null_variance=null_variance,
            ratio=ratio,
        )
        return found - power

    highest = (1.0 - fraction("baseline", baseline)) * (1.0 - 1e-9)
    if missing(highest) < 0.0:
        return None
    return root(missing, highest * 1e-9, highest, tolerance=1e-13)


def _check_power(power: float, alpha: float) -> None:
    if fraction("power", power) <= fraction("alpha", alpha):
        raise InvalidArgument("power", "must be above alpha")
