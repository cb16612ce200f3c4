"""Sizes are for what both arms are like: against formulas, peers and simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.plan import StoppingRule
from experiments.readiness.powering import baseline_of_means, baseline_of_ratios
from experiments.readiness.questions import Baseline, Clusters, Question, Widening
from experiments.readiness.sizing import minimum_effect, power_of, sized

SHARE = Question(Baseline(0.3, 0.21, binary=True), 0.05)
REVENUE = Question(Baseline.assumed(10.0, 400.0, Widening.AMOUNTS), 2.0)
VISITS = Question(Baseline.assumed(4.0, 9.0, Widening.COUNTS), 0.4)
MINUTES = Question(Baseline.assumed(10.0, 100.0, Widening.NONE), 0.5)
ALL = (SHARE, REVENUE, VISITS, MINUTES)
REACH = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.8, 0.2), (0.2, 0.8)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("question", ALL)
def test_the_effect_at_the_units_is_the_one_that_they_were_counted_for(
    question: Question, sign: int, weights: tuple[float, float]
) -> None:
    asked = replace(question, effect=sign * question.effect, weights=weights)
    total = sized(asked).total
    assert minimum_effect(asked, total) == pytest.approx(asked.effect, rel=0.002)
    assert power_of(asked, total) == pytest.approx(0.8, abs=0.002)


@pytest.mark.parametrize("question", ALL)
def test_looks_clusters_and_adjustment_multiply_what_both_arms_need(
    question: Question,
) -> None:
    plain = sized(question).total
    clusters = Clusters(10, 0.5, 0.05)
    harder = replace(
        question,
        stopping=StoppingRule.OBRIEN_FLEMING,
        explained=0.3,
        clusters=clusters,
    )
    size = sized(harder)
    factor = 0.7 * clusters.design_effect * size.inflation
    assert size.total * 10 == pytest.approx(plain * factor, abs=40)
    shown = minimum_effect(harder, size.total / size.inflation)
    assert shown == pytest.approx(question.effect, rel=0.02)


def test_a_share_of_the_coefficient_of_variation_is_the_published_rule() -> None:
    """Van Belle and Martin (1993): CV², times 1 + (1 - c)² over c², for a change c.

    c is a share of the larger mean; their 8 is what 7.849 is rounded to.
    """
    for variation, change in ((0.5, 0.1), (1.0, 0.2), (3.0, 0.3)):
        start = 100.0 * (1 - change)
        base = Baseline.assumed(start, (variation * start) ** 2, Widening.AMOUNTS)
        rule = REACH**2 * (variation / change) ** 2 * (1 + (1 - change) ** 2)
        found = sized(Question(base, 100.0 - start)).per_arm[0]
        assert found == math.ceil(rule - 1e-9)


def test_counts_are_the_published_sizes_of_the_negative_binomial() -> None:
    """As by rates and dispersion (Zhu and Lakkis 2014), of the difference of means."""
    rate, dispersion, lift = 0.8, 0.7, 0.25
    variance = rate + dispersion * rate**2
    treated = rate * (1 + lift)
    wide = treated + dispersion * treated**2
    question = Question(Baseline.assumed(rate, variance, Widening.COUNTS), rate * lift)
    needed = REACH**2 * (variance + wide) / (rate * lift) ** 2
    assert sized(question).per_arm[0] == math.ceil(needed - 1e-9)


@pytest.mark.parametrize("weights", [(0.8, 0.2), (0.2, 0.8), (0.5, 0.5)])
@pytest.mark.parametrize(("mean", "effect"), [(0.04, 0.01), (0.3, 0.1), (0.6, -0.2)])
def test_shares_have_units_for_the_score_test_and_for_welchs(
    mean: float, effect: float, weights: tuple[float, float]
) -> None:
    question = Question(
        Baseline(mean, mean * (1 - mean), binary=True), effect, weights=weights
    )
    ratio = weights[1] / weights[0]
    end = mean + effect
    separate = mean * (1 - mean) + end * (1 - end) / ratio
    whole = (mean + ratio * end) / (1 + ratio)
    pooled = whole * (1 - whole) * (1 + 1 / ratio)
    level, miss = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    score = (level * math.sqrt(pooled) + miss * math.sqrt(separate)) ** 2
    welch = REACH**2 * separate
    found = sized(question).per_arm[0]
    assert found == math.ceil(max(score, welch) / effect**2 - 1e-9)


def test_swapping_arms_and_shares_swaps_units() -> None:
    up = Question(Baseline(0.3, 0.21, binary=True), 0.1, weights=(0.8, 0.2))
    down = Question(Baseline(0.4, 0.24, binary=True), -0.1, weights=(0.2, 0.8))
    assert sized(up).total == pytest.approx(sized(down).total, abs=6)


def test_what_widens_needs_more_units_the_larger_the_effect_is() -> None:
    """Beside the same plan with both arms alike, as tables have it."""
    extra = []
    for lift in (0.01, 0.1, 0.5, 1.0):
        amounts = replace(REVENUE, effect=10.0 * lift)
        alike = replace(amounts, baseline=Baseline.assumed(10.0, 400.0, Widening.NONE))
        extra.append(sized(amounts).total / sized(alike).total)
    expected = [(1 + (1 + lift) ** 2) / 2 for lift in (0.01, 0.1, 0.5, 1.0)]
    assert extra == pytest.approx(expected, rel=0.01)


def test_some_effects_are_never_seen_by_so_few_units() -> None:
    """Where the deviation grows as the effect does, a larger one is no clearer."""
    assert minimum_effect(REVENUE, 30) is None
    assert minimum_effect(replace(REVENUE, effect=-1.0), 30) is not None
    assert minimum_effect(MINUTES, 30) is not None


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.8, 0.2)])
def test_amounts_that_a_treatment_multiplies_are_seen_as_often_as_planned(
    weights: tuple[float, float],
) -> None:
    """Half of the units pay, a third more with the treatment; by Welch's test."""
    draw, runs, lift = np.random.default_rng(17), 4_000, 1.35

    def paid(*shape: int) -> np.ndarray:
        return draw.gamma(2.0, 10.0, shape) * (draw.random(shape) < 0.5)

    base = baseline_of_means(paid(400_000), event=0.0)
    question = Question(base, (lift - 1) * base.mean, weights=weights)
    first, second = sized(question).per_arm
    control, treated = paid(runs, first), lift * paid(runs, second)
    shown = stats.ttest_ind(treated, control, axis=1, equal_var=False).pvalue < 0.05
    assert float(shown.mean()) == pytest.approx(0.8, abs=0.035)
    alike = replace(question, baseline=replace(base, level=0.0))
    fewer = sized(alike).per_arm
    control, treated = paid(runs, fewer[0]), lift * paid(runs, fewer[1])
    found = stats.ttest_ind(treated, control, axis=1, equal_var=False).pvalue < 0.05
    assert float(found.mean()) < float(shown.mean()) - 0.05


