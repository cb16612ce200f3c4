"""Sums of products of many columns: exact as integers, centred as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.checks import LIMIT, count, moderate
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.samples import PairSample, Sample

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Centred moments of m columns over one arm; column 0 is the outcome.

    Attributes:
        n: Units in the arm.
        mean: (m,) float64, means.
        deviations: (m, m) float64, sums of products of deviations from the means.

    Raises:
        InvalidArgument: The shapes differ, a number is not finite or too large to be
            squared, or a column has a negative sum of squares.
    """

    n: int
    mean: Floats
    deviations: Floats

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        count("n", self.n)
        columns = self.mean.shape[0] if self.mean.ndim == 1 else 0
        if columns == 0 or self.deviations.shape != (columns, columns):
            raise InvalidArgument("deviations", "must be square, a row per mean")
        moderate("mean", self.mean)
        if not np.abs(self.deviations).max() <= LIMIT**2:
            raise InvalidArgument("deviations", "must hold finite numbers up to 1e200")
        if self.deviations.diagonal().min() < 0.0:
            raise InvalidArgument("deviations", "must not be negative on the diagonal")

    @classmethod
    def of(cls, values: Floats) -> "Moments":
        """Summarise unit values in one pass.

        Args:
            values: (n, m) float64, one row per unit, the outcome first.

        Raises:
            TooFewUnits: There are no rows.
            InvalidArgument: A value is not finite.
        """
        if values.ndim != 2 or values.shape[0] == 0:
            raise TooFewUnits("values", "there are no units yet")
        mean = moderate("values", values).mean(axis=0)
        centred = values - mean
        return cls(n=values.shape[0], mean=mean, deviations=centred.T @ centred)

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both groups of units together.

        Raises:
            InvalidArgument: The columns differ in number.

        Reference:
            T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms for computing
            the sample variance", The American Statistician 37.
        """
        if other.mean.shape != self.mean.shape:
            raise InvalidArgument("other", "must have the same columns")
        n = self.n + other.n
        if n == 0:
            return self
        gap = other.mean - self.mean
        return Moments(
            n=n,
            mean=self.mean + gap * (other.n / n),
            deviations=self.deviations
            + other.deviations
            + gap[:, None] * gap * (self.n * other.n / n),
        )

    def select(self, columns: Sequence[int]) -> "Moments":
        """The moments of some columns, in the order asked for."""
        index = np.asarray(columns, dtype=np.intp)
        return Moments(self.n, self.mean[index], self.deviations[np.ix_(index, index)])

    def transform(self, weights: Floats) -> "Moments":
        """The moments of weighted sums of the columns.

        Args:
            weights: (k, m) float64, one row per new column.
        """
        deviations = weights @ self.deviations @ weights.T
        diagonal = np.diagonal(deviations)
        np.fill_diagonal(deviations, np.maximum(diagonal, 0.0))
        return Moments(self.n, weights @ self.mean, deviations)

    def sample(self, column: int) -> Sample:
        """One column as a sample of its own."""
        return Sample(
            n=self.n,
            mean=float(self.mean[column]),
            deviations=float(self.deviations[column, column]),
        )

    def pair(self) -> PairSample:
        """Columns 0 and 1 as numerator and denominator of a ratio."""
        return PairSample(
            n=self.n,
            numerator=float(self.mean[0]),
            denominator=float(self.mean[1]),
            numerator_deviations=float(self.deviations[0, 0]),
            denominator_deviations=float(self.deviations[1, 1]),
            products=float(self.deviations[0, 1]),
        )


@dataclass(frozen=True, slots=True)
class CrossProducts:
    """Exact sums and sums of products of one arm; column 0 is the outcome.

    They add and retract exactly in any order.

    Attributes:
        n: Units in the arm.
        totals: (m,) sums of each column, in its steps.
        products: (m, m) symmetric sums of products of two columns, in both their steps.
        steps: (m,) steps in one unit of each column; 1 for a count or an indicator.

    Raises:
        InvalidArgument: `n` is negative, a number of steps is not positive, or the
            shapes do not fit.
    """

    n: int
    totals: tuple[int, ...]
    products: tuple[tuple[int, ...], ...]
    steps: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        count("n", self.n)
        columns = len(self.totals)
        if columns == 0 or len(self.steps) != columns:
            raise InvalidArgument("steps", "must have one entry per column")
        if any(step < 1 for step in self.steps):
            raise InvalidArgument("steps", "must be at least 1")
        rows = self.products
        if len(rows) != columns or any(len(row) != columns for row in rows):
            raise InvalidArgument("products", "must be square, a row per column")
        if any(
            rows[i][j] != rows[j][i] for i in range(columns) for j in range(i, columns)
        ):
            raise InvalidArgument("products", "must be symmetric")

    @classmethod
    def of(cls, values: NDArray[np.int64], *, steps: Sequence[int]) -> "CrossProducts":
        """Sum unit values exactly.

        Args:
            values: (n, m) int64, one row per unit in steps, the outcome first.
            steps: (m,) steps in one unit of each column.
        """
        exact = values.astype(object)
        products = exact.T @ exact
        return cls(
            n=values.shape[0],
            totals=tuple(int(total) for total in exact.sum(axis=0)),
            products=tuple(tuple(int(cell) for cell in row) for row in products),
            steps=tuple(steps),
        )

    def __add__(self, other: "CrossProducts") -> "CrossProducts":
        """Both groups of units together."""
        return self._combined(other, 1)

    def __sub__(self, other: "CrossProducts") -> "CrossProducts":
        """What is left when some units are taken out."""
        return self._combined(other, -1)

    def without(self, columns: Sequence[int]) -> "CrossProducts":
        """Drop columns; without its indicator, a level becomes part of 'other'.

        Raises:
            InvalidArgument: Column 0 or one that does not exist is named.
        """
        dropped = set(columns)
        if not dropped <= set(range(1, len(self.totals))):
            raise InvalidArgument("columns", "must name covariates that exist")
        kept = [i for i in range(len(self.totals)) if i not in dropped]
        return CrossProducts(
            n=self.n,
            totals=tuple(self.totals[i] for i in kept),
            products=tuple(tuple(self.products[i][j] for j in kept) for i in kept),
            steps=tuple(self.steps[i] for i in kept),
        )

    def centred(self) -> Moments:
        """Centred moments, each number formed exactly and rounded once.

        Raises:
            TooFewUnits: There are no units.
            InvalidArgument: No values have these sums, or one is too large.
        """
        if self.n == 0:
            raise TooFewUnits("n", "there are no units yet")
        size = len(self.totals)
        deviations = np.empty((size, size))
        exact = [
            [self.n * self.products[i][j] - a * b for j, b in enumerate(self.totals)]
            for i, a in enumerate(self.totals)
        ]
        for i in range(size):
            for j in range(i, size):
                if exact[i][j] ** 2 > exact[i][i] * exact[j][j] or exact[i][i] < 0:
                    raise InvalidArgument("products", "no values have these sums")
                scale = self.n * self.steps[i] * self.steps[j]
                deviations[i, j] = deviations[j, i] = _quotient(exact[i][j], scale)
        mean = [
            _quotient(total, self.n * step)
            for total, step in zip(self.totals, self.steps, strict=True)
        ]
        return Moments(self.n, np.array(mean), deviations)

    def _combined(self, other: "CrossProducts", sign: int) -> "CrossProducts":
        if other.steps != self.steps:
            raise InvalidArgument("other", "must have the same columns and steps")
        return CrossProducts(
            n=self.n + sign * other.n,
            totals=tuple(
                a + sign * b for a, b in zip(self.totals, other.totals, strict=True)
            ),
            products=tuple(
                tuple(a + sign * b for a, b in zip(mine, theirs, strict=True))
                for mine, theirs in zip(self.products, other.products, strict=True)
            ),
            steps=self.steps,
        )


def rare_levels(
    arms: Sequence[CrossProducts], levels: Sequence[int], *, minimum: int
) -> tuple[int, ...]:
    """The indicator columns with too few units in some arm, to be folded into 'other'.

    Args:
        arms: Every arm, with the same columns.
        levels: Columns of 0 and 1 that may be folded.
        minimum: Units that a level needs in each arm.

    Returns:
        Columns for `CrossProducts.without`; counts decide, never outcomes.
    """
    return tuple(
        level
        for level in levels
        if any(arm.totals[level] < minimum * arm.steps[level] for arm in arms)
    )


def _quotient(numerator: int, denominator: int) -> float:
    try:
        return numerator / denominator
    except OverflowError as error:
        raise InvalidArgument("totals", "too large for a number") from error
