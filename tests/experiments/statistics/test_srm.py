"""Sample ratio mismatch: chi-square over the arms that have weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.srm import (
    equal_rates,
    sample_ratio,
    sequential_sample_ratio,
)


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
    with pytest.raises(TooFewUnits, match="fewer than 5 are expected"):
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


@pytest.mark.parametrize("concentration", [1.0, 100.0, 10_000.0])
@pytest.mark.parametrize(
    ("counts", "shares"),
    [([5200, 4800], [0.5, 0.5]), ([30, 40, 70], [0.2, 0.3, 0.5]), ([0, 3], [0.1, 0.9])],
)
def test_the_evidence_is_a_ratio_of_multinomials(
    counts: list[int], shares: list[float], concentration: float
) -> None:
    alternative = stats.dirichlet_multinomial(
        np.array(shares) * concentration, sum(counts)
    )
    null = stats.multinomial(sum(counts), shares)
    known = alternative.logpmf(counts) - null.logpmf(counts)
    path = sequential_sample_ratio([counts], shares, concentration=concentration)
    assert path.log_evalue[0] == pytest.approx(known, abs=1e-8)


def test_the_smallest_p_of_a_path_stays() -> None:
    path = sequential_sample_ratio([[60, 40], [300, 150], [650, 600]], [1, 1])
    assert list(path.p_value) == sorted(path.p_value, reverse=True)
    assert path.p_value[2] == path.p_value[1] < 0.001
    assert sequential_sample_ratio([[500, 500]], [1, 1]).p_value[0] == 1.0


def test_sequential_p_does_not_reach_zero() -> None:
    path = sequential_sample_ratio([[10_000_000, 90_000_000]], [1, 1])
    assert 0.0 < path.p_value[0] < 1e-300


def test_arms_change_places_and_an_arm_without_weight_takes_no_part() -> None:
    plain = sequential_sample_ratio([[480, 560]], [1, 1]).p_value
    swapped = sequential_sample_ratio([[560, 480]], [1, 1]).p_value
    assert plain == pytest.approx(swapped, rel=1e-9)
    idle = sequential_sample_ratio([[480, 37, 560]], [1, 0, 1]).p_value
    assert plain == pytest.approx(idle, rel=1e-12)


def test_sixty_looks_rarely_raise_a_false_alarm_and_find_a_true_one() -> None:
    generator = np.random.default_rng(13)

    def alarms(share: float, alpha: float) -> float:
        first = generator.binomial(500, share, (2000, 60)).cumsum(axis=1)
        both = np.stack([first, 500 * np.arange(1, 61) - first], axis=2)
        ends = [sequential_sample_ratio(p, [1, 1]).p_value[-1] <= alpha for p in both]
        return float(np.mean(ends))

    assert 0.001 <= alarms(0.5, 0.01) <= 0.01
    assert alarms(0.53, 0.001) >= 0.99


@pytest.mark.parametrize(
    ("observed", "weights", "argument"),
    [
        ([], [1, 1], "observed"),
        ([[1, 2, 3]], [1, 1], "observed"),
        ([[1, -2]], [1, 1], "observed"),
        ([[5, 5], [4, 9]], [1, 1], "observed"),
        ([[5, 5]], [1, 0], "weights"),
        ([[5, 5]], [1, -1], "weights"),
    ],
)
def test_impossible_paths_are_refused(
    observed: list[list[int]], weights: list[float], argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        sequential_sample_ratio(observed, weights)
    assert caught.value.argument == argument
