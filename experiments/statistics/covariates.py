"""Which covariates an adjustment can use, and what it leaves unexplained."""

import math

import numpy as np

from experiments.statistics.checks import TINY
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.differences import Difference
from experiments.statistics.errors import InvalidArgument

COLLINEAR = 1e-9
"""Share of a covariate's variation that must be left when the others are known."""


def usable_columns(
    control: Moments, treatment: Moments, *, each: bool
) -> tuple[int, ...]:
    """The covariates that tell something the ones before them do not.

    Args:
        control: Moments of (y, z_1 ... z_p) in the control arm.
        treatment: The same in the treatment arm.
        each: Whether a covariate must do so in both arms, or in both together.

    Returns:
        Columns counted from 1, in order; outcomes play no part in the choice.

    Raises:
        InvalidArgument: The columns differ.
    """
    if control.mean.shape != treatment.mean.shape:
        raise InvalidArgument("treatment", "must have the control's columns")
    arms = [control.deviations, treatment.deviations]
    left = [matrix.copy() for matrix in (arms if each else [arms[0] + arms[1]])]
    start = [np.diagonal(matrix).copy() for matrix in left]
    found: list[int] = []
    for column in range(1, len(control.mean)):
        if any(
            not matrix[column, column] > max(COLLINEAR * first[column], TINY**2)
            for matrix, first in zip(left, start, strict=True)
        ):
            continue
        found.append(column)
        left = [_without(matrix, column) for matrix in left]
    return tuple(found)


def reduction(control: Moments, treatment: Moments, difference: Difference) -> float:
    """Share of the unadjusted variance that an adjustment took away, in [0, 1)."""
    before = sum(arm.sample(0).estimate().variance for arm in (control, treatment))
    if before == 0.0:
        return 0.0
    left = difference.standard_error**2 / before
    return min(max(1.0 - left, 0.0), math.nextafter(1.0, 0.0))


def residual(arm: Moments, slope: Floats) -> float:
    """Sum of squares of the outcome around a line.

    Args:
        arm: Moments of (y, z_1 ... z_p).
        slope: (p,) float64, the line's slopes; it passes through the means.

    Returns:
        At least 0; what is below the precision of the moments counts as 0.
    """
    cross = arm.deviations[1:, 0]
    left = float(arm.deviations[0, 0] - 2.0 * (slope @ cross))
    left += float(slope @ arm.deviations[1:, 1:] @ slope)
    return left if left > 1e-13 * float(arm.deviations[0, 0]) else 0.0


def inverted(matrix: Floats) -> Floats:
    """Invert the cross products of covariates, whatever their units.

    Args:
        matrix: (p, p) float64, symmetric and positive definite (`usable_columns`).
    """
    scale = 1.0 / np.sqrt(np.diagonal(matrix))
    scaled = matrix * scale[:, None] * scale
    inverse: Floats = np.linalg.inv(scaled) * scale[:, None] * scale
    return inverse


def _without(matrix: Floats, column: int) -> Floats:
    """What is left of the cross products when one column is known."""
    row = matrix[column] / math.sqrt(matrix[column, column])
    left: Floats = matrix - np.outer(row, row)
    return left
