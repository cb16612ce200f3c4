"""Summaries of one arm, and what they say about its mean or ratio."""

import math
from dataclasses import dataclass

from experiments.statistics.checks import count, finite
from experiments.statistics.errors import InvalidArgument, TooFewUnits


@dataclass(frozen=True, slots=True)
class Estimate:
    """An arm's estimated value and how uncertain it is.

    Attributes:
        n: Units behind it.
        value: The estimate, in the metric's unit.
        variance: Variance of the estimate (its standard error squared).

    Raises:
        TooFewUnits: `n` is below 2.
        InvalidArgument: A number is not finite, or `variance` is negative.
    """

    n: int
    value: float
    variance: float

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        if self.n < 2:
            raise TooFewUnits("n", f"needs at least 2 units, not {self.n}")
        finite("value", self.value)
        if finite("variance", self.variance) < 0.0:
            raise InvalidArgument("variance", "must not be negative")

    @property
    def standard_error(self) -> float:
        """Standard error of the estimate, in the metric's unit."""
        return math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value per unit, summarised by centred moments.

    Attributes:
        n: Units in the arm.
        mean: Mean of the units' values, in the metric's unit.
        deviations: Sum of squared deviations from the mean.

    Raises:
        InvalidArgument: A number is not finite, or `n` or `deviations` is negative.
    """

    n: int
    mean: float
    deviations: float

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        count("n", self.n)
        finite("mean", self.mean)
        if finite("deviations", self.deviations) < 0.0:
            raise InvalidArgument("deviations", "must not be negative")

    @property
    def variance(self) -> float:
        """Unbiased variance of a unit's value.

        Raises:
            TooFewUnits: The arm has fewer than two units.
        """
        if self.n < 2:
            raise TooFewUnits("n", f"needs at least 2 units, not {self.n}")
        return self.deviations / (self.n - 1)

    def estimate(self) -> Estimate:
        """Estimate the mean.

        Raises:
            TooFewUnits: The arm has fewer than two units.
        """
        return Estimate(n=self.n, value=self.mean, variance=self.variance / self.n)


@dataclass(frozen=True, slots=True)
class PairSample:
    """A numerator y and a denominator d per unit, summarised by centred moments.

    Attributes:
        n: Units in the arm.
        numerator: Mean of y.
        denominator: Mean of d.
        numerator_deviations: Sum of squared deviations of y.
        denominator_deviations: Sum of squared deviations of d.
        products: Sum of products of the deviations of y and d.

    Raises:
        InvalidArgument: A number is not finite, or a sum of squares is negative.
    """

    n: int
    numerator: float
    denominator: float
    numerator_deviations: float
    denominator_deviations: float
    products: float

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        count("n", self.n)
        for name in ("numerator", "denominator", "products"):
            finite(name, getattr(self, name))
        for name in ("numerator_deviations", "denominator_deviations"):
            if finite(name, getattr(self, name)) < 0.0:
                raise InvalidArgument(name, "must not be negative")
