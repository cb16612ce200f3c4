"""Several hypotheses: one error rate for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.statistics.checks import fraction
from experiments.statistics.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One hypothesis of a family.

    Attributes:
        p_value: Adjusted p-value; at most alpha exactly where it is rejected.
        alpha: The level at which its own p-value was judged, so that an interval of
            coverage 1 - alpha excludes 0 exactly where it is rejected.
    """

    p_value: float
    alpha: float


def holm(p_values: Sequence[float], *, alpha: float) -> tuple[Adjusted, ...]:
    """Judge a family so that any false rejection has at most probability alpha.

    Args:
        p_values: (k,) in [0, 1], in any order and however dependent.
        alpha: Error rate of the family, in (0, 1).

    Returns:
        One entry per p-value, in the same order.

    Raises:
        InvalidArgument: A p-value is not in [0, 1], or `alpha` not in (0, 1).

    Reference:
        S. Holm (1979), "A simple sequentially rejective multiple test procedure",
        Scandinavian Journal of Statistics 6.

    Example:
        >>> [round(a.p_value, 3) for a in holm([0.01, 0.04, 0.03], alpha=0.05)]
        [0.03, 0.06, 0.06]
    """
    fraction("alpha", alpha)
    _check(p_values)
    results: dict[int, Adjusted] = {}
    running, level, rejecting = 0.0, alpha, True
    for rank, index in enumerate(
        sorted(range(len(p_values)), key=p_values.__getitem__)
    ):
        left = len(p_values) - rank
        if rejecting:
            level = alpha / left
        running = max(running, min(1.0, left * p_values[index]))
        rejecting = rejecting and running <= alpha
        results[index] = Adjusted(p_value=running, alpha=level)
    return tuple(results[index] for index in range(len(p_values)))


@dataclass(frozen=True, slots=True)
class Discovery:
    """One hypothesis of a family of which a share may be found wrongly.

    Attributes:
        p_value: Adjusted p-value; at most alpha exactly where it is rejected.
        rejected: Whether it is among the discoveries.
    """

    p_value: float
    rejected: bool


def benjamini_hochberg(
    p_values: Sequence[float], *, alpha: float
) -> tuple[Discovery, ...]:
    """Judge a family so that of its discoveries at most a share alpha is false.

    The share is the expected one, for p-values that are independent or positively
    dependent, as those of related metrics are.

    Args:
        p_values: (k,) in [0, 1], in any order.
        alpha: False discovery rate of the family, in (0, 1).

    Returns:
        One entry per p-value, in the same order.

    Raises:
        InvalidArgument: A p-value is not in [0, 1], or `alpha` not in (0, 1).

    Reference:
        Y. Benjamini, Y. Hochberg (1995), "Controlling the false discovery rate",
        Journal of the Royal Statistical Society B 57; D. Yekutieli, Y. Benjamini
        (1999), "Resampling-based false discovery rate controlling multiple test
        procedures", Journal of Statistical Planning and Inference 82, for the
        adjusted p-values.

    Example:
        >>> [round(found.p_value, 3) for found in
        ...     benjamini_hochberg([0.01, 0.04, 0.03], alpha=0.05)]
        [0.03, 0.04, 0.04]
    """
    fraction("alpha", alpha)
    _check(p_values)
    family = len(p_values)
    results: dict[int, Discovery] = {}
    running = 1.0
    order = sorted(range(family), key=p_values.__getitem__, reverse=True)
    for place, index in enumerate(order):
        running = min(running, p_values[index] * family / (family - place))
        results[index] = Discovery(p_value=running, rejected=running <= alpha)
    return tuple(results[index] for index in range(family))


def _check(p_values: Sequence[float]) -> None:
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise InvalidArgument("p_values", "must lie between 0 and 1")
