"""Non-inferiority: margins that are numbers, and margins that are shares."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import optimize, stats

from experiments.statistics.directions import Better
from experiments.statistics.errors import (
    InvalidArgument,
    NoVariation,
    StatisticsError,
    TooFewUnits,
)
from experiments.statistics.inferiority import (
    MarginKind,
    against_margin,
    against_share,
    proportions_against_margin,
    score_against_margin,
    smallest_margin,
)
from experiments.statistics.means import welch
from experiments.statistics.proportions import Proportion, restricted_error
from experiments.statistics.samples import Estimate, Sample


def drawn(seed: int, n: int, mean: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 2.0, n)


def summary(values: np.ndarray) -> Sample:
    return Sample(
        n=len(values),
        mean=float(values.mean()),
        deviations=float(((values - values.mean()) ** 2).sum()),
    )


@pytest.mark.parametrize("better", Better)
@pytest.mark.parametrize("margin", [0.1, 0.4])
@pytest.mark.parametrize("effect", [-0.3, 0.0, 0.3])
def test_means_agree_with_a_shifted_test(
    effect: float, margin: float, better: Better
) -> None:
    control, treatment = drawn(1, 150, 10.0), drawn(2, 170, 10.0 + effect)
    difference = welch(summary(control), summary(treatment), confidence=0.9)
    found = against_margin(
        difference.value,
        difference.standard_error,
        degrees=difference.degrees,
        margin=margin,
        better=better,
        alpha=0.05,
    )
    known = stats.ttest_ind(
        treatment + better.sign * margin,
        control,
        equal_var=False,
        alternative="greater" if better is Better.HIGHER else "less",
    )
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)
    assert found.statistic == pytest.approx(better.sign * known.statistic, rel=1e-9)
    ends = (difference.low, difference.high)
    assert found.bound == pytest.approx(ends[0 if better is Better.HIGHER else 1])


@given(some.floats(-3, 3), some.floats(0.1, 2), some.floats(0.1, 3))
def test_the_bound_is_within_the_margin_exactly_where_it_is_shown(
    value: float, error: float, margin: float
) -> None:
    for better in Better:
        found = against_margin(
            value, error, degrees=None, margin=margin, better=better, alpha=0.05
        )
        assert found.bound is not None
        assert found.shown == (better.sign * found.bound > -margin)
        assert found.shown == (found.p_value <= 0.05)


@pytest.mark.parametrize("better", Better)
@pytest.mark.parametrize("share", [0.02, 0.1])
def test_a_random_margin_tests_the_shifted_contrast(
    share: float, better: Better
) -> None:
    control = Estimate(n=400, value=20.0, variance=0.09)
    treatment = Estimate(n=420, value=19.7, variance=0.08)
    factor = 1.0 - better.sign * share
    known = (19.7 - factor * 20.0) / math.sqrt(0.08 + factor**2 * 0.09)
    found = against_share(control, treatment, share=share, better=better, alpha=0.05)
    assert found.statistic == pytest.approx(better.sign * known, rel=1e-12)


@given(
    some.floats(5, 50), some.floats(-0.2, 0.2), some.floats(0.01, 0.15),
    some.sampled_from(Better), some.sampled_from([-1.0, 1.0]),
)  # fmt: skip
def test_the_relative_bound_agrees_with_its_test(
    mean: float, lift: float, share: float, better: Better, side: float
) -> None:
    control = Estimate(n=10**7, value=side * mean, variance=0.3)
    treatment = Estimate(n=10**7, value=side * mean * (1 + lift), variance=0.2)
    found = against_share(control, treatment, share=share, better=better, alpha=0.05)
    assert found.bound is not None
    gap = better.sign * found.bound + share
    if abs(gap) > 1e-6:
        assert found.shown == (gap > 0.0)


def test_a_margin_below_zero_takes_the_controls_size() -> None:
    up, down = (
        against_share(
            Estimate(n=300, value=side * 10.0, variance=0.1),
            Estimate(n=300, value=side * 9.5, variance=0.1),
            share=0.1,
            better=better,
            alpha=0.05,
        )
        for side, better in ((1.0, Better.HIGHER), (-1.0, Better.LOWER))
    )
    assert up.p_value == down.p_value
    assert up.bound == pytest.approx(-(down.bound or 0.0))


def test_a_fixed_margin_takes_the_control_as_known() -> None:
    control = Estimate(n=1000, value=5.0, variance=0.009)
    treatment = Estimate(n=1000, value=5.3, variance=0.0096)
    fixed = against_share(
        control,
        treatment,
        share=0.05,
        better=Better.HIGHER,
        alpha=0.05,
        kind=MarginKind.FIXED,
    )
    plain = against_margin(
        0.3,
        math.sqrt(0.0186),
        degrees=fixed.degrees,
        margin=0.25,
        better=Better.HIGHER,
        alpha=0.05,
    )
    assert fixed.p_value == pytest.approx(plain.p_value, rel=1e-9)
    assert fixed.bound == pytest.approx((plain.bound or 0.0) / 5.0, rel=1e-9)


def test_a_control_near_zero_has_no_relative_bound() -> None:
    found = against_share(
        Estimate(n=50, value=0.1, variance=1.0),
        Estimate(n=50, value=0.2, variance=1.0),
        share=0.1,
        better=Better.HIGHER,
        alpha=0.05,
    )
    assert found.bound is None
    assert 0.0 < found.p_value < 1.0


@pytest.mark.parametrize("margin", [0.02, -0.02, 0.3])
def test_restricted_shares_are_the_most_likely_ones(margin: float) -> None:
    control, treatment = Proportion(40, 15), Proportion(60, 22)

    def unlikely(share: float) -> float:
        other = share + margin
        return -float(
            stats.binom.logpmf(15, 40, share) + stats.binom.logpmf(22, 60, other)
        )

    low, high = max(0.0, -margin), min(1.0, 1.0 - margin)
    best = optimize.minimize_scalar(
        unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    other = best + margin
    variance = best * (1 - best) / 40 + other * (1 - other) / 60
    known = math.sqrt(variance * 100 / 99)
    assert restricted_error(control, treatment, margin) == pytest.approx(
        known, rel=1e-6
    )


@pytest.mark.parametrize("better", Better)
def test_the_score_bound_agrees_with_the_score_test(better: Better) -> None:
    for events in range(0, 30, 3):
        found = score_against_margin(
            Proportion(30, 12),
            Proportion(30, events),
            margin=0.2,
            better=better,
            alpha=0.05,
        )
        assert found.bound is not None
        assert found.shown == (better.sign * found.bound > -0.2)


def test_few_counts_take_the_score_test_and_many_welchs() -> None:
    few = proportions_against_margin(
        Proportion(30, 4), Proportion(30, 5), margin=0.1, better=Better.HIGHER,
        alpha=0.05,
    )  # fmt: skip
    many = proportions_against_margin(
        Proportion(300, 40), Proportion(300, 50), margin=0.1, better=Better.HIGHER,
        alpha=0.05,
    )  # fmt: skip
    assert few.degrees is None
    assert many.degrees is not None


def test_the_smallest_margin_is_shown_with_the_power_it_needs() -> None:
    margin = smallest_margin(
        control_variance=4.0,
        treatment_variance=4.0,
        control_units=500,
        treatment_units=800,
        alpha=0.05,
        power=0.8,
        guardrails=3,
    )
    error = math.sqrt(4.0 / 500 + 4.0 / 800)
    estimates = np.random.default_rng(5).normal(0.0, error, 40_000)
    shown = (estimates - stats.norm.isf(0.05) * error > -margin).mean()
    assert shown == pytest.approx(1 - 0.2 / 4, abs=0.004)


@pytest.mark.parametrize(
    ("changed", "argument", "error"),
    [
        ({"guardrails": 0}, "guardrails", InvalidArgument),
        ({"control_units": 1}, "control_units", TooFewUnits),
        ({"treatment_units": 1}, "treatment_units", TooFewUnits),
        ({"control_variance": 0.0}, "control_variance", InvalidArgument),
        ({"alpha": 0.5}, "alpha", InvalidArgument),
        ({"power": 1.0}, "power", InvalidArgument),
    ],
)
def test_impossible_plans_are_refused(
    changed: dict[str, float], argument: str, error: type[StatisticsError]
) -> None:
    asked = {
        "control_variance": 1.0,
        "treatment_variance": 1.0,
        "control_units": 50,
        "treatment_units": 50,
        "alpha": 0.05,
        "power": 0.8,
        "guardrails": 1,
    }
    with pytest.raises(error) as caught:
        smallest_margin(**(asked | changed))  # type: ignore[arg-type]
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"value": math.inf}, "value"),
        ({"standard_error": 0.0}, "standard_error"),
        ({"margin": 0.0}, "margin"),
        ({"degrees": 0.0}, "degrees"),
        ({"alpha": 0.7}, "alpha"),
    ],
)
def test_impossible_margins_are_refused(
    changed: dict[str, float], argument: str
) -> None:
    asked = {"value": 0.0, "standard_error": 1.0, "degrees": None, "margin": 1.0,
             "better": Better.HIGHER, "alpha": 0.05}  # fmt: skip
    with pytest.raises(InvalidArgument) as caught:
        against_margin(**(asked | changed))  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_a_share_of_nothing_and_arms_without_variation_are_refused() -> None:
    still = Estimate(n=9, value=1.0, variance=0.0)
    with pytest.raises(NoVariation):
        against_share(still, still, share=0.1, better=Better.HIGHER, alpha=0.05)
    with pytest.raises(InvalidArgument, match="control"):
        against_share(
            Estimate(n=9, value=0.0, variance=1.0),
            still,
            share=0.1,
            better=Better.HIGHER,
            alpha=0.05,
        )
