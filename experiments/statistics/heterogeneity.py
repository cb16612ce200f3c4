"""Whether an effect differs between segments."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

from experiments.statistics.checks import finite
from experiments.statistics.differences import Difference
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.samples import Estimate
from experiments.statistics.tails import Tail


@dataclass(frozen=True, slots=True)
class Effect:
    """Treatment minus control in one segment.

    Attributes:
        value: The effect.
        variance: Its standard error squared, above 0.

    Raises:
        NoVariation: `variance` is 0.
        InvalidArgument: A number is not finite, or `variance` is negative.
    """

    value: float
    variance: float

    def __post_init__(self) -> None:
        """Refuse what no segment can have."""
        finite("value", self.value)
        if finite("variance", self.variance) < 0.0:
            raise InvalidArgument("variance", "must not be negative")
        if self.variance == 0.0:
            raise NoVariation("variance", "no unit of the segment differs from another")

    @classmethod
    def of(cls, difference: Difference) -> "Effect":
        """The effect that a comparison found."""
        return cls(difference.value, difference.standard_error**2)

    @classmethod
    def between(cls, control: Estimate, treatment: Estimate) -> "Effect":
        """The effect between two independent estimates."""
        return cls(
            treatment.value - control.value, control.variance + treatment.variance
        )


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """One test of whether an effect is the same in every segment.

    Attributes:
        statistic: Cochran's Q.
        degrees: Segments less one.
        p_value: In (0, 1]; 2.2e-308 stands for anything smaller.
        common: The effect, weighted by precision, were it the same everywhere.
        common_error: Standard error of `common`.
        share: I squared: the part of the effects' variation that chance does not
            explain, in [0, 1).
    """

    statistic: float
    degrees: int
    p_value: float
    common: float
    common_error: float
    share: float


def heterogeneity(effects: Sequence[Effect]) -> Heterogeneity:
    """Test whether segments differ in their effects, by one question for all of them.

    It is the Wald test of the interaction with robust errors (HC2). Only where it is
    significant are single segments worth reading.

    Args:
        effects: (k,) effects of segments that share no unit.

    Raises:
        TooFewUnits: There are fewer than two segments.
        InvalidArgument: An effect is too far out to be squared.

    Reference:
        W. G. Cochran (1954), "The combination of estimates from different experiments",
        Biometrics 10; J. P. T. Higgins, S. G. Thompson (2002), "Quantifying
        heterogeneity in a meta-analysis", Statistics in Medicine 21.

    Example:
        >>> found = heterogeneity([Effect(0.1, 0.01), Effect(0.5, 0.01)])
        >>> round(found.statistic, 3), round(found.p_value, 4), round(found.share, 3)
        (8.0, 0.0047, 0.875)
    """
    if len(effects) < 2:
        raise TooFewUnits("effects", "needs at least two segments")
    weights = [1.0 / effect.variance for effect in effects]
    total = finite("effects", sum(weights))
    pairs = list(zip(weights, effects, strict=True))
    common = sum(weight * effect.value for weight, effect in pairs) / total
    statistic = sum(weight * (effect.value - common) ** 2 for weight, effect in pairs)
    degrees = len(effects) - 1
    excess = finite("effects", statistic) - degrees
    return Heterogeneity(
        statistic=statistic,
        degrees=degrees,
        p_value=Tail.floored(float(chdtrc(degrees, statistic))),
        common=common,
        common_error=math.sqrt(1.0 / total),
        share=max(excess / statistic, 0.0) if statistic > 0.0 else 0.0,
    )
