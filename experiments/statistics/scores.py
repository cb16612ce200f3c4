"""Scores from answers on a scale: satisfaction, effort, fit."""

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from experiments.statistics.checks import count, fraction
from experiments.statistics.differences import Difference
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.means import welch
from experiments.statistics.proportions import Interval, Proportion, wilson
from experiments.statistics.proportions import compare as compare_shares
from experiments.statistics.samples import Sample


@dataclass(frozen=True, slots=True)
class Ratings:
    """Answers on a scale from 1 to k.

    Attributes:
        counts: (k,) answers by point of the scale, the lowest first.

    Raises:
        InvalidArgument: There are fewer than two points, or a count is negative.
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what no survey can have."""
        if len(self.counts) < 2:
            raise InvalidArgument("counts", "needs at least two points")
        for answers in self.counts:
            count("counts", answers)

    @property
    def n(self) -> int:
        """All answers."""
        return sum(self.counts)

    def top(self, points: int) -> Proportion:
        """Answers at the highest points of the scale.

        Raises:
            TooFewUnits: There are no answers.
            InvalidArgument: `points` is not between 1 and the scale's length less 1.
        """
        if not 1 <= points < len(self.counts):
            raise InvalidArgument(
                "points", f"must lie between 1 and {len(self.counts) - 1}"
            )
        return Proportion(self.n, sum(self.counts[-points:]))

    def sample(self) -> Sample:
        """The answers as numbers from 1.

        Raises:
            TooFewUnits: There are no answers.
        """
        if self.n == 0:
            raise TooFewUnits("counts", "there are no answers yet")
        pairs = list(enumerate(self.counts, start=1))
        total = sum(point * answers for point, answers in pairs)
        squares = sum(point * point * answers for point, answers in pairs)
        deviations = (self.n * squares - total * total) / self.n
        return Sample(self.n, total / self.n, deviations)


@dataclass(frozen=True, slots=True)
class Score:
    """What a group of answers says.

    Attributes:
        n: Answers.
        top_box: Share of answers at the highest points, with Wilson's interval.
        mean: Mean answer, with Student's interval, kept within the scale; None below
            two answers.
    """

    n: int
    top_box: Interval
    mean: Interval | None


def score(ratings: Ratings, *, top: int, confidence: float) -> Score:
    """Score one group of answers.

    Args:
        ratings: Answers by point of the scale.
        top: How many of the highest points count as satisfied, such as 2 of 5.
        confidence: Coverage of the intervals, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: There are no answers.
        InvalidArgument: `top` is not between 1 and the scale's length less 1, or
            `confidence` is not in (0, 1).

    Reference:
        E. B. Wilson (1927), JASA 22; J. Sauro, J. R. Lewis (2016), "Quantifying the
        User Experience", 2nd ed., chapter 3.

    Example:
        >>> found = score(Ratings((2, 3, 5, 20, 10)), top=2, confidence=0.95)
        >>> round(found.top_box.value, 2), round(found.top_box.low, 2)
        (0.75, 0.6)
    """
    shares = wilson(ratings.top(top), confidence=confidence)
    if ratings.n < 2:
        return Score(ratings.n, shares, None)
    sample = ratings.sample()
    tail = (1.0 - confidence) / 2.0
    margin = -float(stdtrit(sample.n - 1, tail)) * math.sqrt(sample.variance / sample.n)
    ends = (
        max(sample.mean - margin, 1.0),
        min(sample.mean + margin, float(len(ratings.counts))),
    )
    return Score(ratings.n, shares, Interval(sample.mean, ends[0], ends[1]))


def compare_scores(
    control: Ratings, treatment: Ratings, *, top: int, confidence: float
) -> Difference:
    """Compare the shares of satisfied answers of two independent groups.

    Args:
        control: Answers in the control arm.
        treatment: Answers in the treatment arm, on the same scale.
        top: How many of the highest points count as satisfied.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: A group has no answers.
        InvalidArgument: The scales differ, `top` does not fit them, or `confidence` is
            not in (0, 1).
    """
    _require_one_scale(control, treatment)
    return compare_shares(control.top(top), treatment.top(top), confidence=confidence)


def compare_mean_ratings(
    control: Ratings, treatment: Ratings, *, confidence: float
) -> Difference:
    """Compare the mean answers of two independent groups.

    Args:
        control: Answers in the control arm.
        treatment: Answers in the treatment arm, on the same scale.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: A group has fewer than two answers.
        NoVariation: In each group all answers are the same.
        InvalidArgument: The scales differ, or `confidence` is not in (0, 1).
    """
    fraction("confidence", confidence)
    _require_one_scale(control, treatment)
    return welch(control.sample(), treatment.sample(), confidence=confidence)


def _require_one_scale(control: Ratings, treatment: Ratings) -> None:
    if len(control.counts) != len(treatment.counts):
        raise InvalidArgument("treatment", "must have the control's scale")
