"""Estimates of many arms at once: means, ratios, adjusted means."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.adjustment import ROUNDING, SMALL_ARM
from experiments.statistics.checks import TINY
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ratios import MINIMUM_SIGNAL

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


class Status(IntEnum):
    """Why a row could not be computed, in place of an error."""

    COMPARED = 0
    TOO_FEW_UNITS = 1
    NO_VARIATION = 2
    NOISY_DENOMINATOR = 3
    INVALID = 4


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Estimates of one arm in many analyses; see `Estimate`.

    Attributes:
        n: (k,) float64, units.
        value: (k,) float64.
        variance: (k,) float64, standard errors squared.
        status: (k,) int8, values of `Status`.
    """

    n: Floats
    value: Floats
    variance: Floats
    status: Codes


@dataclass(frozen=True, slots=True, eq=False)
class CovariedArms:
    """One outcome and one covariate per unit of one arm in many analyses.

    Attributes:
        n: (k,) float64, units.
        y: (k,) float64, means of the outcome.
        z: (k,) float64, means of the covariate.
        yy: (k,) float64, sums of squared deviations of the outcome.
        yz: (k,) float64, sums of products of deviations.
        zz: (k,) float64, sums of squared deviations of the covariate.
    """

    n: Floats
    y: Floats
    z: Floats
    yy: Floats
    yz: Floats
    zz: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Estimates of both arms in many analyses, ready to be compared.

    Attributes:
        control: (k,) float64.
        treatment: (k,) float64.
        control_variance: (k,) float64.
        treatment_variance: (k,) float64.
        covariance: (k,) float64, of the two estimates.
        variance: (k,) float64, of treatment minus control.
        degrees: (k,) float64, degrees of freedom.
        status: (k,) int8, values of `Status`.
    """

    control: Floats
    treatment: Floats
    control_variance: Floats
    treatment_variance: Floats
    covariance: Floats
    variance: Floats
    degrees: Floats
    status: Codes


def means(n: Floats, mean: Floats, variance: Floats) -> Arms:
    """Estimate many means; 0/1 values with x of n have variance x (n-x) / n / (n-1).

    Args:
        n: (k,) float64, units.
        mean: (k,) float64, means.
        variance: (k,) float64, unbiased variances of a unit's value.

    Raises:
        InvalidArgument: The shapes differ.
    """
    status = _checked(n, (mean, variance), (variance,))
    own = _cleared(status, mean, variance / np.where(n > 0, n, 1.0))
    return Arms(n, own[0], own[1], status)


def ratios(n: Floats, mean: Floats, deviations: Floats) -> Arms:
    """Estimate many ratios of two means; see `ratios.ratio`.

    Args:
        n: (k,) float64, units.
        mean: (k, 2) float64, means of numerator and denominator.
        deviations: (k, 3) float64, sums of squared deviations of the numerator, of
            products, and of squared deviations of the denominator.

    Raises:
        InvalidArgument: The shapes differ.
    """
    if mean.shape != (*n.shape, 2) or deviations.shape != (*n.shape, 3):
        raise InvalidArgument("deviations", "must have three columns, and means two")
    y, d = mean[:, 0], mean[:, 1]
    yy, yd, dd = deviations.T
    status = _checked(n, (y, d, yy, yd, dd), (yy, dd))
    scale = np.where(status == Status.COMPARED, n * (n - 1.0), 1.0)
    with np.errstate(all="ignore"):
        noisy = np.abs(d) <= MINIMUM_SIGNAL * np.sqrt(np.maximum(dd, 0.0) / scale)
        status[(status == Status.COMPARED) & (noisy | (np.abs(d) < TINY))] = (
            Status.NOISY_DENOMINATOR
        )
        value = y / d
        left = np.maximum(yy - 2.0 * value * yd + value * value * dd, 0.0)
        variance = left / d**2 / scale
    _refuse_infinite(status, value, variance)
    own = _cleared(status, value, variance)
    return Arms(n, own[0], own[1], status)


def independent(control: Arms, treatment: Arms) -> Pairs:
    """Pair arms whose units differ, as Welch does.

    Raises:
        InvalidArgument: The shapes differ.
    """
    if control.n.shape != treatment.n.shape:
        raise InvalidArgument("treatment", "must have one row per row of the control")
    status = np.where(control.status != 0, control.status, treatment.status)
    variance = control.variance + treatment.variance
    degrees = _freedom(
        (control.variance, control.n - 1.0), (treatment.variance, treatment.n - 1.0)
    )
    return Pairs(
        control=control.value,
        treatment=treatment.value,
        control_variance=control.variance,
        treatment_variance=treatment.variance,
        covariance=np.zeros_like(variance),
        variance=variance,
        degrees=degrees,
        status=status.astype(np.int8),
    )


def adjusted(control: CovariedArms, treatment: CovariedArms) -> Pairs:
    """Pair means adjusted for one covariate, as `adjustment.lin` does.

    Raises:
        InvalidArgument: The shapes differ.
    """
    arms = (control, treatment)
    plain = independent(*(means(a.n, a.y, a.yy / np.maximum(a.n - 1, 1)) for a in arms))
    status = plain.status.copy()
    for arm in arms:
        other = _checked(arm.n, (arm.z, arm.yz, arm.zz), (arm.zz,))
        status = np.where(status != 0, status, other)
    small = np.minimum(control.n, treatment.n) < SMALL_ARM
    with np.errstate(all="ignore"):
        pooled, own = _ancova(*arms), _lin(*arms)
    varied = np.where(
        small,
        control.zz + treatment.zz > TINY**2,
        (control.zz > TINY**2) & (treatment.zz > TINY**2),
    )
    status = np.where(
        (status == 0) & varied & small & _crowded(*arms), Status.TOO_FEW_UNITS, status
    ).astype(np.int8)
    use = varied & (status == Status.COMPARED)
    choices = zip(pooled, own, _parts(plain), strict=True)
    merged = [np.where(use, np.where(small, a, b), c) for a, b, c in choices]
    _refuse_infinite(status, *merged)
    values = _cleared(status, *merged)
    return Pairs(
        control=values[0],
        treatment=values[1],
        control_variance=values[2],
        treatment_variance=values[3],
        covariance=values[4],
        variance=values[5],
        degrees=values[6],
        status=status,
    )


def joined(parts: Sequence[Pairs]) -> Pairs:
    """The rows of several batches after each other.

    Raises:
        InvalidArgument: There are no parts.
    """
    if not parts:
        raise InvalidArgument("parts", "must not be empty")
    return Pairs(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Pairs)
        )
    )


def _parts(pairs: Pairs) -> tuple[Floats, ...]:
    return tuple(getattr(pairs, field.name) for field in fields(Pairs)[:-1])


def _lin(control: CovariedArms, treatment: CovariedArms) -> tuple[Floats, ...]:
    n = control.n + treatment.n
    centre, zz = _merged(control, treatment)
    spread = zz / (n - 1.0) / n
    values, variances, slopes = [], [], []
    for arm in (control, treatment):
        slope, gap = arm.yz / arm.zz, arm.z - centre
        leverage = 1.0 + arm.n * gap * gap / arm.zz
        slopes.append(slope)
        values.append(arm.y - slope * gap)
        variances.append(_left(arm, slope) / ((arm.n - 2.0) * arm.n) * leverage)
    gap = (slopes[1] - slopes[0]) ** 2
    shared = gap * spread * (gap > ROUNDING * (slopes[0] ** 2 + slopes[1] ** 2))
    degrees = _freedom(
        (variances[0], control.n - 2.0),
        (variances[1], treatment.n - 2.0),
        (shared, n - 1.0),
    )
    return (
        values[0],
        values[1],
        variances[0] + slopes[0] ** 2 * spread,
        variances[1] + slopes[1] ** 2 * spread,
        slopes[0] * slopes[1] * spread,
        variances[0] + variances[1] + shared,
        degrees,
    )


def _ancova(control: CovariedArms, treatment: CovariedArms) -> tuple[Floats, ...]:
    centre, _ = _merged(control, treatment)
    within = control.zz + treatment.zz
    slope = (control.yz + treatment.yz) / within
    tilt = (treatment.z - control.z) / within
    values, scales, parts, gaps = [], [], [], []
    for arm in (control, treatment):
        free = arm.n - 1.0 - arm.zz / within
        scale = _left(arm, slope) / free
        scales.append(scale)
        parts.append((scale * (1.0 / arm.n + tilt * tilt * arm.zz), free))
        values.append(arm.y - slope * (arm.z - centre))
        gaps.append((arm.z - centre) / within)
    noise = scales[0] * control.zz + scales[1] * treatment.zz
    return (
        values[0],
        values[1],
        scales[0] / control.n + gaps[0] ** 2 * noise,
        scales[1] / treatment.n + gaps[1] ** 2 * noise,
        gaps[0] * gaps[1] * noise,
        parts[0][0] + parts[1][0],
        _freedom(*parts),
    )


def _crowded(control: CovariedArms, treatment: CovariedArms) -> NDArray[np.bool_]:
    """Rows where an arm has not one degree of freedom left beside the slope."""
    within = np.maximum(control.zz + treatment.zz, np.finfo(np.float64).tiny)
    crowded = np.zeros(control.n.shape, dtype=np.bool_)
    for arm in (control, treatment):
        crowded |= arm.n - 1.0 - arm.zz / within < 1.0
    return crowded


def _merged(control: CovariedArms, treatment: CovariedArms) -> tuple[Floats, Floats]:
    n = control.n + treatment.n
    gap = treatment.z - control.z
    zz = control.zz + treatment.zz + gap * gap * (control.n * treatment.n / n)
    return control.z + gap * (treatment.n / n), zz


def _left(arm: CovariedArms, slope: Floats) -> Floats:
    left = arm.yy - 2.0 * slope * arm.yz + slope * slope * arm.zz
    found: Floats = np.where(left > 1e-13 * arm.yy, left, 0.0)
    return found


def _freedom(*parts: tuple[Floats, Floats]) -> Floats:
    with np.errstate(all="ignore"):
        total = np.asarray(sum(variance for variance, _ in parts))
        inverse = sum((variance / total) ** 2 / free for variance, free in parts)
        found: Floats = np.where(total > 0.0, 1.0 / np.asarray(inverse), 1.0)
    return found


def _checked(
    n: Floats, numbers: tuple[Floats, ...], sizes: tuple[Floats, ...]
) -> Codes:
    if n.ndim != 1 or any(number.shape != n.shape for number in numbers):
        raise InvalidArgument("n", "the arrays must have one row per analysis")
    status = np.where(n >= 2.0, Status.COMPARED, Status.TOO_FEW_UNITS).astype(np.int8)
    status[~np.isfinite(n)] = Status.INVALID
    _refuse_infinite(status, *numbers)
    for size in sizes:
        status[size < 0.0] = Status.INVALID
    return status


def _refuse_infinite(status: Codes, *numbers: Floats) -> None:
    """A row with an infinite number is invalid, unless it is refused already."""
    for number in numbers:
        status[~np.isfinite(number) & (status == Status.COMPARED)] = Status.INVALID


def _cleared(status: Codes, *numbers: Floats) -> tuple[Floats, ...]:
    """Zeros where a row is not computed."""
    return tuple(np.where(status == Status.COMPARED, n, 0.0) for n in numbers)
