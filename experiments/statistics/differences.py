"""The difference between two estimates, its interval and its p-value."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtri, stdtr, stdtrit

from experiments.statistics.checks import finite, fraction
from experiments.statistics.errors import NoVariation
from experiments.statistics.samples import Estimate
from experiments.statistics.tails import Tail, log_student_tail, normal_tail


class Method(StrEnum):
    """How two arms were compared."""

    WELCH = "WELCH"
    SCORE = "SCORE"
    DELTA = "DELTA"
    NORMAL = "NORMAL"
    LIN = "LIN"
    ANCOVA = "ANCOVA"
    CUPED = "CUPED"
    RELATIVE_DELTA = "RELATIVE_DELTA"
    POST_STRATIFIED = "POST_STRATIFIED"
    LEVERAGE = "LEVERAGE"
    CLUSTERED = "CLUSTERED"
    BELL_MCCAFFREY = "BELL_MCCAFFREY"
    PERMUTATION = "PERMUTATION"
    QUANTILE = "QUANTILE"
    SURVIVAL = "SURVIVAL"
    TRIMMED = "TRIMMED"


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment minus control, with a two-sided interval and test of no difference.

    Attributes:
        method: How the arms were compared.
        value: Treatment minus control, in the metric's unit.
        standard_error: Standard error of `value`.
        statistic: The test statistic; its sign is that of `value`.
        degrees: Degrees of freedom; None where the normal distribution is used.
        critical: The statistic at which p equals 1 - `confidence`; above 0.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Coverage of the interval, in (0, 1).
        p_value: Two-sided p-value in (0, 1]; never 0, see `log_p_value`.
        log_p_value: Natural logarithm of p, right also where p is below 1e-308.
    """

    method: Method
    value: float
    standard_error: float
    statistic: float
    degrees: float | None
    critical: float
    low: float
    high: float
    confidence: float
    p_value: float
    log_p_value: float


def welch_difference(
    control: Estimate, treatment: Estimate, *, confidence: float, method: Method
) -> Difference:
    """Compare two independent estimates without assuming equal variances.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        method: The name under which the result is reported.

    Raises:
        NoVariation: Both estimates have no variance.
        InvalidArgument: `confidence` is not in (0, 1), or the difference is not a
            finite number of standard errors.

    Reference:
        B. L. Welch (1947), "The generalization of 'Student's' problem when several
        different population variances are involved", Biometrika 34.
    """
    fraction("confidence", confidence)
    variance = control.variance + treatment.variance
    if variance == 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    share = control.variance / variance
    degrees = 1.0 / (
        share**2 / (control.n - 1) + (1.0 - share) ** 2 / (treatment.n - 1)
    )
    return student_difference(
        treatment.value - control.value,
        math.sqrt(variance),
        degrees=degrees,
        confidence=confidence,
        method=method,
    )


def student_difference(
    value: float,
    standard_error: float,
    *,
    degrees: float,
    confidence: float,
    method: Method,
) -> Difference:
    """Test and interval of a difference by Student's t.

    Args:
        value: Treatment minus control.
        standard_error: Standard error of `value`, above 0.
        degrees: Degrees of freedom, above 0.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        method: The name under which the result is reported.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1), or the difference is not a
            finite number of standard errors.
    """
    alpha = 1.0 - fraction("confidence", confidence)
    statistic = _standardised(value, standard_error)
    critical = float(-stdtrit(degrees, alpha / 2.0))
    tail = student_tail(statistic, degrees)
    return Difference(
        method=method,
        value=value,
        standard_error=standard_error,
        statistic=statistic,
        degrees=degrees,
        critical=critical,
        low=finite("treatment", value - critical * standard_error),
        high=finite("treatment", value + critical * standard_error),
        confidence=confidence,
        p_value=tail.p_value,
        log_p_value=tail.log_p_value,
    )


def normal_difference(
    value: float, standard_error: float, *, confidence: float, method: Method
) -> Difference:
    """Test and interval of a difference by the normal distribution.

    Args:
        value: Treatment minus control.
        standard_error: Standard error of `value`, above 0.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        method: The name under which the result is reported.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1), or the difference is not a
            finite number of standard errors.
    """
    alpha = 1.0 - fraction("confidence", confidence)
    statistic = _standardised(value, standard_error)
    critical = float(-ndtri(alpha / 2.0))
    tail = normal_tail(statistic)
    return Difference(
        method=method,
        value=value,
        standard_error=standard_error,
        statistic=statistic,
        degrees=None,
        critical=critical,
        low=finite("treatment", value - critical * standard_error),
        high=finite("treatment", value + critical * standard_error),
        confidence=confidence,
        p_value=tail.p_value,
        log_p_value=tail.log_p_value,
    )


def _standardised(value: float, standard_error: float) -> float:
    finite("treatment", value)
    if finite("treatment", standard_error) <= 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    return finite("treatment", value / standard_error)


def student_tail(statistic: float, degrees: float) -> Tail:
    """Two-sided p-value of a t statistic, from the tail itself.

    Args:
        statistic: The t statistic.
        degrees: Degrees of freedom, above 0.
    """
    p_value = 2.0 * float(stdtr(degrees, -abs(statistic)))
    if p_value > Tail.SAFE:
        return Tail.of(p_value)
    return Tail.of_log(math.log(2.0) + log_student_tail(abs(statistic), degrees))
