"""Relative lift by Fieller: it agrees with the absolute test or is not stated."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import optimize, stats

from experiments.statistics.differences import Method, welch_difference
from experiments.statistics.errors import InvalidArgument, NoisyDenominator
from experiments.statistics.relative import LiftStatus, delta, fieller, log_delta
from experiments.statistics.samples import Estimate

estimates = some.builds(
    Estimate,
    n=some.integers(min_value=2, max_value=10**6),
    value=some.floats(min_value=-1e4, max_value=1e4),
    variance=some.floats(min_value=1e-6, max_value=1e4),
)


@given(estimates, estimates)
def test_lift_and_difference_never_disagree(
    control: Estimate, treatment: Estimate
) -> None:
    absolute = welch_difference(
        control, treatment, confidence=0.95, method=Method.WELCH
    )
    lift = fieller(control, treatment, critical=absolute.critical)
    assume(lift.status is LiftStatus.BOUNDED)
    assert lift.low is not None
    assert lift.high is not None
    assert lift.value is not None
    assume(min(abs(absolute.low), abs(absolute.high)) > 1e-9 * absolute.standard_error)
    assume(min(abs(lift.low), abs(lift.high)) > 1e-12)
    assert (lift.low > 0) == (absolute.low > 0)
    assert (lift.high < 0) == (absolute.high < 0)
    assert math.copysign(1, lift.value) == math.copysign(1, absolute.value)


@given(estimates, estimates)
def test_the_ends_are_where_the_ratio_is_just_rejected(
    control: Estimate, treatment: Estimate
) -> None:
    assume(control.value > 3 * control.standard_error)
    assume(abs(treatment.value) < 1e3 * control.value)
    assume(treatment.standard_error < 1e3 * control.value)
    lift = fieller(control, treatment, critical=1.96)
    assert lift.high is not None
    assert lift.value is not None

    def rejects(ratio: float) -> float:
        gap = abs(treatment.value - ratio * control.value)
        noise = math.sqrt(treatment.variance + ratio**2 * control.variance)
        return gap - 1.96 * noise

    start = 1 + lift.value
    end = optimize.brentq(rejects, start, start + 2 * (lift.high - lift.value) + 1e-9)
    assert 1 + lift.high == pytest.approx(end, rel=1e-6, abs=1e-9)


def test_a_baseline_near_zero_has_no_lift() -> None:
    noisy = Estimate(n=50, value=0.1, variance=0.01)
    lift = fieller(noisy, Estimate(n=50, value=0.2, variance=0.01), critical=1.96)
    assert lift.status is LiftStatus.BASELINE_TOO_NOISY
    assert (lift.value, lift.low, lift.high) == (None, None, None)


def test_a_baseline_of_zero_has_no_lift() -> None:
    nothing = Estimate(n=50, value=0.0, variance=0.0)
    lift = fieller(nothing, Estimate(n=50, value=0.2, variance=0.01), critical=1.96)
    assert lift.status is LiftStatus.BASELINE_TOO_NOISY


def test_a_lift_beyond_all_numbers_is_not_stated() -> None:
    tiny = Estimate(n=50, value=1e-300, variance=0.0)
    lift = fieller(tiny, Estimate(n=50, value=1e200, variance=1.0), critical=1.96)
    assert lift.status is LiftStatus.BASELINE_TOO_NOISY


def test_below_zero_a_rise_is_still_a_rise() -> None:
    control = Estimate(n=900, value=-4.0, variance=0.0001)
    treatment = Estimate(n=900, value=-3.0, variance=0.0001)
    lift = fieller(control, treatment, critical=1.96)
    assert lift.value == pytest.approx(0.25)
    assert lift.low is not None
    assert lift.high is not None
    assert 0 < lift.low < 0.25 < lift.high


def test_a_critical_value_must_be_above_zero() -> None:
    arm = Estimate(n=50, value=1.0, variance=0.01)
    with pytest.raises(InvalidArgument, match="critical"):
        fieller(arm, arm, critical=0.0)


@given(
    estimates,
    estimates,
    some.floats(min_value=-0.99, max_value=0.99),
)
def test_estimates_that_vary_together_agree_too(
    control: Estimate, treatment: Estimate, correlation: float
) -> None:
    covariance = correlation * control.standard_error * treatment.standard_error
    variance = control.variance + treatment.variance - 2 * covariance
    margin = 1.96 * math.sqrt(variance)
    value = treatment.value - control.value
    lift = fieller(control, treatment, critical=1.96, covariance=covariance)
    assume(lift.low is not None)
    assume(lift.high is not None)
    assert lift.low is not None
    assert lift.high is not None
    assume(abs(abs(value) - margin) > 1e-6 * (abs(control.value) + margin))
    assert (lift.low > 0) == (value - margin > 0)
    assert (lift.high < 0) == (value + margin < 0)
    for end in (lift.low, lift.high):
        ratio = 1 + math.copysign(end, end * control.value)
        gap = abs(treatment.value - ratio * control.value)
        noise = treatment.variance + ratio**2 * control.variance
        noise -= 2 * ratio * covariance
        scale = abs(treatment.value) + abs(ratio * control.value)
        assert gap == pytest.approx(
            1.96 * math.sqrt(max(noise, 0.0)), rel=1e-5, abs=1e-6 * scale
        )


def test_the_delta_method_is_the_gradient_times_the_variances() -> None:
    control, treatment = Estimate(80, -8.0, 0.3), Estimate(90, -7.0, 0.5)
    found = delta(control, treatment, degrees=150.0, confidence=0.9, covariance=0.1)
    gradient = np.array([7.0 / 64.0, -1.0 / 8.0])
    matrix = np.array([[0.3, 0.1], [0.1, 0.5]])
    error = math.sqrt(gradient @ matrix @ gradient)
    assert found.value == pytest.approx(1 / 8)
    assert found.standard_error == pytest.approx(error, rel=1e-12)
    margin = stats.t.ppf(0.95, 150) * error
    assert found.high == pytest.approx(1 / 8 + margin, rel=1e-9)
    plain = delta(control, treatment, degrees=None, confidence=0.9)
    assert plain.critical == pytest.approx(stats.norm.ppf(0.95), rel=1e-12)


def test_log_delta_is_even_on_the_logarithmic_scale() -> None:
    control, treatment = Estimate(80, 8.0, 0.3), Estimate(90, 9.0, 0.5)
    lift = log_delta(control, treatment, confidence=0.95)
    assert lift.low is not None
    assert lift.high is not None
    assert (1 + lift.low) * (1 + lift.high) == pytest.approx((9 / 8) ** 2, rel=1e-12)
    error = math.sqrt(0.3 / 64 + 0.5 / 81)
    assert math.log((1 + lift.high) / (9 / 8)) / error == pytest.approx(1.97, abs=0.01)


def test_below_zero_the_controls_size_is_the_scale() -> None:
    control, treatment = Estimate(80, -8.0, 0.3), Estimate(90, -9.0, 0.5)
    mirrored = [Estimate(a.n, -a.value, a.variance) for a in (control, treatment)]
    lift = log_delta(control, treatment, confidence=0.95)
    known = log_delta(mirrored[0], mirrored[1], confidence=0.95)
    assert lift.value == pytest.approx(-1 / 8)
    assert lift.low == pytest.approx(-(known.high or 0.0))


@pytest.mark.parametrize("value", [0.0, 0.9])
def test_a_control_near_zero_is_refused_by_the_delta_method(value: float) -> None:
    noisy, clear = Estimate(80, value, 0.04), Estimate(80, 5.0, 0.04)
    with pytest.raises(NoisyDenominator):
        delta(noisy, clear, degrees=None, confidence=0.95)
    with pytest.raises(NoisyDenominator):
        log_delta(clear, noisy, confidence=0.95)


def test_arms_of_other_signs_have_no_logarithm() -> None:
    with pytest.raises(InvalidArgument, match="sign"):
        log_delta(Estimate(9, 5.0, 0.1), Estimate(9, -5.0, 0.1), confidence=0.95)
