"""Quantiles: against scipy's ranks, by coverage, and by property."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.caps import quantile_cap
from experiments.statistics.crossproducts import Moments
from experiments.statistics.differences import Method
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.quantiles import (
    cluster_inflation,
    clustered_quantile,
    compare_quantiles,
    quantile_estimate,
    quantile_interval,
    woodruff,
)


@pytest.mark.parametrize("n", [20, 57, 1000, 20_000])
@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_is_scipys(n: int, quantile: float, confidence: float) -> None:
    values = np.random.default_rng(n).lognormal(1.0, 1.0, n)
    found = quantile_interval(values, quantile=quantile, confidence=confidence)
    known = stats.quantile_test(values, p=quantile).confidence_interval(confidence)
    assert (found.low, found.high) == (known.low, known.high)


@given(
    some.integers(min_value=30, max_value=400),
    some.floats(min_value=0.2, max_value=0.8),
)
def test_the_ranks_cover_at_least_as_often_as_promised(n: int, quantile: float) -> None:
    ranks = quantile_interval(
        np.arange(float(n)), quantile=quantile, confidence=0.9
    ).ranks
    covered = stats.binom.cdf(ranks[1], n, quantile) - stats.binom.cdf(
        ranks[0], n, quantile
    )
    assert covered >= 0.9 - 1e-9


def test_the_value_is_the_one_that_a_cap_would_take() -> None:
    values = np.random.default_rng(3).integers(0, 10_000, 777)
    found = quantile_interval(values.astype(float), quantile=0.9, confidence=0.95)
    assert found.value == quantile_cap(values.astype(np.int64), quantile=0.9)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_standard_error_is_the_densitys(quantile: float) -> None:
    values = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    found = quantile_estimate(values, quantile=quantile)
    density = stats.norm.pdf(stats.norm.ppf(quantile))
    known = math.sqrt(quantile * (1 - quantile) / 200_000) / density
    assert found.value == pytest.approx(stats.norm.ppf(quantile), abs=1e-4)
    assert found.standard_error == pytest.approx(known, rel=0.01)


def test_two_equal_arms_differ_one_time_in_twenty() -> None:
    generator = np.random.default_rng(6)
    wrong = 0
    for _ in range(600):
        arms = [
            quantile_estimate(generator.lognormal(0, 1, 300), quantile=0.75)
            for _ in range(2)
        ]
        found = compare_quantiles(arms[0], arms[1], confidence=0.95)
        assert found.method is Method.QUANTILE
        wrong += found.p_value < 0.05
    assert 0.02 <= wrong / 600 <= 0.075


def clustered(seed: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Latencies of events, alike within a unit."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(5, 16, units)
    level = np.repeat(generator.normal(0, 1, units), sizes)
    values = np.exp(level + generator.normal(0, 0.5, level.size))
    return values, np.repeat(np.arange(units) * 7, sizes)


def test_events_of_one_unit_that_are_alike_tell_less() -> None:
    values, units = clustered(1, 300)
    plain = quantile_estimate(values, quantile=0.5)
    found = clustered_quantile(values, units, quantile=0.5)
    assert (found.n, found.value) == (300, plain.value)
    spread = [
        quantile_estimate(clustered(s, 300)[0], quantile=0.5).value
        for s in range(100, 400)
    ]
    assert found.standard_error == pytest.approx(float(np.std(spread)), rel=0.2)
    assert found.variance > 3 * plain.variance


def test_units_of_one_event_each_change_nothing() -> None:
    values = np.random.default_rng(2).normal(size=800)
    plain = quantile_estimate(values, quantile=0.5)
    found = clustered_quantile(values, np.arange(800), quantile=0.5)
    assert found.variance == pytest.approx(plain.variance, rel=0.01)


def test_the_inflation_is_the_ratio_of_two_variances() -> None:
    values, units = clustered(5, 200)
    sizes = np.bincount(units // 7).astype(float)
    below = np.bincount(units // 7, weights=(values <= 1.0).astype(float))
    ratio = below.sum() / sizes.sum()
    left = below - ratio * sizes
    known = left.var(ddof=1) / sizes.mean() ** 2 / 200
    pair = Moments.of(np.column_stack([below, sizes])).pair()
    found = cluster_inflation(pair, quantile=0.5)
    assert found == pytest.approx(known / (0.25 / sizes.sum()), rel=1e-9)


@given(
    some.integers(min_value=0, max_value=10**6),
    some.floats(min_value=-100.0, max_value=100.0),
    some.floats(min_value=0.01, max_value=100.0),
)
def test_a_shift_and_a_change_of_unit_go_through(
    seed: int, shift: float, factor: float
) -> None:
    values = np.random.default_rng(seed).normal(size=120)
    before = quantile_estimate(values, quantile=0.3)
    after = quantile_estimate(values * factor + shift, quantile=0.3)
    assert after.value == pytest.approx(before.value * factor + shift, abs=1e-9)
    assert after.standard_error == pytest.approx(
        before.standard_error * factor, rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize(("n", "quantile"), [(5, 0.5), (200, 0.99), (1, 0.5)])
def test_too_few_values_around_a_quantile_are_refused(n: int, quantile: float) -> None:
    values = np.arange(float(n))
    with pytest.raises(TooFewUnits):
        quantile_estimate(values, quantile=quantile)
    with pytest.raises(TooFewUnits):
        quantile_interval(values, quantile=quantile, confidence=0.99)


def test_values_that_are_all_the_same_cannot_be_compared() -> None:
    flat = quantile_estimate(np.ones(100), quantile=0.5)
    with pytest.raises(NoVariation):
        compare_quantiles(flat, flat, confidence=0.95)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(InvalidArgument, match="values"):
        quantile_estimate(np.array([1.0, bad, 2.0]), quantile=0.5)


@pytest.mark.parametrize("quantile", [0.0, 1.0, math.nan])
def test_a_quantile_outside_zero_to_one_is_refused(quantile: float) -> None:
    with pytest.raises(InvalidArgument, match="quantile"):
        quantile_estimate(np.ones(50), quantile=quantile)


def test_nobody_has_no_quantile() -> None:
    with pytest.raises(TooFewUnits):
        quantile_estimate(np.empty(0), quantile=0.5)


def test_ends_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="low"):
        woodruff(n=50, value=1.0, low=2.0, high=1.0, inflation=1.0)
    with pytest.raises(InvalidArgument, match="inflation"):
        woodruff(n=50, value=1.0, low=0.0, high=2.0, inflation=0.0)
    with pytest.raises(InvalidArgument, match="clusters"):
        clustered_quantile(np.ones(5), np.arange(4), quantile=0.5)
