"""Sample ratio mismatch: chi-square over the arms that have weight."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.srm import equal_rates, sample_ratio


def test_the_published_mismatch_is_found() -> None:
    """Fabijan et al. (2019): 821,588 and 815,482 users at an even split."""
    assert sample_ratio([821_588, 815_482], [1, 1]).p_value == pytest.approx(
        1.8e-6, rel=0.02
    )


@given(
    some.lists(some.integers(10, 10**7), min_size=2, max_size=6),
    some.data(),
)
def test_it_agrees_with_scipy(observed: list[int], data: some.DataObject) -> None:
    size = len(observed)
    weights = data.draw(some.lists(some.floats(0.5, 1), min_size=size, max_size=size))
    total, share = sum(observed), sum(weights)
    known = stats.chisquare(observed, [total * w / share for w in weights])
    found = sample_ratio(observed, weights)
    assert found.statistic == pytest.approx(known.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(max(known.pvalue, 2.2250738585072014e-308))
    assert found.degrees == size - 1


def test_an_arm_without_weight_takes_no_part() -> None:
    with_it = sample_ratio([480, 520, 37], [0.5, 0.5, 0.0])
    assert with_it == sample_ratio([480, 520], [0.5, 0.5])
    assert with_it.degrees == 1


def test_p_does_not_reach_zero() -> None:
    assert sample_ratio([10_000, 90_000], [1, 1]).p_value > 0.0


def test_few_units_say_nothing() -> None:
    with pytest.raises(TooFewUnits, match="expect at least 5"):
        sample_ratio([3, 5], [1, 1])


@pytest.mark.parametrize(
    ("observed", "weights", "argument"),
    [
        ([50, 50], [1.0], "weights"),
        ([50, 50], [1.0, 0.0], "weights"),
        ([50, 50], [1.0, -1.0], "weights"),
        ([50, 50], [1.0, float("nan")], "weights"),
        ([50, -1], [1.0, 1.0], "observed"),
    ],
)
def test_impossible_splits_are_refused(
    observed: list[int], weights: list[float], argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        sample_ratio(observed, weights)
    assert caught.value.argument == argument


samples = some.tuples(some.integers(60, 500), some.integers(600, 5000))


@given(some.lists(samples, min_size=2, max_size=4))
def test_equal_rates_agree_with_scipy(arms: list[tuple[int, int]]) -> None:
    events, units = [a for a, _ in arms], [b for _, b in arms]
    known = stats.chi2_contingency([events, [b - a for a, b in arms]], correction=False)
    found = equal_rates(events, units)
    assert found.statistic == pytest.approx(known.statistic, abs=1e-9)
    assert found.degrees == len(arms) - 1
    assert found.p_value == pytest.approx(
        max(known.pvalue, 2.2250738585072014e-308), rel=1e-6
    )


def test_rates_of_few_units_say_nothing() -> None:
    with pytest.raises(TooFewUnits):
        equal_rates([3, 1], [1000, 1000])
    with pytest.raises(TooFewUnits):
        equal_rates([], [])
    with pytest.raises(InvalidArgument):
        equal_rates([1], [1, 2])
    with pytest.raises(InvalidArgument):
        equal_rates([30, 11], [1000, 10])
