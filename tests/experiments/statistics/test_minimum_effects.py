"""The smallest effects that given units show."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.minimum_effects import (
    minimum_effect_of_means,
    minimum_effect_of_proportions,
)
from experiments.statistics.power import (
    NullVariance,
    power_of_means,
    power_of_proportions,
)


@settings(max_examples=30, deadline=None)
@given(
    some.integers(3, 10**6), some.integers(3, 10**6), some.floats(0.01, 100),
    some.floats(0.3, 0.95), some.sampled_from([1, 2]),
)  # fmt: skip
def test_the_effect_is_seen_with_exactly_the_power(
    n: int, m: int, variance: float, power: float, sides: int
) -> None:
    effect = minimum_effect_of_means(
        control_variance=variance,
        treatment_variance=1.0,
        control_units=n,
        treatment_units=m,
        alpha=0.05,
        power=power,
        sides=sides,
    )
    found = power_of_means(
        minimum_effect=effect,
        control_variance=variance,
        treatment_variance=1.0,
        control_units=n,
        treatment_units=m,
        alpha=0.05,
        sides=sides,
    )
    assert found == pytest.approx(power, abs=1e-7)


def test_with_many_units_it_is_the_textbooks() -> None:
    found = minimum_effect_of_means(
        control_variance=4.0,
        treatment_variance=9.0,
        control_units=1e6,
        treatment_units=2e6,
        alpha=0.05,
        power=0.8,
    )
    assert found == pytest.approx(2.801585 * math.sqrt(4e-6 + 4.5e-6), rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(some.floats(0.001, 0.6), some.integers(200, 10**6), some.floats(0.2, 5))
def test_a_rise_is_seen_with_exactly_the_power(
    baseline: float, n: int, ratio: float
) -> None:
    effect = minimum_effect_of_proportions(
        baseline=baseline,
        control_units=n,
        alpha=0.05,
        power=0.8,
        null_variance=NullVariance.POOLED,
        ratio=ratio,
    )
    assert effect is not None
    found = power_of_proportions(
        baseline=baseline,
        minimum_effect=effect,
        control_units=n,
        alpha=0.05,
        null_variance=NullVariance.POOLED,
        ratio=ratio,
    )
    assert found == pytest.approx(0.8, abs=1e-6)


def test_too_few_units_see_no_rise_at_all() -> None:
    found = minimum_effect_of_proportions(
        baseline=0.9,
        control_units=10,
        alpha=0.05,
        power=0.8,
        null_variance=NullVariance.POOLED,
    )
    assert found is None


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"power": 0.05}, "power"),
        ({"power": 1.0}, "power"),
        ({"alpha": 0.0}, "alpha"),
        ({"control_variance": -1.0}, "control_variance"),
        ({"control_units": math.nan}, "control_units"),
    ],
)
def test_impossible_questions_are_refused(
    changed: dict[str, float], argument: str
) -> None:
    asked = {
        "control_variance": 1.0,
        "treatment_variance": 1.0,
        "control_units": 50.0,
        "treatment_units": 50.0,
        "alpha": 0.05,
        "power": 0.8,
    }
    with pytest.raises(InvalidArgument) as caught:
        minimum_effect_of_means(**(asked | changed))  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_one_unit_sees_nothing() -> None:
    with pytest.raises(TooFewUnits):
        minimum_effect_of_means(
            control_variance=1.0,
            treatment_variance=1.0,
            control_units=1,
            treatment_units=9,
            alpha=0.05,
            power=0.8,
        )
