"""Sample sizes: against published figures and against simulated power."""

import numpy as np
import pytest

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.means import Samples, welch_many
from experiments.statistics.power import (
    NullVariance,
    units_for_means,
    units_for_proportions,
)


@pytest.mark.parametrize(
    ("baseline", "effect", "null_variance", "known"),
    [
        (0.04, 0.01, NullVariance.POOLED, 6_745),
        (0.20, 0.05, NullVariance.POOLED, 1_094),
        (0.20, 0.05, NullVariance.CONTROL, 1_030),
    ],
)
def test_the_sizes_are_the_published_ones(
    baseline: float, effect: float, null_variance: NullVariance, known: int
) -> None:
    found = units_for_proportions(
        baseline=baseline,
        minimum_effect=effect,
        alpha=0.05,
        power=0.8,
        null_variance=null_variance,
    )
    assert found == pytest.approx(known, abs=1)


def test_the_planned_units_give_the_planned_power() -> None:
    n = units_for_means(
        control_variance=4.0,
        treatment_variance=9.0,
        minimum_effect=0.4,
        alpha=0.05,
        power=0.8,
        ratio=2.0,
    )
    generator = np.random.default_rng(8)

    def arm(size: int, mean: float, variance: float) -> Samples:
        spread = np.sqrt(variance / size)
        draws = generator.chisquare(size - 1, 4000) / (size - 1)
        return Samples(
            n=np.full(4000, float(size)),
            mean=generator.normal(mean, spread, 4000),
            variance=variance * draws,
        )

    found = welch_many(arm(n, 1.0, 4.0), arm(2 * n, 1.4, 9.0), confidence=0.95)
    assert float((found.p_value < 0.05).mean()) == pytest.approx(0.8, abs=0.025)


def test_around_one_half_a_fall_needs_as_many_as_a_rise() -> None:
    sizes = [
        units_for_proportions(
            baseline=0.5,
            minimum_effect=effect,
            alpha=0.05,
            power=0.8,
            null_variance=NullVariance.POOLED,
        )
        for effect in (0.05, -0.05)
    ]
    assert sizes[0] == sizes[1]


def test_smaller_effects_need_more() -> None:
    sizes = [
        units_for_proportions(
            baseline=0.1,
            minimum_effect=effect,
            alpha=0.05,
            power=0.8,
            null_variance=NullVariance.CONTROL,
        )
        for effect in (0.05, 0.02, 0.01)
    ]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("baseline", "effect", "alpha", "power"),
    [(0.0, 0.1, 0.05, 0.8), (0.5, 0.5, 0.05, 0.8), (0.5, 0.0, 0.05, 0.8),
     (0.5, 0.1, 0.0, 0.8), (0.5, 0.1, 0.05, 1.0)],
)  # fmt: skip
def test_impossible_plans_are_refused(
    baseline: float, effect: float, alpha: float, power: float
) -> None:
    with pytest.raises(InvalidArgument):
        units_for_proportions(
            baseline=baseline,
            minimum_effect=effect,
            alpha=alpha,
            power=power,
            null_variance=NullVariance.POOLED,
        )
