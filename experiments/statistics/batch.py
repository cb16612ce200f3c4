"""Many comparisons in one pass: every metric, arm and segment at once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.batch_arms import Floats, Pairs, Status
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.student import critical_values, two_sided


class LiftCode(IntEnum):
    """Whether a row's relative difference can be stated."""

    NOT_STATED = 0
    BOUNDED = 1
    BASELINE_TOO_NOISY = 2


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Treatment minus control in many analyses; see `Difference` and `Lift`.

    A row that could not be computed has a status other than COMPARED, p of 1 and zeros
    elsewhere.

    Attributes:
        status: (k,) int8, values of `Status`.
        value: (k,) float64.
        standard_error: (k,) float64.
        statistic: (k,) float64.
        degrees: (k,) float64; 0 where the normal distribution was used.
        critical: (k,) float64.
        low: (k,) float64.
        high: (k,) float64.
        p_value: (k,) float64, in (0, 1].
        log_p_value: (k,) float64.
        lift_status: (k,) int8, values of `LiftCode`.
        lift: (k,) float64; 0 unless BOUNDED, as are its ends.
        lift_low: (k,) float64.
        lift_high: (k,) float64.
    """

    status: NDArray[np.int8]
    value: Floats
    standard_error: Floats
    statistic: Floats
    degrees: Floats
    critical: Floats
    low: Floats
    high: Floats
    p_value: Floats
    log_p_value: Floats
    lift_status: NDArray[np.int8]
    lift: Floats
    lift_low: Floats
    lift_high: Floats


def compare_many(pairs: Pairs, *, confidence: float | Floats) -> Comparisons:
    """Compare every pair of arms, each as the function for one pair would.

    Args:
        pairs: Estimates of both arms, (k,), from `independent`, `adjusted` or `joined`.
        confidence: Coverage of the intervals, in (0, 1); one number, or (k,) float64.

    Returns:
        One row per pair; no row raises, see `Comparisons.status`.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1) or of another length.
    """
    alpha = _alpha(confidence, len(pairs.status))
    status = pairs.status.copy()
    status[(status == Status.COMPARED) & (pairs.variance <= 0.0)] = Status.NO_VARIATION
    ready = status == Status.COMPARED
    degrees = np.where(ready, pairs.degrees, 1e9)
    error = np.sqrt(np.where(ready, pairs.variance, 1.0))
    critical = critical_values(degrees, alpha)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        value = pairs.treatment - pairs.control
        statistic = value / error
        low, high = value - critical * error, value + critical * error
    for number in (error, statistic, low, high):
        status[ready & ~np.isfinite(number)] = Status.INVALID
    done = status == Status.COMPARED
    p_value, log_p_value = two_sided(np.where(done, statistic, 0.0), degrees)
    lifts = _lifts(pairs, done, critical)
    return Comparisons(
        status=status,
        value=np.where(done, value, 0.0),
        standard_error=np.where(done, error, 0.0),
        statistic=np.where(done, statistic, 0.0),
        degrees=np.where(done, degrees, 0.0),
        critical=np.where(done, critical, 0.0),
        low=np.where(done, low, 0.0),
        high=np.where(done, high, 0.0),
        p_value=p_value,
        log_p_value=log_p_value,
        lift_status=lifts[0],
        lift=lifts[1],
        lift_low=lifts[2],
        lift_high=lifts[3],
    )


def joined_comparisons(parts: Sequence[Comparisons]) -> Comparisons:
    """The rows of several batches after each other.

    Raises:
        InvalidArgument: There are no parts.
    """
    if not parts:
        raise InvalidArgument("parts", "must not be empty")
    return Comparisons(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Comparisons)
        )
    )


def _alpha(confidence: float | Floats, rows: int) -> Floats:
    alpha = 1.0 - np.asarray(confidence, dtype=np.float64)
    if alpha.ndim > 0 and alpha.shape != (rows,):
        raise InvalidArgument("confidence", "must have one entry per pair")
    if not ((alpha > 0.0) & (alpha < 1.0)).all():
        raise InvalidArgument("confidence", "must lie between 0 and 1")
    found: Floats = np.broadcast_to(alpha, (rows,))
    return found


def _lifts(
    pairs: Pairs, done: NDArray[np.bool_], critical: Floats
) -> tuple[NDArray[np.int8], Floats, Floats, Floats]:
    """Fieller's interval of every row; see `relative.fieller`."""
    baseline = np.where(done, np.abs(pairs.control), 0.0)
    with np.errstate(all="ignore"):
        noise = critical * np.sqrt(pairs.control_variance)
        share = noise / baseline
        base = share * share
        ratio = pairs.treatment / pairs.control
        own = critical * np.sqrt(pairs.treatment_variance) / baseline
        shared = critical * critical * pairs.covariance / (noise * baseline)
        shared = np.where(pairs.covariance == 0.0, 0.0, shared)
        shared = np.where(noise == 0.0, 0.0, shared)
        left = np.sqrt(np.maximum(own * own - shared * shared, 0.0))
        alone = np.where(shared == 0.0, own, left) * np.sqrt(1.0 - base)
        spread = np.hypot(alone, ratio * share - shared)
        centre = ratio - shared * share
        first = (centre - spread) / (1.0 - base) - 1.0
        second = (centre + spread) / (1.0 - base) - 1.0
        value = (pairs.treatment - pairs.control) / baseline
    turned = pairs.control < 0.0
    low, high = np.where(turned, -second, first), np.where(turned, -first, second)
    bounded = done & (noise < baseline) & (base != 1.0)
    bounded &= np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    codes = np.where(bounded, LiftCode.BOUNDED, LiftCode.BASELINE_TOO_NOISY)
    status = np.where(done, codes, LiftCode.NOT_STATED).astype(np.int8)
    return (
        status,
        np.where(bounded, value, 0.0),
        np.where(bounded, low, 0.0),
        np.where(bounded, high, 0.0),
    )
