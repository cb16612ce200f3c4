"""What clusters and adjustment do to the units needed."""

import math

import numpy as np
import pytest

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.factors import (
    adjustment_factor,
    arcsine_effect,
    clustering_factor,
    clusters_for_units,
)


def test_ten_users_an_account_need_half_as_many_again() -> None:
    factor = clustering_factor(size=10, variation=0.0, correlation=0.05)
    assert factor == pytest.approx(1.45, rel=1e-12)
    assert clusters_for_units(math.ceil(6745 * factor), size=10) == 978


def test_users_alone_or_unrelated_are_no_clusters() -> None:
    assert clustering_factor(size=1, variation=0.0, correlation=0.7) == 1.0
    assert clustering_factor(size=40, variation=1.0, correlation=0.0) == 1.0


def test_clusters_vary_as_much_as_the_factor_says() -> None:
    generator = np.random.default_rng(14)
    shared = generator.normal(0, math.sqrt(0.2), (4000, 50, 1))
    own = generator.normal(0, math.sqrt(0.8), (4000, 50, 8))
    means = (shared + own).mean(axis=(1, 2))
    factor = clustering_factor(size=8, variation=0.0, correlation=0.2)
    assert means.var() * 400 == pytest.approx(factor, rel=0.06)


def test_unequal_sizes_cost_more() -> None:
    equal, unequal = (
        clustering_factor(size=10, variation=cv, correlation=0.05) for cv in (0.0, 0.8)
    )
    assert unequal - equal == pytest.approx(10 * 0.64 * 0.05)


def test_adjusting_saves_what_the_correlation_explains() -> None:
    assert adjustment_factor(-0.6) == adjustment_factor(0.6) == pytest.approx(0.64)


def test_on_the_arcsine_scale_the_variance_is_one() -> None:
    generator = np.random.default_rng(15)
    for share in (0.1, 0.5):
        seen = generator.binomial(2000, share, 20_000) / 2000
        spread = (2 * np.arcsin(np.sqrt(seen))).std()
        assert spread * math.sqrt(2000) == pytest.approx(1.0, abs=0.02)
    assert arcsine_effect(0.1, 0.2) == -arcsine_effect(0.2, 0.1)
    assert arcsine_effect(1.0, 0.0) == pytest.approx(math.pi)


@pytest.mark.parametrize(
    ("size", "variation", "correlation", "argument"),
    [
        (0.5, 0.0, 0.1, "size"),
        (math.inf, 0.0, 0.1, "size"),
        (5, -0.1, 0.1, "variation"),
        (5, 0.0, 1.1, "correlation"),
        (5, 0.0, math.nan, "correlation"),
    ],
)
def test_impossible_clusters_are_refused(
    size: float, variation: float, correlation: float, argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        clustering_factor(size=size, variation=variation, correlation=correlation)
    assert caught.value.argument == argument


def test_other_impossible_factors_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="correlation"):
        adjustment_factor(1.0)
    with pytest.raises(InvalidArgument, match="second"):
        arcsine_effect(0.5, 1.5)
    with pytest.raises(InvalidArgument, match="units"):
        clusters_for_units(0, size=10)
    with pytest.raises(InvalidArgument, match="size"):
        clusters_for_units(100, size=0.0)
