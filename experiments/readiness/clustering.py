"""How alike the users of an account are, for plans that randomise accounts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.readiness.questions import Clusters

LEAST_CLUSTERS = 10
"""Accounts from which a correlation is more than a guess."""


def clusters_seen(
    ids: Sequence[str], values: NDArray[np.float64], accounts: Mapping[str, str]
) -> Clusters | None:
    """Accounts' sizes, and the correlation inside them; None of too few accounts.

    The correlation is that of a one-way analysis of variance, at least 0 (R. A. Fisher
    1925). Users of no account are left out.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for unit_id, value in zip(ids, values.tolist(), strict=True):
        if (account := accounts.get(unit_id)) is not None:
            groups[account].append(value)
    if len(groups) < LEAST_CLUSTERS:
        return None
    sizes = np.array([len(group) for group in groups.values()], np.float64)
    mean = float(sizes.mean())
    return Clusters(mean, float(sizes.std() / mean), _correlation(groups, sizes))


def _correlation(
    groups: Mapping[str, Sequence[float]], sizes: NDArray[np.float64]
) -> float:
    total, count = float(sizes.sum()), len(groups)
    if total <= count:
        return 0.0
    means = np.array([np.mean(group) for group in groups.values()])
    grand = float((sizes * means).sum() / total)
    between = float((sizes * (means - grand) ** 2).sum()) / (count - 1)
    squares = sum(
        float(((np.array(g) - np.mean(g)) ** 2).sum()) for g in groups.values()
    )
    within = squares / (total - count)
    typical = (total - float((sizes**2).sum()) / total) / (count - 1)
    spread = between + (typical - 1) * within
    return min(max((between - within) / spread, 0.0), 1.0) if spread > 0 else 0.0
