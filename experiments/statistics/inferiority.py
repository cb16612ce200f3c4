"""Non-inferiority: whether a harm larger than a margin can be ruled out."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtri, stdtrit

from experiments.statistics.checks import count, fraction
from experiments.statistics.differences import student_tail
from experiments.statistics.directions import Better
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.proportions import (
    MINIMUM_CELL,
    Proportion,
    restricted_error,
    score,
)
from experiments.statistics.ranges import number, size
from experiments.statistics.relative import LiftStatus, fieller
from experiments.statistics.samples import Estimate
from experiments.statistics.tails import normal_tail


class MarginKind(StrEnum):
    """What a margin that is a share of the control takes for the control."""

    RANDOM = "RANDOM"
    """The control's true value, whose uncertainty counts."""

    FIXED = "FIXED"
    """The control's estimate, as if it were known."""


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """A one-sided test that the treatment is worse by less than a margin.

    Attributes:
        statistic: Above 0 where the estimate is on the good side of the margin.
        degrees: Degrees of freedom; None where the normal distribution is used.
        p_value: One-sided p-value in (0, 1].
        shown: Whether p is at most alpha: the harm is below the margin.
        bound: The worst that the difference can be at coverage 1 - alpha: a lower bound
            where higher is better, else an upper one. In the metric's unit, or as a
            share of the control for a relative margin; None where the control is too
            near zero for a share. On the good side of the margin exactly where `shown`.
    """

    statistic: float
    degrees: float | None
    p_value: float
    shown: bool
    bound: float | None


def against_margin(
    value: float,
    standard_error: float,
    *,
    degrees: float | None,
    margin: float,
    better: Better,
    alpha: float,
) -> NonInferiority:
    """Test an estimated difference against an absolute margin.

    Args:
        value: Treatment minus control, however estimated.
        standard_error: Its standard error, above 0.
        degrees: Its degrees of freedom, at least 1; None for the normal distribution.
        margin: The harm that would still be accepted, above 0, in the metric's unit.
        better: Whether a higher value is wanted.
        alpha: One-sided error rate, in (0, 1/2), such as 0.05.

    Raises:
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        W. C. Blackwelder (1982), "'Proving the null hypothesis' in clinical trials",
        Controlled Clinical Trials 3.

    Example:
        >>> found = against_margin(-0.2, 0.15, degrees=None, margin=0.5,
        ...     better=Better.HIGHER, alpha=0.05)
        >>> found.shown, round(found.p_value, 4), round(found.bound, 3)
        (True, 0.0228, -0.447)
    """
    error = size("standard_error", standard_error)
    kept = better.sign * number("value", value) + size("margin", margin)
    critical = _critical(degrees, alpha)
    bound = value - better.sign * critical * error
    return _judged(number("value", kept / error), degrees, alpha, bound)


def against_share(
    control: Estimate,
    treatment: Estimate,
    *,
    share: float,
    better: Better,
    alpha: float,
    kind: MarginKind = MarginKind.RANDOM,
) -> NonInferiority:
    """Test two independent estimates against a margin that is a share of the control.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit.
        share: The harm that would still be accepted, as a share of the control's size,
            in (0, 1).
        better: Whether a higher value is wanted.
        alpha: One-sided error rate, in (0, 1/2).
        kind: Whether the margin shares the control's uncertainty.

    Raises:
        NoVariation: Both estimates have no variance.
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        E. C. Fieller (1954), "Some problems in interval estimation", JRSS B 16;
        D. Hauschke, M. Kieser, E. Diletti, M. Burke (1999), "Sample size
        determination for proving equivalence based on the ratio of two means",
        Statistics in Medicine 18.
    """
    fraction("share", share)
    if control.value == 0.0:
        raise InvalidArgument("control", "a share of zero is no margin")
    factor = 1.0
    if kind is MarginKind.RANDOM:
        factor -= better.sign * math.copysign(share, control.value)
    own, other = treatment.variance, factor**2 * control.variance
    if own + other == 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    portion = other / (own + other)
    degrees = 1.0 / (
        portion**2 / (control.n - 1) + (1.0 - portion) ** 2 / (treatment.n - 1)
    )
    difference = treatment.value - control.value
    kept = better.sign * difference + share * abs(control.value)
    error = math.sqrt(own + other)
    bound: float | None
    if kind is MarginKind.FIXED:
        worst = difference - better.sign * _critical(degrees, alpha) * error
        bound = number("control", worst / abs(control.value))
    else:
        bound = _relative_bound(control, treatment, better, _critical(degrees, alpha))
    return _judged(number("share", kept / error), degrees, alpha, bound)


