"""Effects weighted by how many units each stratum holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.statistics.checks import fraction
from experiments.statistics.differences import Difference, Method, student_difference
from experiments.statistics.errors import NoVariation, TooFewUnits
from experiments.statistics.relative import Lift, fieller
from experiments.statistics.samples import Estimate, Sample

Stratum = tuple[Sample, Sample]
"""Control and treatment of one stratum."""


@dataclass(frozen=True, slots=True)
class Stratified:
    """Two arms compared as if both had the strata of all units together.

    Attributes:
        difference: Treatment minus control, its interval and its test.
        control: The control's weighted mean.
        treatment: The treatment's weighted mean.
        covariance: Covariance of the two means, through the shares of the strata.
    """

    difference: Difference
    control: Estimate
    treatment: Estimate
    covariance: float

    def lift(self) -> Lift:
        """The relative difference, which agrees with `difference`."""
        return fieller(
            self.control,
            self.treatment,
            critical=self.difference.critical,
            covariance=self.covariance,
        )


def post_stratified(strata: Sequence[Stratum], *, confidence: float) -> Stratified:
    """Compare two means within strata, weighted by all units of each stratum.

    The shares of the strata are themselves a sample of a population, which adds the
    variance of the effects between strata, divided by the units.

    Args:
        strata: (k,) control and treatment by stratum; strata must have been known
            before exposure.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: There is no stratum, or one has fewer than two units in an arm.
        NoVariation: In no stratum does any unit differ from another.
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        L. W. Miratrix, J. S. Sekhon, B. Yu (2013), "Adjusting treatment effect
        estimates by post-stratification in randomized experiments", JRSS B 75.
    """
    fraction("confidence", confidence)
    if not strata:
        raise TooFewUnits("strata", "needs at least one stratum")
    cells = [(low.estimate(), high.estimate()) for low, high in strata]
    n = sum(low.n + high.n for low, high in strata)
    shares = [(low.n + high.n) / n for low, high in strata]
    pairs = list(zip(shares, cells, strict=True))
    means = [sum(share * cell[arm].value for share, cell in pairs) for arm in (0, 1)]
    parts = [
        (share**2 * cell[arm].variance, cell[arm].n - 1.0)
        for share, cell in pairs
        for arm in (0, 1)
    ]
    gaps = [[cell[arm].value - means[arm] for arm in (0, 1)] for cell in cells]
    spread = [
        sum(share * gap[i] * gap[j] for share, gap in zip(shares, gaps, strict=True))
        / n
        for i, j in ((0, 0), (1, 1), (0, 1))
    ]
    between = max(spread[0] + spread[1] - 2.0 * spread[2], 0.0)
    parts.append((between, n - 1.0))
    total = sum(variance for variance, _ in parts)
    if total == 0.0:
        raise NoVariation("strata", "no unit differs from another within a stratum")
    difference = student_difference(
        means[1] - means[0],
        math.sqrt(total),
        degrees=1.0 / sum((variance / total) ** 2 / each for variance, each in parts),
        confidence=confidence,
        method=Method.POST_STRATIFIED,
    )
    within = [
        sum(share**2 * cell[arm].variance for share, cell in pairs) for arm in (0, 1)
    ]
    counts = [sum(stratum[arm].n for stratum in strata) for arm in (0, 1)]
    return Stratified(
        difference=difference,
        control=Estimate(counts[0], means[0], within[0] + spread[0]),
        treatment=Estimate(counts[1], means[1], within[1] + spread[1]),
        covariance=spread[2],
    )
