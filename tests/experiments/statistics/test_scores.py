"""Ratings: against scipy on the answers one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.scores import (
    Ratings,
    compare_mean_ratings,
    compare_scores,
    score,
)

counts = some.lists(some.integers(0, 300), min_size=2, max_size=11).map(tuple)


def answers(ratings: Ratings) -> np.ndarray:
    """The answers one by one."""
    return np.repeat(np.arange(1, len(ratings.counts) + 1), ratings.counts)


@given(counts)
def test_the_mean_and_its_interval_are_those_of_the_answers(
    points: tuple[int, ...],
) -> None:
    ratings = Ratings(points)
    if ratings.n < 2:
        return
    values = answers(ratings)
    found = score(ratings, top=1, confidence=0.95)
    assert found.mean is not None
    assert found.mean.value == pytest.approx(values.mean(), rel=1e-12)
    error = values.std(ddof=1) / np.sqrt(values.size)
    margin = stats.t.ppf(0.975, values.size - 1) * error
    assert found.mean.low == pytest.approx(max(values.mean() - margin, 1.0), rel=1e-9)
    assert 1.0 <= found.mean.low <= found.mean.high <= len(points)


@pytest.mark.parametrize("top", [1, 2, 4])
def test_the_top_box_is_wilsons(top: int) -> None:
    ratings = Ratings((3, 5, 9, 40, 21))
    values = answers(ratings)
    satisfied = int((values > 5 - top).sum())
    known = stats.binomtest(satisfied, 78).proportion_ci(0.9, method="wilson")
    found = score(ratings, top=top, confidence=0.9).top_box
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


def test_means_are_compared_as_welch_does() -> None:
    first, second = Ratings((3, 5, 9, 40, 21)), Ratings((1, 2, 9, 30, 41))
    found = compare_mean_ratings(first, second, confidence=0.95)
    known = stats.ttest_ind(answers(second), answers(first), equal_var=False)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)


def test_shares_of_satisfied_answers_are_compared() -> None:
    first, second = Ratings((3, 5, 9, 40, 21)), Ratings((1, 2, 9, 30, 41))
    found = compare_scores(first, second, top=2, confidence=0.95)
    assert found.value == pytest.approx(71 / 83 - 61 / 78)


def test_one_answer_has_no_spread() -> None:
    assert score(Ratings((0, 1)), top=1, confidence=0.95).mean is None


def test_no_answers_have_no_score() -> None:
    with pytest.raises(TooFewUnits):
        score(Ratings((0, 0)), top=1, confidence=0.95)
    with pytest.raises(TooFewUnits):
        Ratings((0, 0)).sample()


@pytest.mark.parametrize("points", [(), (4,), (4, -1)])
def test_counts_that_no_scale_has_are_refused(points: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgument):
        Ratings(points)


@pytest.mark.parametrize("top", [0, 2, -1])
def test_a_top_that_does_not_fit_the_scale_is_refused(top: int) -> None:
    with pytest.raises(InvalidArgument, match="points"):
        score(Ratings((4, 4)), top=top, confidence=0.95)


def test_other_scales_cannot_be_compared() -> None:
    first, second = Ratings((3, 5)), Ratings((3, 5, 6))
    with pytest.raises(InvalidArgument, match="scale"):
        compare_scores(first, second, top=1, confidence=0.95)
    with pytest.raises(InvalidArgument, match="scale"):
        compare_mean_ratings(first, second, confidence=0.95)


def test_answers_that_are_all_the_same_have_no_spread_to_compare() -> None:
    with pytest.raises(NoVariation):
        compare_mean_ratings(Ratings((0, 9)), Ratings((0, 9)), confidence=0.95)
