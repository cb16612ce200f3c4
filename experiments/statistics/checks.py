"""Arguments checked once, at the border, so that the formulas need not."""

import math

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.errors import InvalidArgument

LIMIT = 1e100
"""Size of a value beyond which sums of squares and their products overflow."""

TINY = 1e-100
"""Size of a value below which its square counts as 0."""


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


def moderate(argument: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `values`, finite numbers whose squares and products are finite too.

    Raises:
        InvalidArgument: One is not a number, or beyond 1e100.
    """
    if values.size and not np.abs(values).max() <= LIMIT:
        raise InvalidArgument(argument, "must hold finite numbers up to 1e100")
    return values
