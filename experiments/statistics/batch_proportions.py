"""Many pairs of proportions in one pass: Welch where counts allow, else the score."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from experiments.statistics.batch import Comparisons, LiftCode, compare_many
from experiments.statistics.batch_arms import Arms, Floats, Status, independent, means
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.proportions import MINIMUM_CELL
from experiments.statistics.tails import Tail

STEPS = 100
"""Halvings of the range in which an end of a score interval is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Units of one arm in many analyses, and how many of them did it.

    Attributes:
        n: (k,) float64, whole numbers.
        successes: (k,) float64, whole numbers in [0, n].

    Raises:
        InvalidArgument: The shapes differ.
    """

    n: Floats
    successes: Floats

    def __post_init__(self) -> None:
        """Refuse what cannot be lined up."""
        if self.n.ndim != 1 or self.n.shape != self.successes.shape:
            raise InvalidArgument("successes", "must have one entry per row of n")

    def arms(self) -> Arms:
        """The same arms as values of 0 and 1."""
        n = np.where(self.n > 1.0, self.n, 2.0)
        variance = self.successes * (n - self.successes) / n / (n - 1.0)
        return means(self.n, self.successes / n, variance)

    def rows(self, index: NDArray[np.intp]) -> "Counts":
        """Some of the rows."""
        return Counts(self.n[index], self.successes[index])


def compare_proportions(
    control: Counts, treatment: Counts, *, confidence: float | Floats
) -> Comparisons:
    """Compare every pair of proportions, each as `proportions.compare` would.

    Args:
        control: Control arms, (k,).
        treatment: Treatment arms, (k,).
        confidence: Coverage of the intervals, in (0, 1); one number, or (k,) float64.

    Returns:
        One row per pair. Rows by the score have degrees of 0 and no lift.

    Raises:
        InvalidArgument: The shapes differ, or `confidence` is not in (0, 1).
    """
    found = compare_many(
        independent(control.arms(), treatment.arms()), confidence=confidence
    )
    valid = np.ones(found.status.shape, dtype=np.bool_)
    cells = np.full(found.status.shape, np.inf)
    for arm in (control, treatment):
        valid &= np.isfinite(arm.n) & (arm.successes >= 0.0)
        valid &= (arm.n >= 1.0) & (arm.successes <= arm.n)
        cells = np.minimum(cells, np.minimum(arm.successes, arm.n - arm.successes))
    few = np.flatnonzero(valid & (cells < MINIMUM_CELL))
    level = np.broadcast_to(np.asarray(confidence, dtype=np.float64), valid.shape)
    return _with_scores(
        found, few, control.rows(few), treatment.rows(few), 1.0 - level[few]
    )


def _with_scores(
    found: Comparisons,
    few: NDArray[np.intp],
    control: Counts,
    treatment: Counts,
    alpha: Floats,
) -> Comparisons:
    if few.size == 0:
        return found
    critical = -ndtri(alpha / 2.0)
    value = treatment.successes / treatment.n - control.successes / control.n
    error = _restricted_error(control, treatment, np.zeros_like(value))
    statistic = np.where(error > 0.0, value / np.where(error > 0.0, error, 1.0), 0.0)
    log_p = np.minimum(np.log(2.0) + log_ndtr(-np.abs(statistic)), 0.0)
    zeros = np.zeros_like(value)
    columns = {
        "status": zeros + Status.COMPARED,
        "value": value,
        "standard_error": error,
        "statistic": statistic,
        "degrees": zeros,
        "critical": critical,
        "low": _ends(control, treatment, value, -1.0, critical),
        "high": _ends(control, treatment, value, 1.0, critical),
        "p_value": np.maximum(np.exp(log_p), Tail.floored(0.0)),
        "log_p_value": log_p,
        "lift_status": zeros + LiftCode.NOT_STATED,
        "lift": zeros,
        "lift_low": zeros,
        "lift_high": zeros,
    }
    changed = {}
    for name, rows in columns.items():
        column = getattr(found, name).copy()
        column[few] = rows
        changed[name] = column
    return replace(found, **changed)


def _ends(
    control: Counts, treatment: Counts, value: Floats, limit: float, critical: Floats
) -> Floats:
    """The differences, between value and limit, at which the test just rejects."""
    inside, outside = value.copy(), np.full_like(value, limit)
    for _ in range(STEPS):
        middle = (inside + outside) / 2.0
        error = _restricted_error(control, treatment, middle)
        kept = np.abs(value - middle) <= critical * error
        inside = np.where(kept, middle, inside)
        outside = np.where(kept, outside, middle)
    return (inside + outside) / 2.0


def _restricted_error(control: Counts, treatment: Counts, difference: Floats) -> Floats:
    """Standard errors if the differences truly were these; see `proportions.score`."""
    first = _restricted_share(control, treatment, difference)
    second = np.clip(first + difference, 0.0, 1.0)
    variance = first * (1.0 - first) / control.n
    variance += second * (1.0 - second) / treatment.n
    total = control.n + treatment.n
    error: Floats = np.sqrt(np.maximum(variance, 0.0) * total / (total - 1.0))
    return error


def _restricted_share(control: Counts, treatment: Counts, difference: Floats) -> Floats:
    total = control.n + treatment.n
    events = control.successes + treatment.successes
    squared = (treatment.n + 2.0 * control.n) * difference - total - events
    linear = (control.n * difference - total - 2.0 * control.successes) * difference
    linear = linear + events
    constant = control.successes * difference * (1.0 - difference)
    shift = squared / (3.0 * total)
    half = shift**3 - squared * linear / (6.0 * total**2) + constant / (2.0 * total)
    radius = np.sqrt(np.maximum(shift**2 - linear / (3.0 * total), 0.0))
    radius = np.copysign(radius, half)
    cube = np.where(radius != 0.0, radius**3, 1.0)
    cosine = np.where(radius != 0.0, half / cube, 0.0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3.0
    share = 2.0 * radius * np.cos(angle) - shift
    share = np.maximum(np.maximum(share, 0.0), -difference)
    found: Floats = np.minimum(np.minimum(share, 1.0), 1.0 - difference)
    return found
