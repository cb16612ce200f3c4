"""Numbers whose squares are still numbers."""

from experiments.statistics.checks import finite, positive
from experiments.statistics.errors import InvalidArgument

LARGEST = 1e75
"""Beyond it, or closer to zero than its inverse, fourth powers leave the range."""

LARGEST_STATISTIC = 1e6
"""Standard errors from zero beyond which nothing is left to be computed."""


def number(argument: str, value: float) -> float:
    """Return `value`, a finite number of ordinary size.

    Raises:
        InvalidArgument: It is not finite, or beyond 1e75.
    """
    if abs(finite(argument, value)) > LARGEST:
        raise InvalidArgument(argument, f"must not be beyond {LARGEST:.0e}")
    return value


def size(argument: str, value: float) -> float:
    """Return `value`, a number above 0 of ordinary size.

    Raises:
        InvalidArgument: It is not in [1e-75, 1e75].
    """
    if not 1.0 / LARGEST <= positive(argument, value) <= LARGEST:
        raise InvalidArgument(argument, f"must be of ordinary size, not {value}")
    return value


def standardised(argument: str, value: float) -> float:
    """Return `value`, a number of standard errors.

    Raises:
        InvalidArgument: It is not finite, or beyond a million.
    """
    if abs(finite(argument, value)) > LARGEST_STATISTIC:
        raise InvalidArgument(argument, "must be within a million standard errors")
    return value
