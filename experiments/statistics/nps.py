"""Net Promoter Score, with intervals that hold for few answers."""

import math
from dataclasses import dataclass

from scipy.special import ndtri

from experiments.statistics.checks import count, fraction
from experiments.statistics.differences import Difference, Method, normal_difference
from experiments.statistics.errors import NoVariation, TooFewUnits


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to 'how likely are you to recommend us', 0 to 10.

    Attributes:
        detractors: Answers from 0 to 6.
        passives: Answers of 7 or 8.
        promoters: Answers of 9 or 10.

    Raises:
        InvalidArgument: A count is negative.
    """

    detractors: int
    passives: int
    promoters: int

    def __post_init__(self) -> None:
        """Refuse what no survey can have."""
        for name in ("detractors", "passives", "promoters"):
            count(name, getattr(self, name))

    @property
    def n(self) -> int:
        """All answers."""
        return self.detractors + self.passives + self.promoters


@dataclass(frozen=True, slots=True)
class NetPromoterScore:
    """A score and its interval.

    Attributes:
        n: Answers behind it.
        value: Share of promoters less share of detractors, in points from -100 to 100.
        low: Lower end of the interval, in points.
        high: Upper end of the interval, in points.
        confidence: Coverage of the interval, in (0, 1).
    """

    n: int
    value: float
    low: float
    high: float
    confidence: float


def net_promoter_score(answers: Answers, *, confidence: float) -> NetPromoterScore:
    """Score one group of answers, with an adjusted Wald interval.

    The interval counts three more answers, 3/4 promoters, 3/2 passives and 3/4
    detractors, which keeps its coverage near the nominal from ten answers on.

    Args:
        answers: Counts by group.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: There are no answers.
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        B. Rocks (2016), "Interval estimation for the Net Promoter Score",
        The American Statistician 70.

    Example:
        >>> score = net_promoter_score(Answers(3, 8, 20), confidence=0.95)
        >>> round(score.value, 1), round(score.low, 1), round(score.high, 1)
        (54.8, 26.9, 73.1)
    """
    critical = float(-ndtri((1.0 - fraction("confidence", confidence)) / 2.0))
    if answers.n == 0:
        raise TooFewUnits("answers", "there are no answers yet")
    n = answers.n + 3.0
    promoters, detractors = answers.promoters + 0.75, answers.detractors + 0.75
    centre = (promoters - detractors) / n
    variance = ((promoters + detractors) / n - centre**2) / n
    margin = critical * math.sqrt(variance)
    return NetPromoterScore(
        n=answers.n,
        value=100.0 * (answers.promoters - answers.detractors) / answers.n,
        low=100.0 * max(centre - margin, -1.0),
        high=100.0 * min(centre + margin, 1.0),
        confidence=confidence,
    )


def compare(control: Answers, treatment: Answers, *, confidence: float) -> Difference:
    """Compare the scores of two independent groups of answers, in points.

    Args:
        control: Counts in the control arm.
        treatment: Counts in the treatment arm.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: A group has fewer than two answers.
        NoVariation: In each group all answers fall into one of the three.
        InvalidArgument: `confidence` is not in (0, 1).
    """
    variance = _variance(control) + _variance(treatment)
    if variance == 0.0:
        raise NoVariation("treatment", "no answer differs from another in either group")
    return normal_difference(
        _points(treatment) - _points(control),
        math.sqrt(variance),
        confidence=confidence,
        method=Method.NORMAL,
    )


def _points(answers: Answers) -> float:
    return 100.0 * (answers.promoters - answers.detractors) / answers.n


def _variance(answers: Answers) -> float:
    n = answers.n
    if n < 2:
        raise TooFewUnits("answers", f"needs at least 2 answers, not {n}")
    balance = answers.promoters - answers.detractors
    deviations = answers.promoters + answers.detractors - balance * balance / n
    return 100.0**2 * max(deviations, 0.0) / (n - 1) / n
