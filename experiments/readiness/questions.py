"""What a power analysis asks: a baseline, an effect, and the test that shows it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from experiments.errors import DesignInvalid
from experiments.plan import StoppingRule
from experiments.statistics.factors import clustering_factor
from experiments.statistics.widening import widened_variance

USUAL_LOOKS = 14
"""Where nobody knows how long it takes."""
MAX_ARMS = 20


class Widening(StrEnum):
    """What a treatment that moves the mean does to how much units vary."""

    AMOUNTS = "AMOUNTS"
    COUNTS = "COUNTS"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a unit's value is like before the experiment."""

    mean: float
    variance: float
    """Of a unit's value; a share's own, where it is one."""
    binary: bool
    level: float = 0.0
    """What an effect is a share of, which multiplies what units do: the mean size of
    their values. 0: an effect shifts values, and both arms vary alike."""
    counted: float = 0.0
    """The part of the variance that comes of counting single events."""

    @classmethod
    def assumed(cls, mean: float, variance: float, widening: Widening) -> "Baseline":
        """One that is given by hand, of values from 0 up; else say NONE."""
        level = 0.0 if widening is Widening.NONE else abs(mean)
        counted = level if widening is Widening.COUNTS else 0.0
        return cls(mean, variance, binary=False, level=level, counted=counted)

    def moved(self, effect: float) -> float:
        """The variance in the arm whose mean has moved by an effect."""
        if self.binary:
            mean = self.mean + effect
            return mean * (1 - mean)
        if self.level <= 0:
            return self.variance
        return widened_variance(
            variance=self.variance,
            effect=math.copysign(effect, effect * self.mean),
            level=self.level,
            counted=self.counted,
        )


@dataclass(frozen=True, slots=True)
class Clusters:
    """Units of measurement inside those that are randomised."""

    size: float
    """Mean number in one."""
    variation: float = 0.0
    """Standard deviation of the number over its mean."""
    correlation: float = 0.0
    """Intra-cluster correlation of the values."""

    @property
    def design_effect(self) -> float:
        """How many times the units are needed because they come in clusters."""
        return clustering_factor(
            size=self.size, variation=self.variation, correlation=self.correlation
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be shown, and by what test."""

    baseline: Baseline
    effect: float
    """Smallest difference that matters, in the metric's unit; its sign says which
    way."""
    weights: tuple[float, ...] = (0.5, 0.5)
    """Shares of the arms, the control's first."""
    alpha: float = 0.05
    power: float = 0.8
    stopping: StoppingRule = StoppingRule.FIXED_HORIZON
    looks: int = USUAL_LOOKS
    explained: float = 0.0
    """Share of the variance that the value before exposure explains."""
    clusters: Clusters | None = None

    @property
    def level(self) -> float:
        """Error rate of one comparison: the hardest step of Holm's."""
        return self.alpha / (len(self.weights) - 1)

    @property
    def inside(self) -> float:
        """Units of measurement in one that is randomised."""
        return 1.0 if self.clusters is None else self.clusters.size

    @property
    def shares(self) -> tuple[float, float]:
        """Of the control, and of the smallest treatment: the hardest comparison."""
        return self.weights[0], min(self.weights[1:])

    @property
    def factor(self) -> float:
        """Variance after adjustment and clusters, over that of single units."""
        effect = 1.0 if self.clusters is None else self.clusters.design_effect
        return effect * (1 - self.explained)


def check_question(question: Question) -> None:
    """Refuse a question that no number of units answers.

    Raises:
        DesignInvalid: A number is out of its range; `path` names it.
    """
    base, effect = question.baseline, question.effect
    clusters = question.clusters or Clusters(1)
    for field_, holds, message in (
        ("alpha", 0 < question.alpha < 0.5, "Alpha is above 0 and below 0.5."),
        ("power", question.alpha < question.power < 1, "Power is between alpha and 1."),
        ("minimumEffect", math.isfinite(effect) and effect != 0, "State an effect."),
        (
            "baseline",
            math.isfinite(base.mean) and (not base.binary or 0 < base.mean < 1),
            "A share is above 0 and below 1.",
        ),
        (
            "minimumEffect",
            not base.binary or 0 < base.mean + effect < 1,
            "With the effect the share is above 0 and below 1.",
        ),
        ("variance", 0 < base.variance < math.inf, "Values vary."),
        ("weights", _are_weights(question.weights), "2 to 20 weights that sum to 1."),
        ("explained", 0 <= question.explained < 1, "A share is 0 to below 1."),
        ("clusters", 1 <= clusters.size < math.inf, "Clusters hold 1 or more."),
        ("clusters", 0 <= clusters.variation < math.inf, "A variation is 0 or more."),
        ("clusters", 0 <= clusters.correlation <= 1, "A correlation is 0 to 1."),
    ):
        if not holds:
            raise DesignInvalid(message, path=(field_,))


def _are_weights(weights: Sequence[float]) -> bool:
    return (
        2 <= len(weights) <= MAX_ARMS
        and all(weight > 0 for weight in weights)
        and abs(math.fsum(weights) - 1) <= 1e-6
    )
