"""Welch's comparison: against scipy, by property, and far out in the tails."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.differences import student_tail
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.means import welch
from experiments.statistics.samples import Sample
from experiments.statistics.tails import log_student_tail, normal_tail

sizes = some.integers(min_value=2, max_value=10**7)
centres = some.floats(min_value=-1e6, max_value=1e6)
spreads = some.floats(min_value=1e-3, max_value=1e6)
samples = some.builds(
    lambda n, mean, spread: Sample(n, mean, spread**2 * (n - 1)),
    sizes,
    centres,
    spreads,
)


@given(samples, samples)
def test_welch_agrees_with_scipy(control: Sample, treatment: Sample) -> None:
    found = welch(control, treatment, confidence=0.95)
    known = stats.ttest_ind_from_stats(
        treatment.mean,
        math.sqrt(treatment.variance),
        treatment.n,
        control.mean,
        math.sqrt(control.variance),
        control.n,
        equal_var=False,
    )
    assert found.statistic == pytest.approx(known.statistic, rel=1e-9, abs=1e-12)
    if known.pvalue > 1e-280:
        assert found.p_value == pytest.approx(known.pvalue, rel=1e-7)


@given(samples, samples)
def test_swapping_the_arms_only_flips_the_sign(one: Sample, other: Sample) -> None:
    there = welch(one, other, confidence=0.9)
    back = welch(other, one, confidence=0.9)
    assert back.value == -there.value
    assert back.low == pytest.approx(-there.high, rel=1e-12)
    assert back.p_value == pytest.approx(there.p_value, rel=1e-12)


@given(samples, samples, some.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_excludes_zero_exactly_where_p_is_small(
    control: Sample, treatment: Sample, confidence: float
) -> None:
    found = welch(control, treatment, confidence=confidence)
    assume(abs(found.p_value - (1 - confidence)) > 1e-9)
    excludes = found.low > 0 or found.high < 0
    assert excludes == (found.p_value < 1 - confidence)


@given(samples, samples, some.floats(min_value=1e-3, max_value=1e3))
def test_a_change_of_unit_changes_no_p_value(
    control: Sample, treatment: Sample, factor: float
) -> None:
    def scaled(arm: Sample) -> Sample:
        return Sample(arm.n, arm.mean * factor, arm.deviations * factor**2)

    before = welch(control, treatment, confidence=0.95)
    after = welch(scaled(control), scaled(treatment), confidence=0.95)
    assert after.log_p_value == pytest.approx(before.log_p_value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("statistic", [3.0, 40.0, 1e5, 1e160])
def test_the_log_tail_is_the_closed_form_at_one_and_two_degrees(
    statistic: float,
) -> None:
    one = math.log(math.atan(1 / statistic) / math.pi)
    two = math.log(-math.expm1(-0.5 * math.log1p(2 / statistic / statistic)) / 2)
    assert log_student_tail(statistic, 1.0) == pytest.approx(one, rel=1e-12)
    if statistic < 1e150:
        assert log_student_tail(statistic, 2.0) == pytest.approx(two, rel=1e-12)


@pytest.mark.parametrize("degrees", [5.5, 80.0, 4321.0, 2e6])
@pytest.mark.parametrize("p_value", [1e-3, 1e-30, 1e-250])
def test_the_log_tail_agrees_with_the_ordinary_one(
    degrees: float, p_value: float
) -> None:
    statistic = float(stats.t.isf(p_value, degrees))
    assert log_student_tail(statistic, degrees) == pytest.approx(
        math.log(p_value), rel=1e-9
    )


@pytest.mark.parametrize("degrees", [50_000.0, 3e7])
def test_a_p_value_beyond_all_numbers_is_not_zero(degrees: float) -> None:
    tail = student_tail(60.0, degrees)
    assert tail.p_value == pytest.approx(2.2250738585072014e-308)
    assert tail.log_p_value < math.log(1e-308)
    assert tail.log_p_value > normal_tail(60.0).log_p_value
    assert student_tail(61.0, degrees).log_p_value < tail.log_p_value


def test_the_normal_tail_far_out_is_mills_ratio() -> None:
    z = 100.0
    series = -z * z / 2 - math.log(z * math.sqrt(math.tau)) + math.log1p(-1 / z**2)
    assert normal_tail(z).log_p_value == pytest.approx(math.log(2) + series, rel=1e-9)


def test_no_difference_has_p_one() -> None:
    arm = Sample(50, 3.0, 12.0)
    found = welch(arm, arm, confidence=0.95)
    assert (found.p_value, found.log_p_value, found.value) == (1.0, 0.0, 0.0)


def test_one_constant_arm_is_enough_variation() -> None:
    found = welch(Sample(30, 1.0, 0.0), Sample(30, 2.0, 29.0), confidence=0.95)
    assert found.degrees == pytest.approx(29.0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, math.nan])
def test_a_confidence_outside_zero_to_one_is_refused(confidence: float) -> None:
    arm = Sample(50, 3.0, 12.0)
    with pytest.raises(InvalidArgument, match="confidence"):
        welch(arm, arm, confidence=confidence)


def test_two_constant_arms_cannot_be_compared() -> None:
    with pytest.raises(NoVariation):
        welch(Sample(50, 3.0, 0.0), Sample(50, 4.0, 0.0), confidence=0.95)


def test_an_effect_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="finite"):
        welch(Sample(9, -1e308, 1.0), Sample(9, 1e308, 1.0), confidence=0.95)


def test_one_unit_is_too_few() -> None:
    with pytest.raises(TooFewUnits):
        welch(Sample(1, 3.0, 0.0), Sample(50, 4.0, 1.0), confidence=0.95)
