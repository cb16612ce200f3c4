"""Whether going on can still change the answer."""

import math

from scipy.special import ndtr

from experiments.statistics.checks import fraction
from experiments.statistics.ranges import number, size

FUTILE = 0.10
"""Predictive power below which stopping is advised; nobody is bound by it."""

EARLIEST = 0.5
"""Share of the information before which nothing is called futile."""


def conditional_power(
    statistic: float, *, fraction_done: float, critical: float, drift: float
) -> float:
    """Chance of significance at the end, given the data and a true effect.

    Args:
        statistic: The statistic now.
        fraction_done: Share of the planned information seen, in (0, 1).
        critical: Two-sided critical value at the end, above 0.
        drift: Mean of the final statistic if the effect is as assumed; 0 for none.

    Returns:
        Probability of ending beyond the critical value on either side.

    Raises:
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        K. K. G. Lan, R. Simon, M. Halperin (1982), "Stochastically curtailed tests in
        long-term clinical trials", Communications in Statistics: Sequential Analysis 1.

    Example:
        >>> round(conditional_power(
        ...     1.0, fraction_done=0.5, critical=1.96, drift=2.8), 3)
        0.582
    """
    done = fraction("fraction_done", fraction_done)
    mean = number("statistic", statistic) * math.sqrt(done)
    mean += number("drift", drift) * (1.0 - done)
    return _beyond(mean, 1.0 - done, size("critical", critical))


def predictive_power(
    statistic: float, *, fraction_done: float, critical: float
) -> float:
    """Chance of significance at the end, given the data alone.

    The effect is taken from the data, with all the doubt that they leave (a flat
    prior), rather than assumed.

    Args:
        statistic: The statistic now.
        fraction_done: Share of the planned information seen, in (0, 1).
        critical: Two-sided critical value at the end, above 0.

    Returns:
        Probability of ending beyond the critical value on either side.

    Raises:
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        D. J. Spiegelhalter, L. S. Freedman, P. R. Blackburn (1986), "Monitoring
        clinical trials: conditional or predictive power?", Controlled Clinical
        Trials 7.

    Example:
        >>> round(predictive_power(1.0, fraction_done=0.5, critical=1.96), 3)
        0.293
    """
    done = fraction("fraction_done", fraction_done)
    mean = number("statistic", statistic) / math.sqrt(done)
    return _beyond(mean, (1.0 - done) / done, size("critical", critical))


def _beyond(mean: float, variance: float, critical: float) -> float:
    spread = math.sqrt(variance)
    above = ndtr((mean - critical) / spread)
    return min(1.0, float(above + ndtr((-critical - mean) / spread)))
