"""The normal mixture: evidence that may be read as often as one likes."""

import math

from scipy.special import log_ndtr

from experiments.statistics.checks import fraction
from experiments.statistics.ranges import number, size


def normal_mixture_precision(optimum: float, *, alpha: float) -> float:
    """Precision of the mixing distribution that is tightest at a variance.

    Args:
        optimum: Intrinsic variance at which the bound is to be tightest, above 0.
        alpha: Two-sided error rate for which it is tuned, in (0, 1).

    Returns:
        1 / tau^2 of the mixing distribution N(0, tau^2).

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon (2021), "Time-uniform,
        nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49,
        section 3.5.
    """
    doubled = -2.0 * math.log(fraction("alpha", alpha))
    return size("optimum", optimum) / (doubled + math.log1p(doubled))


def normal_mixture_log_evalue(
    total: float, variance: float, *, precision: float, one_sided: bool
) -> float:
    """Logarithm of the evidence that a sum has drifted from zero.

    Args:
        total: The sum so far; of a difference with standard error s: difference / s^2.
        variance: Its intrinsic variance, above 0; of a difference: 1 / s^2.
        precision: 1 / tau^2 of the mixing distribution, above 0.
        one_sided: Whether only a drift upwards counts.

    Returns:
        log E. Without a drift E averages 1, so that it ever reaches 1 / alpha has at
        most probability alpha; min over time of 1 / E is an always-valid p-value.

    Raises:
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        H. Robbins (1970), "Statistical methods related to the law of the iterated
        logarithm", Annals of Mathematical Statistics 41; R. Johari, P. Koomen,
        L. Pekelis, D. Walsh (2022), "Always valid inference", Operations Research 70.

    Example:
        >>> rho = normal_mixture_precision(1000.0, alpha=0.05)
        >>> round(normal_mixture_log_evalue(30, 100, precision=rho, one_sided=False), 4)
        1.699
    """
    number("total", total)
    spread = size("variance", variance) + size("precision", precision)
    log_evalue = 0.5 * math.log(precision / spread) + total**2 / (2.0 * spread)
    if one_sided:
        log_evalue += math.log(2.0) + float(log_ndtr(total / math.sqrt(spread)))
    return number("total", log_evalue)


def normal_mixture_bound(
    variance: float,
    *,
    alpha: float,
    optimum: float,
    one_sided: bool = False,
    tuned_alpha: float | None = None,
) -> float:
    """How far a sum without drift strays at any time with probability alpha at most.

    Args:
        variance: Intrinsic variance at which the bound is read, above 0.
        alpha: Error rate over all time, in (0, 1); below 1/2 if one-sided.
        optimum: Intrinsic variance at which the bound is tightest, above 0.
        one_sided: Whether only straying upwards counts.
        tuned_alpha: Error rate at which the bound is tightest there, where several
            bounds share one mixture; `alpha` itself if not given.

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        H. Robbins (1970), "Statistical methods related to the law of the iterated
        logarithm", Annals of Mathematical Statistics 41.

    Example:
        >>> round(normal_mixture_bound(10.0, alpha=0.05, optimum=1000.0), 4)
        28.7273
    """
    sides = 2.0 if one_sided else 1.0
    tuned = fraction("alpha", sides * alpha)
    if tuned_alpha is not None:
        tuned = fraction("tuned_alpha", sides * tuned_alpha)
    precision = normal_mixture_precision(optimum, alpha=tuned)
    spread = size("variance", variance) + precision
    log_ratio = math.log(spread / precision)
    high = math.sqrt(spread * (log_ratio - 2.0 * math.log(alpha)))
    if not one_sided:
        return high
    low, wanted = 0.0, -math.log(alpha)
    while high - low > 1e-13 * high:
        middle = (low + high) / 2.0
        found = normal_mixture_log_evalue(
            middle, variance, precision=precision, one_sided=True
        )
        low, high = (middle, high) if found < wanted else (low, middle)
    return high
