"""Upper bounds on a unit's value, so that one unit cannot decide a mean."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.checks import fraction
from experiments.statistics.errors import TooFewUnits


def quantile_cap(values: NDArray[np.int64], *, quantile: float) -> int:
    """The order statistic at a quantile of all arms' unit values, ties upwards.

    It is a value that some unit has, never an interpolation: the smallest one with
    rank at least `quantile` * (n - 1), counting from 0. Arms must be pooled, zeros
    included; a cap per arm would hide an effect.

    Args:
        values: (n,) int64, one total per unit in steps, in any order.
        quantile: In (0, 1), such as 0.999; read as the decimal that it prints as.

    Raises:
        TooFewUnits: There are no values.
        InvalidArgument: `quantile` is not in (0, 1).

    Reference:
        R. J. Hyndman, Y. Fan (1996), "Sample quantiles in statistical packages",
        The American Statistician 50; the variant that NumPy calls "higher".

    Example:
        >>> quantile_cap(np.array([0, 0, 3, 900], dtype=np.int64), quantile=0.5)
        3
    """
    exact = Fraction(str(fraction("quantile", quantile)))
    if values.size == 0:
        raise TooFewUnits("values", "there are no units yet")
    rank = math.ceil(exact * (values.size - 1))
    return int(np.partition(values, rank)[rank])