def test_a_ratio_of_counts_is_seen_as_often_as_planned() -> None:
    """Orders per visit, by the delta method; a unit's own rate is multiplied."""
    draw, runs, lift = np.random.default_rng(18), 2_000, 1.3

    def unit(*shape: int, times: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        visits = 1.0 + draw.poisson(2.0, shape)
        rates = draw.gamma(4.0, 0.3 / 4.0, shape) * times
        return draw.poisson(visits * rates).astype(np.float64), visits

    base = baseline_of_ratios(*unit(400_000), event=1.0)
    units = sized(Question(base, (lift - 1) * base.mean)).per_arm[0]
    means, errors = [], []
    for times in (1.0, lift):
        orders, visits = unit(runs, units, times=times)
        ratio = orders.sum(1) / visits.sum(1)
        rest = (orders - ratio[:, None] * visits) / visits.mean(1)[:, None]
        means.append(ratio)
        errors.append(rest.var(1, ddof=1) / units)
    shown = (means[1] - means[0]) / np.sqrt(errors[0] + errors[1])
    share = float((np.abs(shown) > stats.norm.isf(0.025)).mean())
    assert share == pytest.approx(0.8, abs=0.04)


def test_refunds_are_sizes_too() -> None:
    """A mean near 0 is not what an effect is a share of, if values are both."""
    values = np.array([10.0, -9.0] * 50)
    base = baseline_of_means(values, event=0.0)
    assert (base.mean, base.level) == (0.5, 9.5)
    assert base.moved(0.95) == pytest.approx(base.variance * 1.1**2)
    losses = baseline_of_means(-np.abs(values), event=0.0)
    assert losses.moved(-0.95) == pytest.approx(losses.variance * 1.1**2)
    assert losses.moved(0.95) == losses.variance