def proportions_against_margin(
    control: Proportion,
    treatment: Proportion,
    *,
    margin: float,
    better: Better,
    alpha: float,
) -> NonInferiority:
    """Test two proportions against an absolute margin.

    Welch's test of the values 0 and 1 where all four cells hold ten, else the score
    test with the shares restricted to differ by the margin.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        margin: The harm that would still be accepted, in (0, 1); 0.01 is one point.
        better: Whether a higher share is wanted.
        alpha: One-sided error rate, in (0, 1/2).

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        C. P. Farrington, G. Manning (1990), "Test statistics and sample size formulae
        for comparative binomial trials with null hypothesis of non-zero risk
        difference", Statistics in Medicine 9.
    """
    fraction("margin", margin)
    if min(control.smallest_cell, treatment.smallest_cell) < MINIMUM_CELL:
        return score_against_margin(
            control, treatment, margin=margin, better=better, alpha=alpha
        )
    first, second = control.sample().estimate(), treatment.sample().estimate()
    variance = first.variance + second.variance
    portion = first.variance / variance
    degrees = 1.0 / (portion**2 / (first.n - 1) + (1.0 - portion) ** 2 / (second.n - 1))
    return against_margin(
        second.value - first.value,
        math.sqrt(variance),
        degrees=degrees,
        margin=margin,
        better=better,
        alpha=alpha,
    )


def score_against_margin(
    control: Proportion,
    treatment: Proportion,
    *,
    margin: float,
    better: Better,
    alpha: float,
) -> NonInferiority:
    """Test two proportions against an absolute margin by the score test alone.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        margin: The harm that would still be accepted, in (0, 1).
        better: Whether a higher share is wanted.
        alpha: One-sided error rate, in (0, 1/2).

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        O. Miettinen, M. Nurminen (1985), "Comparative analysis of two rates",
        Statistics in Medicine 4.
    """
    value = treatment.share - control.share
    error = restricted_error(
        control, treatment, -better.sign * fraction("margin", margin)
    )
    _critical(None, alpha)
    interval = score(control, treatment, confidence=1.0 - 2.0 * alpha)
    bound = interval.low if better is Better.HIGHER else interval.high
    if error == 0.0:
        raise NoVariation("treatment", "no unit differs from another in either arm")
    return _judged((better.sign * value + margin) / error, None, alpha, bound)


def smallest_margin(
    *,
    control_variance: float,
    treatment_variance: float,
    control_units: int,
    treatment_units: int,
    alpha: float,
    power: float,
    guardrails: int,
) -> float:
    """The smallest margin that the planned units can show where there is no harm.

    Each of the guardrails, and the primary metric, may fail by chance: each is given
    an equal part of the chance that any does.

    Args:
        control_variance: Variance of a unit's value, in the metric's unit squared.
        treatment_variance: The same in the treatment arm.
        control_units: Planned units in control, at least 2.
        treatment_units: Planned units in treatment, at least 2.
        alpha: One-sided error rate of a guardrail, in (0, 1/2).
        power: Chance that the primary and all guardrails show what is there, in (0, 1).
        guardrails: Guardrails with a margin, from 1.

    Returns:
        The margin, in the metric's unit.

    Raises:
        TooFewUnits: An arm has fewer than two planned units.
        InvalidArgument: An argument is out of its range.

    Example:
        >>> round(smallest_margin(control_variance=0.16, treatment_variance=0.16,
        ...     control_units=20_000, treatment_units=20_000, alpha=0.05, power=0.8,
        ...     guardrails=3), 5)
        0.01316
    """
    if count("guardrails", guardrails) == 0:
        raise InvalidArgument("guardrails", "must be at least 1")
    for name, units in (
        ("control_units", control_units),
        ("treatment_units", treatment_units),
    ):
        if units < 2:
            raise TooFewUnits(name, f"needs at least 2 units, not {units}")
    variance = size("control_variance", control_variance) / control_units
    variance += size("treatment_variance", treatment_variance) / treatment_units
    missed = (1.0 - fraction("power", power)) / (guardrails + 1)
    return (_critical(None, alpha) - float(ndtri(missed))) * math.sqrt(variance)


def _critical(degrees: float | None, alpha: float) -> float:
    if fraction("alpha", alpha) >= 0.5:
        raise InvalidArgument("alpha", f"must be below 1/2, not {alpha}")
    if degrees is None:
        return -float(ndtri(alpha))
    if number("degrees", degrees) < 1.0:
        raise InvalidArgument("degrees", f"must be at least 1, not {degrees}")
    return -float(stdtrit(degrees, alpha))


def _relative_bound(
    control: Estimate, treatment: Estimate, better: Better, critical: float
) -> float | None:
    lift = fieller(control, treatment, critical=critical)
    if lift.status is not LiftStatus.BOUNDED:
        return None
    return lift.low if better is Better.HIGHER else lift.high


def _judged(
    statistic: float, degrees: float | None, alpha: float, bound: float | None
) -> NonInferiority:
    two_sided = (
        normal_tail(statistic) if degrees is None else student_tail(statistic, degrees)
    ).p_value
    p_value = two_sided / 2.0 if statistic > 0.0 else 1.0 - two_sided / 2.0
    return NonInferiority(
        statistic=statistic,
        degrees=degrees,
        p_value=p_value,
        shown=statistic >= _critical(degrees, alpha),
        bound=bound,
    )
