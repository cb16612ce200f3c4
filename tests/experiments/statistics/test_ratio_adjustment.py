"""Adjusted ratios: against the rows made linear by hand, and by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.adjustment import lin
from experiments.statistics.crossproducts import Moments
from experiments.statistics.errors import (
    InvalidArgument,
    StatisticsError,
)
from experiments.statistics.ratio_adjustment import ratio_cuped, ratio_lin
from experiments.statistics.ratios import delta
from tests.experiments.statistics.units import Floats, summarised

seeds = some.integers(min_value=0, max_value=10**6)


def drawn(seed: int, n: int, *, effect: float = 0.0) -> Floats:
    """Numerator and denominator after and before exposure: (n, 4)."""
    generator = np.random.default_rng(seed)
    activity = generator.gamma(3.0, 2.0, n)
    taste = generator.beta(2.0, 5.0, n)
    d = 1.0 + generator.poisson(activity)
    y = generator.binomial(d.astype(np.int64), np.clip(taste + effect, 0, 1))
    before = 1.0 + generator.poisson(activity)
    x = generator.binomial(before.astype(np.int64), taste)
    return np.column_stack([y, d, x, before]).astype(np.float64)


def pair(seed: int, n: int) -> tuple[Floats, Floats]:
    """A control and a treatment of other sizes."""
    return drawn(seed, n), drawn(seed + 1, n + n // 4, effect=0.03)


def by_hand(arms: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Each row's own ratio, made linear: outcome by arm, covariate over both."""
    rows = np.vstack(arms)
    past = rows[:, 2].sum() / rows[:, 3].sum()
    made = []
    for arm in arms:
        ratio = arm[:, 0].sum() / arm[:, 1].sum()
        z = ratio + (arm[:, 0] - ratio * arm[:, 1]) / arm[:, 1].mean()
        w = (arm[:, 2] - past * arm[:, 3]) / rows[:, 3].mean()
        made.append(np.column_stack([z, w]))
    return made[0], made[1]


@pytest.mark.parametrize("size", [60, 400, 3000])
def test_lin_on_ratios_is_lin_on_rows_made_linear(size: int) -> None:
    arms = pair(8, size)
    found = ratio_lin(*summarised(arms), confidence=0.95)
    known = lin(*summarised(by_hand(arms)), confidence=0.95)
    for name in ("value", "standard_error", "degrees", "p_value", "low", "high"):
        assert getattr(found.difference, name) == pytest.approx(
            getattr(known.difference, name), rel=1e-8
        )


def test_further_covariates_may_follow() -> None:
    arms = pair(9, 500)
    generator = np.random.default_rng(1)
    made = by_hand(arms)
    extra = [generator.integers(0, 2, (len(arm), 2)).astype(float) for arm in arms]
    longer = tuple(np.hstack([a, e]) for a, e in zip(arms, extra, strict=True))
    known = tuple(np.hstack([a, e]) for a, e in zip(made, extra, strict=True))
    found = ratio_lin(*summarised((longer[0], longer[1])), confidence=0.95)
    expected = lin(*summarised((known[0], known[1])), confidence=0.95)
    assert found.columns == (1, 2, 3)
    assert found.difference.value == pytest.approx(expected.difference.value, rel=1e-9)


def test_cuped_on_ratios_takes_each_arms_own_ratio_before_exposure() -> None:
    arms = pair(10, 700)
    rows = np.vstack(arms)
    past = rows[:, 2].sum() / rows[:, 3].sum()
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    z = (rows[:, 0] - ratio * rows[:, 1]) / rows[:, 1].mean()
    w = (rows[:, 2] - past * rows[:, 3]) / rows[:, 3].mean()
    theta = np.cov(z, w)[0, 1] / w.var(ddof=1)
    moved = []
    for arm in arms:
        own = arm[:, 2].sum() / arm[:, 3].sum()
        value = arm[:, 0].sum() / arm[:, 1].sum()
        z = value + (arm[:, 0] - value * arm[:, 1]) / arm[:, 1].mean()
        w = own - past + (arm[:, 2] - own * arm[:, 3]) / arm[:, 3].mean()
        moved.append(z - theta * w)
    known = stats.ttest_ind(moved[1], moved[0], equal_var=False)
    found = ratio_cuped(*summarised(arms), confidence=0.95)
    assert found.control_slopes == pytest.approx([theta], rel=1e-9)
    assert found.control.value == pytest.approx(moved[0].mean(), rel=1e-9)
    assert found.difference.p_value == pytest.approx(known.pvalue, rel=1e-7)


