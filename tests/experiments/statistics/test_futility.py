"""Futility: what the rest of an experiment can still do."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import integrate, stats

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.futility import conditional_power, predictive_power

statistics = some.floats(-5, 5)
shares = some.floats(0.05, 0.95)


@settings(max_examples=20, deadline=None)
@given(statistics, shares)
def test_predictive_power_averages_the_conditional_one(
    statistic: float, done: float
) -> None:
    """Over the effects that the data leave possible, all alike before them."""
    spread = 1.0 / math.sqrt(done)
    centre = statistic * spread
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    mean = sum(
        weight
        * conditional_power(
            statistic, fraction_done=done, critical=2.0, drift=centre + spread * node
        )
        for node, weight in zip(nodes, weights / math.sqrt(2 * math.pi), strict=True)
    )
    found = predictive_power(statistic, fraction_done=done, critical=2.0)
    assert found == pytest.approx(mean, abs=2e-3)


def test_conditional_power_is_the_share_of_paths_that_end_beyond() -> None:
    generator = np.random.default_rng(2)
    rest = generator.normal(2.8 * 0.4, math.sqrt(0.4), 200_000)
    ends = 1.2 * math.sqrt(0.6) + rest
    found = conditional_power(1.2, fraction_done=0.6, critical=1.96, drift=2.8)
    assert found == pytest.approx((np.abs(ends) >= 1.96).mean(), abs=0.004)


def test_before_the_data_conditional_power_is_power() -> None:
    found = conditional_power(0.0, fraction_done=1e-12, critical=1.959964, drift=2.8016)
    assert found == pytest.approx(0.8, abs=1e-4)


def test_predictive_power_agrees_with_adaptive_quadrature() -> None:
    def integrand(drift: float) -> float:
        weight = stats.norm.pdf(drift, 0.7 / math.sqrt(0.5), 1 / math.sqrt(0.5))
        return float(weight) * conditional_power(
            0.7, fraction_done=0.5, critical=1.96, drift=drift
        )

    known = integrate.quad(integrand, -15, 15, epsabs=1e-12, limit=300)[0]
    found = predictive_power(0.7, fraction_done=0.5, critical=1.96)
    assert found == pytest.approx(known, rel=1e-9)


@given(statistics, shares)
def test_the_side_does_not_matter(statistic: float, done: float) -> None:
    up, down = (
        predictive_power(sign * statistic, fraction_done=done, critical=1.96)
        for sign in (1, -1)
    )
    assert up == pytest.approx(down, abs=1e-12)


def test_impossible_outlooks_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="fraction_done"):
        predictive_power(1.0, fraction_done=1.0, critical=2.0)
    with pytest.raises(InvalidArgument, match="critical"):
        predictive_power(1.0, fraction_done=0.5, critical=0.0)
    with pytest.raises(InvalidArgument, match="statistic"):
        conditional_power(math.nan, fraction_done=0.5, critical=2.0, drift=0.0)
    with pytest.raises(InvalidArgument, match="drift"):
        conditional_power(1.0, fraction_done=0.5, critical=2.0, drift=math.inf)
