"""Rehearsals on real ids: does the split hold, does nothing come out of nothing."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov

from experiments.assignment import columns
from experiments.assignment.ranges import bucket_ranges
from experiments.assignment.seeds import SEED_DIGITS
from experiments.assignment.units import HASH_VERSION
from experiments.statistics.batch import compare_many
from experiments.statistics.batch_arms import Arms as Estimates
from experiments.statistics.batch_arms import Status, independent, means

SPLITS = 1_000
"""Synthetic experiments of a rehearsal of the split."""
SHUFFLES = 500
"""Synthetic experiments of an A/A replay."""
LEAST_IDS = 1_000
"""With fewer, p-values are too coarse to be told from uneven ones."""
ALARM = 1e-4
"""Where a rehearsal of this kind fails; a sound hash comes here once in 10,000."""
NORMAL = 1.959963984540054
_CHUNK = 50

Floats = NDArray[np.float64]
Arms = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class SplitRehearsal:
    """What many synthetic experiments make of the same ids."""

    experiments: int
    units: int
    distance: float
    """Kolmogorov's, of the sample-ratio p-values from the uniform distribution."""
    p_value: float
    """Of that distance."""
    alarms: float
    """Share of the experiments whose sample ratio would raise the alarm (p < .001)."""
    shares: tuple[float, ...]
    """Of the arms, over all experiments."""
    deviation: float
    """The largest difference of a share from its weight, in standard errors."""

    @property
    def holds(self) -> bool:
        """Whether chance explains all of it."""
        return self.p_value >= ALARM and self.deviation <= 4.5


@dataclass(frozen=True, slots=True)
class NullReplay:
    """How often the test finds an effect where there can be none."""

    shuffles: int
    units: int
    alpha: float
    false_positives: float
    """Share of the shuffles with p below alpha."""

    @property
    def tolerance(self) -> float:
        """What chance alone moves that share by, 19 times of 20."""
        return NORMAL * math.sqrt(self.alpha * (1 - self.alpha) / self.shuffles)

    @property
    def holds(self) -> bool:
        """Whether the share is what it should be."""
        return abs(self.false_positives - self.alpha) <= self.tolerance

    @property
    def misleads(self) -> bool:
        """Whether it is so far above that a result could not be believed."""
        return self.false_positives > self.alpha + 2 * self.tolerance


def rehearse_split(
    ids: Sequence[str],
    weights: Sequence[float],
    *,
    name: str,
    experiments: int = SPLITS,
) -> SplitRehearsal:
    """Assign the ids in many synthetic experiments by the real hash.

    Raises:
        ValueError: Some arm has no weight, or there are fewer than 1,000 ids.
    """
    if len(ids) < LEAST_IDS or min(weights) <= 0:
        raise ValueError("A rehearsal needs 1,000 ids and arms with weight.")
    expected = np.asarray(weights, np.float64)
    counts = np.vstack(
        [
            np.bincount(arms + 1, minlength=len(expected) + 1)[1:]
            for arms in _assigned(ids, weights, name, experiments)
        ]
    ).astype(np.float64)
    units = counts.sum(axis=1, keepdims=True)
    promised = units * expected
    statistic = ((counts - promised) ** 2 / promised).sum(axis=1)
    p_values = chdtrc(len(expected) - 1, statistic)
    distance = _distance(p_values)
    total = counts.sum()
    shares = counts.sum(axis=0) / total
    errors = np.sqrt(expected * (1 - expected) / total)
    return SplitRehearsal(
        experiments=experiments,
        units=len(ids),
        distance=distance,
        p_value=float(kolmogorov(distance * math.sqrt(experiments))),
        alarms=float((p_values < 0.001).mean()),
        shares=tuple(float(share) for share in shares),
        deviation=float((np.abs(shares - expected) / errors).max()),
    )


def replay_nulls(
    ids: Sequence[str],
    values: Sequence[float] | Floats,
    *,
    weights: Sequence[float],
    alpha: float,
    name: str,
    shuffles: int = SHUFFLES,
) -> NullReplay:
    """Compare control and first treatment where both had the same, many times.

    Raises:
        ValueError: The values do not vary, or an arm has fewer than two units.
    """
    centred = np.asarray(values, np.float64)
    centred = centred - centred.mean()
    if not centred.any():
        raise ValueError("The values do not vary.")
    rows = np.vstack([*_assigned(ids, weights, name, shuffles)])
    control, treatment = (_estimates(rows == arm, centred) for arm in (0, 1))
    found = compare_many(independent(control, treatment), confidence=1 - alpha)
    if (found.status != Status.COMPARED).any():
        raise ValueError("An arm has fewer than two units, or its values do not vary.")
    return NullReplay(
        shuffles=shuffles,
        units=len(ids),
        alpha=alpha,
        false_positives=float((found.p_value < alpha).mean()),
    )


def linearised(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Ratios as values of single units: their mean difference is the ratios'.

    Raises:
        ValueError: The denominators sum to nothing.
    """
    y, d = numerator.astype(np.float64), denominator.astype(np.float64)
    if d.sum() <= 0:
        raise ValueError("The denominators sum to nothing.")
    values: Floats = (y - y.sum() / d.sum() * d) / d.mean()
    return values


def _assigned(
    ids: Sequence[str], weights: Sequence[float], name: str, experiments: int
) -> Iterator[Arms]:
    column = columns.encoded(ids)
    ranges = bucket_ranges(len(weights), 1.0, weights)
    for number in range(experiments):
        text = f"{name}::rehearsal:{number}"
        seed = hashlib.sha256(text.encode()).hexdigest()[:SEED_DIGITS]
        yield columns.arms(column, seed, HASH_VERSION, ranges)


def _estimates(within: NDArray[np.bool_], values: Floats) -> Estimates:
    """The mean of each row's units, with its variance."""
    n = within.sum(axis=1).astype(np.float64)
    parts = [
        within[k : k + _CHUNK].astype(np.float64) for k in range(0, len(n), _CHUNK)
    ]
    sums, squares = (
        np.concatenate([part @ power for part in parts])
        for power in (values, values**2)
    )
    mean = sums / np.maximum(n, 1.0)
    variance = (squares - n * mean**2) / np.maximum(n - 1.0, 1.0)
    return means(n, mean, np.maximum(variance, 0.0))


def _distance(p_values: Floats) -> float:
    """The largest gap between the p-values' distribution and the uniform one."""
    ordered = np.sort(p_values)
    steps = np.arange(1, len(ordered) + 1) / len(ordered)
    return float(max((steps - ordered).max(), (ordered - steps).max() + 1 / len(steps)))
