"""How much larger the treatment is than the control, as a share of the control."""

import math
from dataclasses import dataclass
from enum import StrEnum

from experiments.statistics.checks import finite, positive
from experiments.statistics.differences import (
    Difference,
    Method,
    normal_difference,
    student_difference,
    welch_difference,
)
from experiments.statistics.errors import InvalidArgument, NoisyDenominator
from experiments.statistics.ratios import MINIMUM_SIGNAL
from experiments.statistics.samples import Estimate


class LiftStatus(StrEnum):
    """Whether a relative difference can be stated."""

    BOUNDED = "BOUNDED"
    BASELINE_TOO_NOISY = "BASELINE_TOO_NOISY"


@dataclass(frozen=True, slots=True)
class Lift:
    """Relative difference; 0.05 means 5% above the control.

    Attributes:
        status: Whether it can be stated.
        value: Point estimate; None unless `status` is BOUNDED.
        low: Lower end of the interval; None unless `status` is BOUNDED.
        high: Upper end of the interval; None unless `status` is BOUNDED.
    """

    status: LiftStatus
    value: float | None
    low: float | None
    high: float | None


def fieller(
    control: Estimate, treatment: Estimate, *, critical: float, covariance: float = 0.0
) -> Lift:
    """Relative difference with the interval that agrees with the absolute test.

    The interval holds the ratios r for which treatment - r * control is not
    significantly different from 0, so it excludes no change exactly where the absolute
    interval at the same critical value excludes 0. Below zero the control's size is
    taken, so that the sign is that of the absolute difference.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit.
        critical: Critical value of the absolute comparison (`Difference.critical`).
        covariance: Covariance of the two estimates; 0 unless both were adjusted to
            one common mean of the covariates.

    Returns:
        The lift, or BASELINE_TOO_NOISY where the control is within `critical`
        standard errors of zero and the interval has no end.

    Raises:
        InvalidArgument: `critical` is not above 0, or `covariance` not finite.

    Reference:
        E. C. Fieller (1954), "Some problems in interval estimation", JRSS B 16.

    Example:
        >>> lift = fieller(
        ...     Estimate(n=500, value=10.0, variance=0.04),
        ...     Estimate(n=500, value=10.5, variance=0.04),
        ...     critical=1.96,
        ... )
        >>> round(lift.value, 3), round(lift.low, 4), round(lift.high, 4)
        (0.05, -0.0053, 0.1085)
    """
    noise = positive("critical", critical) * control.standard_error
    baseline = abs(control.value)
    if noise >= baseline or (noise / baseline) ** 2 == 1.0:
        return Lift(LiftStatus.BASELINE_TOO_NOISY, None, None, None)
    ratio = treatment.value / control.value
    base = (noise / baseline) ** 2
    own = critical * treatment.standard_error / baseline
    shared = 0.0
    if finite("covariance", covariance) != 0.0 and noise > 0.0:
        shared = critical * (covariance / control.standard_error / baseline)
    alone = math.sqrt(max(own * own - shared * shared, 0.0)) if shared else own
    slope = ratio * noise / baseline - shared
    spread = math.hypot(alone * math.sqrt(1.0 - base), slope)
    centre = ratio - shared * noise / baseline
    ends = ((centre - spread) / (1.0 - base), (centre + spread) / (1.0 - base))
    low, high = sorted(math.copysign(1.0, control.value) * (end - 1.0) for end in ends)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Lift(LiftStatus.BASELINE_TOO_NOISY, None, None, None)
    value = (treatment.value - control.value) / baseline
    return Lift(LiftStatus.BOUNDED, value, low, high)


def delta(
    control: Estimate,
    treatment: Estimate,
    *,
    degrees: float | None,
    confidence: float,
    covariance: float = 0.0,
) -> Difference:
    """Relative difference by the delta method, as other tools report it.

    Its p differs from that of the absolute difference, and its tails are lopsided while
    the control is noisy; `fieller` is what this service decides by.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit.
        degrees: Degrees of freedom of the absolute comparison; None for the normal.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        covariance: Covariance of the two estimates.

    Returns:
        The difference as a share of the control's size.

    Raises:
        NoisyDenominator: The control is less than five standard errors from zero.
        NoVariation: Neither estimate has a variance.
        InvalidArgument: `confidence` is not in (0, 1), or a number is not finite.

    Reference:
        A. Deng, U. Knoblich, J. Lu (2018), "Applying the delta method in metric
        analytics", KDD.

    Example:
        >>> found = delta(
        ...     Estimate(n=500, value=10.0, variance=0.04),
        ...     Estimate(n=500, value=10.5, variance=0.04),
        ...     degrees=None,
        ...     confidence=0.95,
        ... )
        >>> round(found.value, 3), round(found.low, 4), round(found.high, 4)
        (0.05, -0.0068, 0.1068)
    """
    require_signal(control)
    baseline = abs(control.value)
    standard_error = _ratio_error(control, treatment, covariance)
    value = (treatment.value - control.value) / baseline
    if degrees is None:
        return normal_difference(
            value, standard_error, confidence=confidence, method=Method.RELATIVE_DELTA
        )
    return student_difference(
        value,
        standard_error,
        degrees=degrees,
        confidence=confidence,
        method=Method.RELATIVE_DELTA,
    )


def require_signal(control: Estimate) -> None:
    """Refuse to divide by an estimate that may be zero.

    Raises:
        NoisyDenominator: It is less than five standard errors from zero.
    """
    noise = MINIMUM_SIGNAL * control.standard_error
    if control.value == 0.0 or abs(control.value) <= noise:
        raise NoisyDenominator(
            "control", "its mean is less than five standard errors from zero"
        )


def _ratio_error(control: Estimate, treatment: Estimate, covariance: float) -> float:
    ratio = treatment.value / control.value
    variance = treatment.variance + ratio**2 * control.variance
    variance -= 2.0 * ratio * finite("covariance", covariance)
    return math.sqrt(max(variance, 0.0)) / abs(control.value)


def log_delta(control: Estimate, treatment: Estimate, *, confidence: float) -> Lift:
    """Relative difference with an interval that is even on the logarithmic scale.

    Other tools report it; `fieller` is what this service decides by.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit and of the same sign.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        NoisyDenominator: An estimate is less than five standard errors from zero.
        NoVariation: Neither estimate has a variance.
        InvalidArgument: The signs differ, or `confidence` is not in (0, 1).

    Reference:
        D. J. Katz, J. Baptista, S. P. Azen, M. C. Pike (1978), "Obtaining confidence
        intervals for the risk ratio in cohort studies", Biometrics 34.
    """
    require_signal(control)
    require_signal(treatment)
    if (control.value < 0.0) != (treatment.value < 0.0):
        raise InvalidArgument("treatment", "must have the control's sign")
    logs = [
        Estimate(arm.n, math.log(abs(arm.value)), arm.variance / arm.value**2)
        for arm in (control, treatment)
    ]
    found = welch_difference(
        logs[0], logs[1], confidence=confidence, method=Method.RELATIVE_DELTA
    )
    sign = math.copysign(1.0, control.value)
    low, high = sorted(sign * math.expm1(end) for end in (found.low, found.high))
    return Lift(LiftStatus.BOUNDED, sign * math.expm1(found.value), low, high)
