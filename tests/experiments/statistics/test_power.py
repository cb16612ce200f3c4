"""Sample sizes: against published figures and against simulated power."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from experiments.statistics.batch import compare_many
from experiments.statistics.batch_arms import Arms, independent, means
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.power import (
    NullVariance,
    power_of_means,
    power_of_proportions,
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

    def arm(size: int, mean: float, variance: float) -> Arms:
        spread = np.sqrt(variance / size)
        draws = generator.chisquare(size - 1, 4000) / (size - 1)
        return means(
            n=np.full(4000, float(size)),
            mean=generator.normal(mean, spread, 4000),
            variance=variance * draws,
        )

    pairs = independent(arm(n, 1.0, 4.0), arm(2 * n, 1.4, 9.0))
    found = compare_many(pairs, confidence=0.95)
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


def student_power(effect: float, n: int, alpha: float, sides: int) -> float:
    """Power of Student's test of unit variances, by conditioning on the variance."""
    degrees = 2 * n - 2
    drift = effect * math.sqrt(n / 2)
    critical = stats.t.isf(alpha / sides, degrees)

    def given(spread: float) -> float:
        reach = critical * math.sqrt(spread / degrees)
        found = stats.norm.sf(reach - drift)
        if sides == 2:
            found += stats.norm.cdf(-reach - drift)
        return float(found * stats.chi2.pdf(spread, degrees))

    ends = stats.chi2.ppf([1e-15, 1 - 1e-15], degrees)
    return float(integrate.quad(given, *ends, epsabs=1e-13, limit=400)[0])


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(
    ("effect", "n"), [(0.5, 20), (0.2, 300), (0.05, 5000), (1.5, 5), (0.0, 50)]
)
def test_power_agrees_with_adaptive_quadrature(
    effect: float, n: int, sides: int
) -> None:
    found = power_of_means(
        minimum_effect=effect,
        control_variance=1.0,
        treatment_variance=1.0,
        control_units=n,
        treatment_units=n,
        alpha=0.05,
        sides=sides,
    )
    assert found == pytest.approx(student_power(effect, n, 0.05, sides), abs=2e-6)


def test_power_far_out_is_a_number() -> None:
    for effect, known in ((5.0, 1.0), (-5.0, 0.0)):
        found = power_of_means(
            minimum_effect=effect,
            control_variance=1.0,
            treatment_variance=1.0,
            control_units=10**5,
            treatment_units=10**5,
            alpha=0.05,
            sides=1,
        )
        assert found == pytest.approx(known, abs=1e-12)


def test_planned_units_and_power_agree() -> None:
    for ratio in (1.0, 3.0):
        n = units_for_means(
            control_variance=4.0,
            treatment_variance=9.0,
            minimum_effect=0.1,
            alpha=0.05,
            power=0.9,
            ratio=ratio,
        )
        found = power_of_means(
            minimum_effect=0.1,
            control_variance=4.0,
            treatment_variance=9.0,
            control_units=n,
            treatment_units=ratio * n,
            alpha=0.05,
        )
        assert found == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("null_variance", NullVariance)
@pytest.mark.parametrize(
    ("baseline", "effect", "ratio", "sides"),
    [(0.04, 0.01, 1.0, 2), (0.3, -0.05, 2.0, 2), (0.1, 0.02, 0.25, 1)],
)
def test_planned_proportions_have_their_power(
    baseline: float,
    effect: float,
    ratio: float,
    sides: int,
    null_variance: NullVariance,
) -> None:
    n = units_for_proportions(
        baseline=baseline,
        minimum_effect=effect,
        alpha=0.05,
        power=0.8,
        null_variance=null_variance,
        ratio=ratio,
        sides=sides,
    )
    below, above = (
        power_of_proportions(
            baseline=baseline,
            minimum_effect=effect,
            control_units=units,
            alpha=0.05,
            null_variance=null_variance,
            ratio=ratio,
            sides=sides,
        )
        for units in (n - 1, n)
    )
    assert below < 0.8 <= above + 1e-9


def test_simulated_proportions_have_the_power_that_was_planned() -> None:
    generator = np.random.default_rng(30)
    n = 6745
    first, second = generator.binomial(n, [[0.04], [0.05]], (2, 20_000)) / n
    spread = np.sqrt((first * (1 - first) + second * (1 - second)) / n)
    shown = np.abs(second - first) > stats.norm.isf(0.025) * spread
    assert shown.mean() == pytest.approx(0.8, abs=0.012)


def test_a_factor_multiplies_before_rounding() -> None:
    found = units_for_proportions(
        baseline=0.04,
        minimum_effect=0.01,
        alpha=0.05,
        power=0.8,
        null_variance=NullVariance.POOLED,
        factor=1.45,
    )
    assert found == pytest.approx(9780, abs=1)


def test_arms_of_one_unit_have_no_power() -> None:
    with pytest.raises(TooFewUnits) as caught:
        power_of_means(
            minimum_effect=1.0,
            control_variance=1.0,
            treatment_variance=1.0,
            control_units=5,
            treatment_units=1,
            alpha=0.05,
        )
    assert caught.value.argument == "treatment_units"


def test_a_test_has_one_side_or_two() -> None:
    with pytest.raises(InvalidArgument, match="sides"):
        units_for_means(
            control_variance=1.0,
            treatment_variance=1.0,
            minimum_effect=1.0,
            alpha=0.05,
            power=0.8,
            ratio=1.0,
            sides=0,
        )
