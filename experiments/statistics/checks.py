"""Arguments checked once, at the border, so that the formulas need not."""

import math

from experiments.statistics.errors import InvalidArgument


def fraction(argument: str, value: float) -> float:
    """Return `value`, a number strictly between 0 and 1.

    Raises:
        InvalidArgument: It is not.
    """
    if not 0.0 < value < 1.0:
        raise InvalidArgument(argument, f"must lie between 0 and 1, not {value}")
    return value


def count(argument: str, value: int) -> int:
    """Return `value`, a whole number from 0.

    Raises:
        InvalidArgument: It is negative.
    """
    if value < 0:
        raise InvalidArgument(argument, f"must not be negative, not {value}")
    return value


def finite(argument: str, value: float) -> float:
    """Return `value`, a finite number.

    Raises:
        InvalidArgument: It is infinite or not a number.
    """
    if not math.isfinite(value):
        raise InvalidArgument(argument, f"must be a finite number, not {value}")
    return value


def positive(argument: str, value: float) -> float:
    """Return `value`, a finite number above 0.

    Raises:
        InvalidArgument: It is not.
    """
    if finite(argument, value) <= 0.0:
        raise InvalidArgument(argument, f"must be above 0, not {value}")
    return value
