"""Two proportions: Welch where counts allow it, the inverted score test elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import optimize, stats

from experiments.statistics.differences import Method
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.proportions import Proportion, compare, jeffreys, score

arms = some.integers(min_value=2, max_value=400).flatmap(
    lambda n: some.builds(Proportion, some.just(n), some.integers(0, n))
)


@pytest.mark.parametrize(
    ("treatment", "control", "low", "high"),
    [
        (Proportion(70, 56), Proportion(80, 48), 0.0528, 0.3382),
        (Proportion(10, 9), Proportion(10, 3), 0.1700, 0.8406),
        (Proportion(7, 6), Proportion(7, 2), 0.0342, 0.8534),
        (Proportion(56, 5), Proportion(29, 0), -0.0326, 0.1933),
        (Proportion(10, 0), Proportion(20, 0), -0.1658, 0.2844),
        (Proportion(10, 0), Proportion(10, 0), -0.2879, 0.2879),
        (Proportion(10, 10), Proportion(20, 0), 0.7156, 1.0000),
    ],
)
def test_the_interval_is_the_published_one(
    treatment: Proportion, control: Proportion, low: float, high: float
) -> None:
    """R. G. Newcombe (1998), Statistics in Medicine 17, table II, method 6."""
    found = score(control, treatment, confidence=0.95)
    assert round(found.low, 4) == low
    assert round(found.high, 4) == high


@given(arms, arms)
def test_the_restricted_error_maximises_the_likelihood(
    control: Proportion, treatment: Proportion
) -> None:
    """The interval's ends are where a numerical maximisation also just rejects."""
    found = score(control, treatment, confidence=0.95)
    assume(found.low > -0.999)
    share = _most_likely(control, treatment, found.low)
    variance = share * (1 - share) / control.n
    moved = share + found.low
    variance += moved * (1 - moved) / treatment.n
    total = control.n + treatment.n
    error = math.sqrt(variance * total / (total - 1))
    assert found.value - found.low == pytest.approx(1.959964 * error, abs=2e-4)


def _most_likely(control: Proportion, treatment: Proportion, shift: float) -> float:
    def loss(p: float) -> float:
        pairs = ((control, p), (treatment, p + shift))
        return -sum(
            arm.successes * math.log(max(share, 1e-300))
            + (arm.n - arm.successes) * math.log(max(1 - share, 1e-300))
            for arm, share in pairs
        )

    low, high = max(0.0, -shift), min(1.0, 1.0 - shift)
    found = optimize.minimize_scalar(
        loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    return min((low, high, float(found.x)), key=loss)


@given(arms, arms)
def test_the_score_statistic_is_the_pooled_one(
    control: Proportion, treatment: Proportion
) -> None:
    pooled = (control.successes + treatment.successes) / (control.n + treatment.n)
    assume(0 < pooled < 1)
    table = [
        [control.successes, control.n - control.successes],
        [treatment.successes, treatment.n - treatment.successes],
    ]
    chi = stats.chi2_contingency(table, correction=False).statistic
    total = control.n + treatment.n
    found = score(control, treatment, confidence=0.95)
    assert found.statistic**2 == pytest.approx(chi * (total - 1) / total, rel=1e-6)


@given(arms, arms)
def test_swapping_the_arms_only_flips_the_sign(
    one: Proportion, other: Proportion
) -> None:
    there = compare(one, other, confidence=0.95)
    back = compare(other, one, confidence=0.95)
    assert back.value == pytest.approx(-there.value, abs=1e-15)
    assert back.low == pytest.approx(-there.high, abs=1e-9)
    assert back.p_value == pytest.approx(there.p_value, rel=1e-9)


@given(arms, arms)
def test_p_and_interval_agree(control: Proportion, treatment: Proportion) -> None:
    found = compare(control, treatment, confidence=0.95)
    assume(abs(found.p_value - 0.05) > 1e-6)
    assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    assert found.low >= -1.0 or found.method is Method.WELCH
    assert math.isfinite(found.low + found.high + found.log_p_value)


def test_ten_in_each_cell_are_enough_for_welch() -> None:
    enough, short = Proportion(100, 10), Proportion(100, 9)
    assert compare(enough, enough, confidence=0.95).method is Method.WELCH
    assert compare(enough, short, confidence=0.95).method is Method.SCORE
    assert compare(short, enough, confidence=0.95).method is Method.SCORE


def test_welch_on_counts_is_welch_on_zeros_and_ones() -> None:
    control, treatment = np.repeat([0, 1], [360, 40]), np.repeat([0, 1], [300, 60])
    known = stats.ttest_ind(treatment, control, equal_var=False)
    found = compare(Proportion(400, 40), Proportion(360, 60), confidence=0.95)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)
    interval = known.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_nobody_in_either_arm_is_no_difference() -> None:
    found = compare(Proportion(50, 0), Proportion(70, 0), confidence=0.95)
    assert (found.value, found.p_value) == (0.0, 1.0)
    assert found.low < 0 < found.high


def test_counts_that_no_arm_has_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="successes"):
        Proportion(5, 6)
    with pytest.raises(TooFewUnits):
        Proportion(0, 0)


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (12, 12), (3, 40), (172, 210)])
def test_jeffreys_interval_is_its_priors_posterior(hits: int, n: int) -> None:
    found = jeffreys(Proportion(n, hits), confidence=0.9)
    belief = stats.beta(hits + 0.5, n - hits + 0.5)
    known = (
        belief.ppf(0.05) if hits else 0.0,
        belief.ppf(0.95) if hits < n else 1.0,
    )
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)
    with pytest.raises(InvalidArgument, match="confidence"):
        jeffreys(Proportion(n, hits), confidence=1.0)
