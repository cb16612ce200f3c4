"""Centred moments, derived exactly from sums."""

from fractions import Fraction

from experiments.statistics.checks import count
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.samples import PairSample, Sample

Sum = int | float | Fraction
"""A sum over units. Integers and fractions are exact; a float is taken at its word."""


def sample(*, n: int, total: Sum, squares: Sum, steps: int) -> Sample:
    """Summarise one value per unit from its sums.

    The centred sum n*squares - total^2 is formed in exact arithmetic and rounded once,
    so values of 1e9 that differ by 1 keep their variance.

    Args:
        n: Units in the arm.
        total: Sum of the units' values, in steps.
        squares: Sum of the squared values, in steps squared.
        steps: Steps in one unit of the value; 1 where values are not scaled.

    Returns:
        The summary, in units of the value.

    Raises:
        TooFewUnits: `n` is 0.
        InvalidArgument: `steps` is not positive, a sum is not finite, or no values
            have these sums.

    Example:
        >>> sample(n=4, total=10, squares=30, steps=1)
        Sample(n=4, mean=2.5, deviations=5.0)
    """
    _require_units(n, steps)
    exact_total = _exact("total", total)
    deviations = _centred("squares", n, exact_total, _exact("squares", squares))
    return Sample(
        n=n,
        mean=_float("total", exact_total / (n * steps)),
        deviations=_float("squares", deviations / steps**2),
    )


def pair_sample(
    *,
    n: int,
    numerator: Sum,
    numerator_squares: Sum,
    denominator: Sum,
    denominator_squares: Sum,
    products: Sum,
    numerator_steps: int,
    denominator_steps: int,
) -> PairSample:
    """Summarise a numerator and a denominator per unit from their sums.

    Args:
        n: Units in the arm.
        numerator: Sum of y, in steps of y.
        numerator_squares: Sum of y squared.
        denominator: Sum of d, in steps of d.
        denominator_squares: Sum of d squared.
        products: Sum of y times d.
        numerator_steps: Steps in one unit of y.
        denominator_steps: Steps in one unit of d.

    Returns:
        The summary, in units of y and d.

    Raises:
        TooFewUnits: `n` is 0.
        InvalidArgument: A number of steps is not positive, a sum is not finite, or no
            values have these sums.
    """
    _require_units(n, numerator_steps)
    _require_units(n, denominator_steps)
    y, d = _exact("numerator", numerator), _exact("denominator", denominator)
    yy = _centred(
        "numerator_squares", n, y, _exact("numerator_squares", numerator_squares)
    )
    dd = _centred(
        "denominator_squares", n, d, _exact("denominator_squares", denominator_squares)
    )
    yd = _exact("products", products) - y * d / n
    if yd * yd > yy * dd:
        raise InvalidArgument("products", "no values have this sum of products")
    return PairSample(
        n=n,
        numerator=_float("numerator", y / (n * numerator_steps)),
        denominator=_float("denominator", d / (n * denominator_steps)),
        numerator_deviations=_float("numerator_squares", yy / numerator_steps**2),
        denominator_deviations=_float("denominator_squares", dd / denominator_steps**2),
        products=_float("products", yd / (numerator_steps * denominator_steps)),
    )


def _require_units(n: int, steps: int) -> None:
    if count("n", n) == 0:
        raise TooFewUnits("n", "there are no units yet")
    if steps < 1:
        raise InvalidArgument("steps", f"must be at least 1, not {steps}")


def _exact(argument: str, value: Sum) -> Fraction:
    try:
        return Fraction(value)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            argument, f"must be a finite number, not {value}"
        ) from error


def _centred(argument: str, n: int, total: Fraction, squares: Fraction) -> Fraction:
    deviations = squares - total * total / n
    if deviations < 0:
        raise InvalidArgument(argument, "no values have this sum of squares")
    return deviations


def _float(argument: str, value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise InvalidArgument(argument, "too large for a number") from error
