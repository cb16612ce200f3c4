"""Alpha spending: how much of the error rate may be used by when."""

import math
from enum import StrEnum

from scipy.special import ndtr, ndtri

from experiments.statistics.checks import finite, fraction, positive
from experiments.statistics.errors import InvalidArgument


class Spending(StrEnum):
    """How fast the error rate is spent."""

    OBRIEN_FLEMING = "OBRIEN_FLEMING"
    POCOCK = "POCOCK"
    POWER = "POWER"


def spent(
    spending: Spending, fraction_done: float, *, alpha: float, rho: float | None = None
) -> float:
    """Two-sided error rate that may have been used up at a fraction of the plan.

    A two-sided test is two one-sided ones of alpha / 2, one for each direction: for
    O'Brien and Fleming's function, which is not proportional to alpha, this is what
    published tables of symmetric boundaries hold.

    Args:
        spending: The spending function.
        fraction_done: Share of the planned units or information, from 0; past 1, all
            is spent.
        alpha: Two-sided error rate of all looks together, in (0, 1).
        rho: Exponent of POWER, above 0; None for the others.

    Returns:
        The cumulative error rate, in [0, alpha].

    Raises:
        InvalidArgument: An argument is out of its range, or `rho` is missing for POWER
            or given for another function.

    Reference:
        K. K. G. Lan and D. L. DeMets (1983), "Discrete sequential boundaries for
        clinical trials", Biometrika 70; K. Kim and D. L. DeMets (1987), "Design and
        analysis of group sequential tests based on the type I error spending rate
        function", Biometrika 74, for the power family.

    Example:
        >>> round(spent(Spending.OBRIEN_FLEMING, 0.5, alpha=0.05), 6)
        0.003051
        >>> spent(Spending.POWER, 0.5, alpha=0.05, rho=2.0)
        0.0125
    """
    fraction("alpha", alpha)
    if finite("fraction_done", fraction_done) < 0.0:
        raise InvalidArgument("fraction_done", "must not be negative")
    exponent = _exponent(spending, rho)
    done = min(fraction_done, 1.0)
    if done in {0.0, 1.0}:
        return alpha * done
    if spending is Spending.POCOCK:
        return alpha * math.log1p((math.e - 1.0) * done)
    if spending is Spending.POWER:
        return alpha * float(done**exponent)
    return 4.0 * float(ndtr(ndtri(alpha / 4.0) / math.sqrt(done)))


def _exponent(spending: Spending, rho: float | None) -> float:
    if spending is Spending.POWER:
        if rho is None:
            raise InvalidArgument("rho", "POWER needs its exponent")
        return positive("rho", rho)
    if rho is not None:
        raise InvalidArgument("rho", f"{spending.value} has no exponent")
    return 1.0
