"""What clusters and adjustment do to the units that a test needs."""

import math

from experiments.statistics.checks import finite
from experiments.statistics.errors import InvalidArgument


def clustering_factor(*, size: float, variation: float, correlation: float) -> float:
    """What randomising whole clusters multiplies the units by.

    Args:
        size: Mean units per cluster, at least 1.
        variation: Coefficient of variation of the sizes, from 0; 0 for equal ones.
        correlation: Correlation between units of a cluster (ICC), in [0, 1].

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        S. M. Eldridge, D. Ashby, S. Kerry (2006), "Sample size for cluster randomized
        trials: effect of coefficient of variation of cluster size", International
        Journal of Epidemiology 35.

    Example:
        >>> round(clustering_factor(size=10, variation=0.0, correlation=0.05), 2)
        1.45
    """
    if finite("size", size) < 1.0:
        raise InvalidArgument("size", f"must be at least 1, not {size}")
    if finite("variation", variation) < 0.0:
        raise InvalidArgument("variation", "must not be negative")
    if not 0.0 <= correlation <= 1.0:
        raise InvalidArgument("correlation", "must lie between 0 and 1")
    return 1.0 + (size * (1.0 + variation**2) - 1.0) * correlation


def adjustment_factor(correlation: float) -> float:
    """What adjusting for a pre-period value multiplies the units by.

    Args:
        correlation: Correlation of the value with the pre-period one, in (-1, 1).

    Raises:
        InvalidArgument: It is not in (-1, 1).

    Reference:
        A. Deng, Y. Xu, R. Kohavi, T. Walker (2013), "Improving the sensitivity of
        online controlled experiments by utilizing pre-experiment data", WSDM.

    Example:
        >>> adjustment_factor(0.5)
        0.75
    """
    if not -1.0 < correlation < 1.0:
        raise InvalidArgument("correlation", "must lie between -1 and 1")
    return 1.0 - correlation**2


def clusters_for_units(units: int, *, size: float) -> int:
    """Clusters that hold the units, to the nearest whole one.

    Args:
        units: Units needed in an arm, from 1.
        size: Mean units per cluster, at least 1.

    Raises:
        InvalidArgument: An argument is out of its range.

    Example:
        >>> clusters_for_units(9_781, size=10)
        978
    """
    if units < 1:
        raise InvalidArgument("units", f"must be at least 1, not {units}")
    if finite("size", size) < 1.0:
        raise InvalidArgument("size", f"must be at least 1, not {size}")
    return max(2, round(units / size))


def arcsine_effect(first: float, second: float) -> float:
    """Difference of two proportions on the scale where its variance is constant.

    Args:
        first: A proportion, in [0, 1].
        second: The one it is compared with.

    Returns:
        Cohen's h, in [-pi, pi]: a difference between values of variance 1.

    Raises:
        InvalidArgument: A proportion is not in [0, 1].

    Reference:
        J. Cohen (1988), "Statistical power analysis for the behavioral sciences", 2nd
        edition, chapter 6.

    Example:
        >>> round(arcsine_effect(0.12, 0.10), 6)
        0.063982
    """
    for name, share in (("first", first), ("second", second)):
        if not 0.0 <= share <= 1.0:
            raise InvalidArgument(name, f"must lie between 0 and 1, not {share}")
    return 2.0 * (math.asin(math.sqrt(first)) - math.asin(math.sqrt(second)))
