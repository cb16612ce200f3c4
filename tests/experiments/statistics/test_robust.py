"""Ranks and trimmed means: against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.robust import mann_whitney, yuen

seeds = some.integers(min_value=0, max_value=10**6)


@given(seeds, some.integers(1, 60), some.integers(1, 60), some.sampled_from([0, 3]))
def test_ranks_are_scipys_with_and_without_ties(
    seed: int, n: int, m: int, digits: int
) -> None:
    generator = np.random.default_rng(seed)
    first = np.round(generator.normal(0, 2, n), digits)
    second = np.round(generator.normal(0.4, 2, m), digits)
    if np.unique(np.concatenate([first, second])).size == 1:
        return
    found = mann_whitney(first, second)
    known = stats.mannwhitneyu(second, first, method="asymptotic")
    assert found.statistic == known.statistic
    assert found.share == pytest.approx(known.statistic / (n * m))
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)


@pytest.mark.parametrize("trim", [0.0, 0.05, 0.2, 0.4])
@pytest.mark.parametrize(("n", "m"), [(20, 33), (400, 200)])
def test_trimmed_means_are_scipys(trim: float, n: int, m: int) -> None:
    generator = np.random.default_rng(7)
    first, second = generator.lognormal(1, 1, n), generator.lognormal(1.2, 1, m)
    found = yuen(first, second, trim=trim, confidence=0.95)
    known = stats.ttest_ind(second, first, equal_var=False, trim=trim)
    assert found.statistic == pytest.approx(known.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-7)
    interval = known.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_one_wild_value_moves_neither() -> None:
    generator = np.random.default_rng(8)
    first, second = generator.normal(0, 1, 200), generator.normal(0.4, 1, 200)
    wild = second.copy()
    wild[int(np.argmax(second))] = 1e9
    ranks = mann_whitney(first, second).statistic
    assert mann_whitney(first, wild).statistic == ranks
    before = yuen(first, second, trim=0.05, confidence=0.95)
    assert yuen(first, wild, trim=0.05, confidence=0.95) == before


def test_values_that_are_all_the_same_cannot_be_compared() -> None:
    with pytest.raises(NoVariation):
        mann_whitney(np.ones(5), np.ones(6))
    with pytest.raises(NoVariation):
        yuen(np.ones(5), np.ones(6), trim=0.1, confidence=0.95)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(InvalidArgument, match="control"):
        mann_whitney(np.array([1.0, bad]), np.ones(6))
    with pytest.raises(InvalidArgument, match="treatment"):
        yuen(np.arange(6.0), np.array([1.0, bad]), trim=0.1, confidence=0.95)


def test_too_few_values_are_refused() -> None:
    with pytest.raises(TooFewUnits):
        mann_whitney(np.empty(0), np.ones(6))
    with pytest.raises(TooFewUnits):
        yuen(np.arange(5.0), np.arange(9.0), trim=0.45, confidence=0.95)


@pytest.mark.parametrize("trim", [-0.1, 0.5, math.nan])
def test_a_cut_out_of_range_is_refused(trim: float) -> None:
    with pytest.raises(InvalidArgument, match="trim"):
        yuen(np.arange(9.0), np.arange(9.0), trim=trim, confidence=0.95)
