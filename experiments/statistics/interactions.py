"""Whether one experiment's effect depends on the variant of another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from experiments.statistics.checks import finite, fraction
from experiments.statistics.differences import (
    Difference,
    Method,
    student_difference,
)
from experiments.statistics.errors import InvalidArgument, NoVariation
from experiments.statistics.samples import Estimate
from experiments.statistics.tails import Tail

Cells = Sequence[Sequence[Estimate]]
"""Estimates by variant of the one experiment and of the other, controls first."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One test of whether two experiments' effects simply add up.

    Attributes:
        values: By variant of each but the controls: the effect beside the other's
            variant less the effect beside its control.
        statistic: Wald's chi-square over all of them.
        degrees: How many there are.
        p_value: In (0, 1]; of Student's t where each experiment has two arms.
        difference: With two arms each, the interaction with its interval; else None.
    """

    values: tuple[tuple[float, ...], ...]
    statistic: float
    degrees: int
    p_value: float
    difference: Difference | None


def interaction(cells: Cells, *, confidence: float) -> Interaction:
    """Test whether two experiments on the same units interact.

    Args:
        cells: (r, c) estimates of one metric by variant of both, each with its own
            units, the controls in row 0 and column 0.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        NoVariation: In too many cells no unit differs from another.
        InvalidArgument: There are fewer than two rows or columns, rows differ in
            length, a number is too large, or `confidence` is not in (0, 1).

    Reference:
        R. Kohavi, D. Tang, Y. Xu (2020), "Trustworthy Online Controlled Experiments",
        chapter 4; D. R. Cox (1984), "Interaction", International Statistical Review 52.
    """
    fraction("confidence", confidence)
    rows, columns = len(cells), len(cells[0]) if cells else 0
    if rows < 2 or columns < 2 or any(len(row) != columns for row in cells):
        raise InvalidArgument("cells", "must be a table of at least two by two")
    contrasts = np.kron(_against_first(rows), _against_first(columns))
    flat = [cell for row in cells for cell in row]
    values = contrasts @ np.array([cell.value for cell in flat])
    spread = (contrasts * np.array([cell.variance for cell in flat])) @ contrasts.T
    if np.linalg.matrix_rank(spread) < len(values):
        raise NoVariation("cells", "no unit differs from another in too many cells")
    statistic = finite("cells", float(values @ np.linalg.solve(spread, values)))
    degrees = (rows - 1) * (columns - 1)
    difference = _two_by_two(flat, confidence) if degrees == 1 else None
    p_value = float(chdtrc(degrees, statistic))
    return Interaction(
        values=tuple(
            tuple(float(value) for value in row)
            for row in values.reshape(rows - 1, columns - 1)
        ),
        statistic=statistic,
        degrees=degrees,
        p_value=Tail.floored(p_value) if difference is None else difference.p_value,
        difference=difference,
    )


def _against_first(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.column_stack([-np.ones(size - 1), np.eye(size - 1)])


def _two_by_two(cells: Sequence[Estimate], confidence: float) -> Difference:
    signs = (1.0, -1.0, -1.0, 1.0)
    variance = sum(cell.variance for cell in cells)
    inverse = sum((cell.variance / variance) ** 2 / (cell.n - 1) for cell in cells)
    return student_difference(
        sum(sign * cell.value for sign, cell in zip(signs, cells, strict=True)),
        variance**0.5,
        degrees=1.0 / inverse,
        confidence=confidence,
        method=Method.WELCH,
    )
