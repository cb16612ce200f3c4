"""Whether what was shipped adds up to what a holdout lacks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.statistics.differences import Difference, Method, normal_difference
from experiments.statistics.errors import TooFewUnits
from experiments.statistics.heterogeneity import Effect
from experiments.statistics.ranges import size


@dataclass(frozen=True, slots=True)
class HoldoutCheck:
    """The effects of shipped experiments beside the one that a holdout measures.

    Attributes:
        claimed: Sum of the effects as they were estimated.
        expected: The same after each is shrunk: what they together should be.
        measured: What the holdout measures: everybody else minus the held out.
        gap: Measured minus expected; below 0 where the winners promised too much.
    """

    claimed: float
    expected: Effect
    measured: Effect
    gap: Difference


def shrunken(effect: Effect, *, deviation: float) -> Effect:
    """What to expect of an effect, given how large effects usually are.

    Args:
        effect: As an experiment estimated it.
        deviation: Standard deviation of true effects over many experiments, above 0,
            in the effect's unit; their mean is taken for 0.

    Raises:
        InvalidArgument: `deviation` is out of range.

    Reference:
        A. Gelman and others (2013), "Bayesian Data Analysis", 3rd edition, section
        2.5: the normal model with known variance.

    Example:
        >>> found = shrunken(Effect(0.3, 0.01), deviation=0.1)
        >>> round(found.value, 6), round(found.variance, 6)
        (0.15, 0.005)
    """
    prior = size("deviation", deviation) ** 2
    share = prior / (prior + effect.variance)
    return Effect(share * effect.value, share * effect.variance)


def check_holdout(
    shipped: Sequence[Effect],
    measured: Effect,
    *,
    deviation: float,
    confidence: float,
) -> HoldoutCheck:
    """Compare what shipped experiments promised with what a holdout measures.

    Winners are chosen for their estimates, so these are too large on average; shrunk by
    a right prior they are not, however they were chosen. Effects are taken to add up,
    and to last.

    Args:
        shipped: The effect of each shipped experiment on the metric, per unit.
        measured: The holdout's difference in the same metric, per unit.
        deviation: As in `shrunken`.
        confidence: Coverage of the gap's interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: Nothing was shipped.
        InvalidArgument: `deviation` is out of range, or `confidence` not in (0, 1).

    Reference:
        B. Efron (2011), "Tweedie's formula and selection bias", JASA 106.
    """
    if not shipped:
        raise TooFewUnits("shipped", "needs at least one shipped experiment")
    parts = [shrunken(each, deviation=deviation) for each in shipped]
    expected = Effect(
        math.fsum(part.value for part in parts),
        math.fsum(part.variance for part in parts),
    )
    gap = normal_difference(
        measured.value - expected.value,
        math.sqrt(measured.variance + expected.variance),
        confidence=confidence,
        method=Method.NORMAL,
    )
    claimed = math.fsum(each.value for each in shipped)
    return HoldoutCheck(claimed, expected, measured, gap)
