"""The variance of treated units: against families of distributions, and by law."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.widening import widened_variance

LEVELS = some.floats(0.01, 100)
LIFTS = some.floats(0.0, 2.0)


@given(LEVELS, some.floats(0.2, 3), LIFTS)
def test_amounts_that_are_multiplied_keep_their_coefficient_of_variation(
    mean: float, sigma: float, lift: float
) -> None:
    """Exactly what scipy's lognormal has with its scale multiplied."""
    scale = mean / math.exp(sigma**2 / 2)
    before, after = (stats.lognorm(sigma, scale=scale * by) for by in (1, 1 + lift))
    found = widened_variance(variance=before.var(), effect=lift * mean, level=mean)
    assert found == pytest.approx(after.var(), rel=1e-9)


@given(LEVELS, some.floats(0.05, 20), LIFTS)
def test_counts_of_constant_dispersion_are_the_negative_binomials(
    mean: float, size: float, lift: float
) -> None:
    before, after = (
        stats.nbinom(size, size / (size + mean * by)) for by in (1, 1 + lift)
    )
    found = widened_variance(
        variance=before.var(), effect=lift * mean, level=mean, counted=mean
    )
    assert found == pytest.approx(after.var(), rel=1e-9)


@given(LEVELS, LIFTS)
def test_single_events_alone_are_poissons(mean: float, lift: float) -> None:
    found = widened_variance(
        variance=mean, effect=lift * mean, level=mean, counted=mean
    )
    assert found == pytest.approx((1 + lift) * mean, rel=1e-9)


@given(some.floats(0.001, 0.499), some.floats(0, 1), some.integers(1, 20))
def test_counts_with_an_upper_end_are_binomials(
    share: float, part: float, tries: int
) -> None:
    """Up to one half, where their variance is the largest; 1 try is a conversion."""
    end = share + part * (0.5 - share)
    found = widened_variance(
        variance=tries * share * (1 - share),
        effect=tries * (end - share),
        level=tries * share,
        counted=tries * share,
    )
    assert found == pytest.approx(tries * end * (1 - end), rel=1e-9)


def test_a_ratio_of_counts_widens_as_its_simulated_units_do() -> None:
    """Orders per visit: some visit more, some order more often, some effects are big.

    The numerator's events are Poisson's, at a rate of each unit's own that the
    treatment multiplies.
    """
    draw = np.random.default_rng(11)
    units, lift = 400_000, 0.5
    visits = 1.0 + draw.poisson(2.0, units)
    rates = draw.gamma(4.0, 0.3 / 4.0, units)
    spreads = []
    for times in (1.0, 1.0 + lift):
        orders = draw.poisson(visits * rates * times)
        ratio = orders.sum() / visits.sum()
        spreads.append(float(((orders - ratio * visits) / visits.mean()).var()))
    found = widened_variance(
        variance=spreads[0],
        effect=lift * 0.3,
        level=0.3,
        counted=0.3 / float(visits.mean()),
    )
    assert found == pytest.approx(spreads[1], rel=0.02)


@given(LEVELS, some.floats(0.01, 1e4), some.floats(-100, 100), some.floats(0, 100))
def test_no_effect_makes_units_more_alike(
    level: float, variance: float, effect: float, counted: float
) -> None:
    found = widened_variance(
        variance=variance, effect=effect, level=level, counted=counted
    )
    assert found >= variance
    still = widened_variance(
        variance=variance, effect=0.0, level=level, counted=counted
    )
    assert still == pytest.approx(variance, rel=1e-9)


@given(LEVELS, some.floats(0.01, 1e4), some.floats(0, 9), some.floats(0, 9))
def test_a_larger_effect_widens_more(
    level: float, variance: float, one: float, other: float
) -> None:
    less, more = (
        widened_variance(variance=variance, effect=effect, level=level)
        for effect in sorted((one, other))
    )
    assert less <= more


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"variance": 0.0}, "variance"),
        ({"level": 0.0}, "level"),
        ({"level": -1.0}, "level"),
        ({"counted": -1.0}, "counted"),
        ({"counted": math.nan}, "counted"),
        ({"effect": math.inf}, "effect"),
    ],
)
def test_impossible_values_are_refused(
    changed: dict[str, float], argument: str
) -> None:
    asked = {"variance": 1.0, "effect": 0.1, "level": 1.0, "counted": 0.0}
    with pytest.raises(InvalidArgument) as caught:
        widened_variance(**(asked | changed))
    assert caught.value.argument == argument
