"""From a valid reading to a verdict, and what is missing before there may be one."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from experiments.analysis.dealing import FEW_ACCOUNTS, FEWEST_ACCOUNTS
from experiments.analysis.estimates import Valid
from experiments.analysis.labels import Verdict
from experiments.design import Direction, MetricDesign, MetricKind, UnitKind
from experiments.events.state import ArmMetricState, SurvivalState

MINIMUM_UNITS = {UnitKind.USER: 100, UnitKind.ACCOUNT: FEW_ACCOUNTS}
"""Matured units that each arm needs before any verdict."""

MINIMUM_EVENTS = 10
"""Conversions and non-conversions, or units with a value, that each arm needs."""

SKEWED = 355.0
"""Units per squared skewness that one mean needs: either tail of 2.5% is then wrong by
about half a point (R. Kohavi and others 2014)."""


def shortage(
    metric: MetricDesign,
    unit: UnitKind,
    arms: Iterable[ArmMetricState],
    *,
    dealt: bool = False,
) -> str | None:
    """What is missing before a verdict may be given, or None.

    Args:
        metric: What is read.
        unit: What was randomised.
        arms: The arms that are compared.
        dealt: Whether few accounts are dealt anew, which asks for fewer of them.
    """
    least = FEWEST_ACCOUNTS if dealt else MINIMUM_UNITS[unit]
    for state in arms:
        needed = max(least, metric.minimum_units or 0)
        if state.raw.n < needed:
            return f"{state.arm} has {state.raw.n} units of the {needed} it needs"
        if state.nonzero < MINIMUM_EVENTS:
            what = "conversions" if metric.is_binary else "units with a value"
            return f"{state.arm} has {state.nonzero} {what} of {MINIMUM_EVENTS}"
        if metric.is_binary and state.raw.n - state.raw.y < MINIMUM_EVENTS:
            left = state.raw.n - state.raw.y
            return f"{state.arm} has {left} units without one, of {MINIMUM_EVENTS}"
    return None


def skewed(
    metric: MetricDesign, control: ArmMetricState, treatment: ArmMetricState
) -> str | None:
    """Why arms of unequal size are too small for values this skewed, or None.

    What is normal is the difference. Of values with skewness g in arms of n <= m units
    its skewness is g * (m - n) / sqrt(n * m * (n + m)): none in arms of one size, that
    of the smaller arm's mean where it is by far the smaller one. It may be as large as
    that of one mean of SKEWED * g**2 units.

    The sums do not hold a third moment. Of values from 0 up with a mean m and a
    deviation s, the skewness is at least s / m - m / s (that of zeros and one other
    value), so what that asks for is asked for at least.
    """
    small, large = sorted(state.raw.n for state in (control, treatment))
    if metric.is_ratio or small in {0, large}:
        return None
    smaller = min((control, treatment), key=lambda state: state.raw.n)
    left = (large - small) ** 2 / (large * (large + small))
    needed = math.ceil(SKEWED * left * _least_skewness(metric, smaller) ** 2)
    if small >= needed:
        return None
    return (
        f"{smaller.arm} has {small:,} units; with arms of unequal size, "
        f"{needed:,} are needed for values this skewed"
    )


def missing(
    metric: MetricDesign,
    unit: UnitKind,
    control: ArmMetricState,
    treatment: ArmMetricState,
    *,
    survival: Sequence[SurvivalState] = (),
    dealt: bool = False,
) -> str | None:
    """Why one arm against the control allows no verdict yet, or None.

    Shares are held to their ten conversions, and dealt accounts need no normal
    approximation: neither waits for the skewness of their values.
    """
    arms = (control, treatment)
    short = shortage(metric, unit, arms, dealt=dealt) or _few_events(
        metric, arms, survival
    )
    if short is not None or metric.is_binary or dealt:
        return short
    return skewed(metric, control, treatment)


def _few_events(
    metric: MetricDesign,
    arms: Iterable[ArmMetricState],
    survival: Sequence[SurvivalState],
) -> str | None:
    """What a time to an event lacks: the days of units without one are values too."""
    if metric.kind is not MetricKind.TIME_TO_EVENT:
        return None
    events = {
        each.arm: sum(each.events)
        for each in survival
        if each.metric_id == metric.metric_id
    }
    for state in arms:
        found = events.get(state.arm, 0)
        if found < MINIMUM_EVENTS:
            return f"{state.arm} has {found} events of {MINIMUM_EVENTS}"
    return None


def _least_skewness(metric: MetricDesign, state: ArmMetricState) -> float:
    """The least that the values of one arm can have, after their cap; from 0."""
    sums = state.raw if state.capped is None else state.capped
    n, total, squares = sums.n, sums.y, sums.yy
    if metric.kind is MetricKind.TIME_TO_EVENT:
        # Most units have no event: it is the days that are left which are skewed.
        days = metric.window_days
        total, squares = days * n - total, days * days * n - 2 * days * total + squares
    deviations = n * squares - total * total
    if total <= 0 or deviations <= 0:
        return 0.0
    spread = math.sqrt(Fraction(deviations, total * total))
    return max(0.0, spread - 1.0 / spread)


def judge(
    valid: Valid, direction: Direction, minimum_effect: float | None
) -> tuple[Verdict, str]:
    """Read one interval.

    FLAT says that any difference is too small to matter, so it needs a registered
    minimum effect that the whole interval stays below; an interval that merely holds
    0 says nothing.
    """
    rises = direction is Direction.INCREASE
    if valid.low > 0.0:
        return (Verdict.WIN if rises else Verdict.LOSS), "the whole interval is above 0"
    if valid.high < 0.0:
        return (Verdict.LOSS if rises else Verdict.WIN), "the whole interval is below 0"
    if minimum_effect is not None and max(-valid.low, valid.high) < minimum_effect:
        return Verdict.FLAT, "any difference is smaller than the smallest that matters"
    return (
        Verdict.NOT_ENOUGH_DATA,
        "the interval includes 0, so either arm may be better",
    )
