"""Relative lift by Fieller: it agrees with the absolute test or is not stated."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import optimize

from experiments.statistics.differences import Method, welch_difference
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.relative import LiftStatus, fieller
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