@given(seeds)
def test_adjusting_for_the_past_is_more_precise(seed: int) -> None:
    found = ratio_lin(*summarised(pair(seed, 2000)), confidence=0.95)
    assert found.variance_reduction > 0.05


@given(seeds, some.floats(min_value=1e-3, max_value=1e3))
def test_a_change_of_the_denominators_unit_only_rescales(
    seed: int, factor: float
) -> None:
    arms = pair(seed, 200)
    scaled = tuple(arm * (1.0, factor, 1.0, factor) for arm in arms)
    before = ratio_lin(*summarised(arms), confidence=0.95).difference
    after = ratio_lin(*summarised((scaled[0], scaled[1])), confidence=0.95).difference
    assert after.value * factor == pytest.approx(before.value, rel=1e-7, abs=1e-12)
    assert after.log_p_value == pytest.approx(before.log_p_value, rel=1e-6, abs=1e-9)


@given(seeds)
def test_swapping_the_arms_only_flips_the_sign(seed: int) -> None:
    control, treatment = summarised(pair(seed, 150))
    for method in (ratio_lin, ratio_cuped):
        there = method(control, treatment, confidence=0.95).difference
        back = method(treatment, control, confidence=0.95).difference
        assert back.value == pytest.approx(-there.value, rel=1e-9)
        assert back.low == pytest.approx(-there.high, rel=1e-9)


@pytest.mark.parametrize("method", [ratio_lin, ratio_cuped])
def test_without_a_past_it_is_the_delta_method(method: object) -> None:
    arms = pair(3, 200)
    for arm in arms:
        arm[:, 2:] = 0.0
    moments = summarised(arms)
    assert callable(method)
    found = method(*moments, confidence=0.95).difference
    known = delta(moments[0].pair(), moments[1].pair(), confidence=0.95)
    assert found.p_value == pytest.approx(known.p_value, rel=1e-9)


def test_a_past_that_never_varies_changes_nothing() -> None:
    arms = pair(4, 200)
    for arm in arms:
        arm[:, 2:] = (1.0, 2.0)
    moments = summarised(arms)
    found = ratio_cuped(*moments, confidence=0.95)
    known = delta(moments[0].pair(), moments[1].pair(), confidence=0.95)
    assert found.difference == known
    assert found.columns == ()


@pytest.mark.parametrize("columns", [(0, 1), (0, 1, 2), (0, 1, 2, 3, 3)])
def test_four_columns_are_needed(columns: tuple[int, ...]) -> None:
    arms = [arm.select(columns) for arm in summarised(pair(4, 200))]
    with pytest.raises(InvalidArgument, match="columns"):
        ratio_cuped(arms[0], arms[1], confidence=0.95)


@pytest.mark.parametrize("method", [ratio_lin, ratio_cuped])
def test_a_denominator_near_zero_is_refused(method: object) -> None:
    arms = pair(4, 200)
    arms[1][:, 1] -= arms[1][:, 1].mean()
    assert callable(method)
    with pytest.raises(StatisticsError, match="denominator"):
        method(*summarised(arms), confidence=0.95)


def test_arms_with_other_columns_cannot_be_compared() -> None:
    control, treatment = summarised(pair(4, 200))
    with pytest.raises(InvalidArgument, match="columns"):
        ratio_lin(control, Moments.of(np.ones((9, 5))), confidence=0.95)
    with pytest.raises(InvalidArgument, match="columns"):
        ratio_lin(control, treatment.select((0, 1)), confidence=0.95)
