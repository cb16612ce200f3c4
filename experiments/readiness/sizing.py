"""How many units decide a question, how long that takes, and what a rule would do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec

from experiments.errors import DesignInvalid
from experiments.plan import StoppingRule
from experiments.readiness.enrolment import DAYS_OF_WEEK, days_until, enrolled, pace
from experiments.readiness.questions import Baseline, Question, check_question
from experiments.statistics.boundaries import (
    Boundary,
    boundary,
    crossing,
    inflation,
)
from experiments.statistics.errors import StatisticsError
from experiments.statistics.factors import clusters_for_units
from experiments.statistics.inferiority import smallest_margin
from experiments.statistics.minimum_effects import (
    minimum_effect_of_proportions,
    minimum_widening_effect,
)
from experiments.statistics.power import (
    NullVariance,
    power_of_means,
    power_of_proportions,
    units_for_means,
    units_for_proportions,
)
from experiments.statistics.spending import Spending

MAX_WEEKS = 26
"""Weeks that a curve shows at most."""
MAX_LOOKS = 60
GUARDRAIL_ALPHA = 0.05
"""One-sided error rate of non-inferiority."""

TESTS = (NullVariance.POOLED, NullVariance.SEPARATE)
"""Two shares are compared by the score test or by Welch's: units are for both, and
differ only where the arms do."""

SPENDING = {
    StoppingRule.OBRIEN_FLEMING: Spending.OBRIEN_FLEMING,
    StoppingRule.POCOCK: Spending.POCOCK,
}


@dataclass(frozen=True, slots=True)
class Week:
    """What could be seen after so many weeks of enrolment."""

    week: int
    units: int
    minimum_effect: float | None
    """The smallest difference seen with the power asked for; None: no possible one."""
    power: float
    """The chance of seeing the effect that matters."""


@dataclass(frozen=True, slots=True)
class Stop:
    """What the stopping rule does if the truth is this effect."""

    effect: float
    expected_fraction: float
    """Mean share of the planned units at the stop."""
    stopped: float
    """The chance that the rule stops at all: the power, or the error rate."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large an experiment has to be."""

    per_arm: tuple[int, ...]
    """Randomised units by arm, the control first."""
    total: int
    inflation: float
    """What looking every day costs: units over those of one look."""
    days: int | None = None
    """Days of enrolment at the traffic seen; None where there is none."""
    weeks: int | None = None
    """The same in whole weeks, so that every weekday is in it alike."""
    curve: tuple[Week, ...] = ()
    stops: tuple[Stop, ...] = ()


def size_of(document: Mapping[str, Any]) -> Size:
    """Read a size that was kept as JSON."""
    return msgspec.convert(dict(document), Size)


def sized(question: Question, daily: Sequence[float] = ()) -> Size:
    """How many units answer the question, and when that many will be there.

    Args:
        question: What is to be shown.
        daily: Units that enrol on each day from the start; the mean of the last week
            goes on after them. Empty where nobody knows.

    Raises:
        DesignInvalid: A number of the question is out of its range.
    """
    check_question(question)
    try:
        return _sized(question, daily)
    except StatisticsError as trouble:
        message = f"No size answers numbers that far from 1 ({trouble})."
        raise DesignInvalid(message, path=("minimumEffect",)) from trouble


def _sized(question: Question, daily: Sequence[float]) -> Size:
    days = days_until(sum(units_needed(question, 1.0)), daily)
    if question.stopping is not StoppingRule.FIXED_HORIZON and days is not None:
        question = replace(question, looks=looks_of(days))
    cost = looking_costs(question)
    per_arm = units_needed(question, cost)
    days = days_until(sum(per_arm), daily)
    return Size(
        per_arm=per_arm,
        total=sum(per_arm),
        inflation=cost,
        days=days,
        weeks=None if days is None else math.ceil(days / DAYS_OF_WEEK),
        curve=_curve(question, daily, cost),
        stops=stops_of(question, sum(per_arm)),
    )


def units_needed(question: Question, cost: float) -> tuple[int, ...]:
    """Randomised units by arm, where looks multiply them by `cost`."""
    control, treatment = question.shares
    base, effect = question.baseline, question.effect
    ratio, factor = treatment / control, question.factor * cost
    if base.binary:
        units = max(
            units_for_proportions(
                baseline=base.mean,
                minimum_effect=effect,
                alpha=question.level,
                power=question.power,
                null_variance=null,
                ratio=ratio,
                factor=factor,
            )
            for null in TESTS
        )
    else:
        units = units_for_means(
            control_variance=base.variance,
            treatment_variance=base.moved(effect),
            minimum_effect=abs(effect),
            alpha=question.level,
            power=question.power,
            ratio=ratio,
            factor=factor,
        )
    arms = (math.ceil(units * weight / control - 1e-9) for weight in question.weights)
    if question.clusters is None:
        return tuple(max(arm, 2) for arm in arms)
    size = question.clusters.size
    return tuple(clusters_for_units(max(arm, 1), size=size) for arm in arms)


def power_of(question: Question, units: float) -> float:
    """The chance that one look at so many randomised units sees the effect."""
    control, treatment = _worth(question, units)
    base, effect = question.baseline, question.effect
    try:
        if base.binary:
            return min(
                power_of_proportions(
                    baseline=base.mean,
                    minimum_effect=effect,
                    control_units=control,
                    alpha=question.level,
                    null_variance=null,
                    ratio=treatment / control,
                )
                for null in TESTS
            )
        return power_of_means(
            minimum_effect=abs(effect),
            control_variance=base.variance,
            treatment_variance=base.moved(effect),
            control_units=control,
            treatment_units=treatment,
            alpha=question.level,
        )
    except StatisticsError:
        return 0.0


def minimum_effect(question: Question, units: float) -> float | None:
    """The smallest effect, of the same sign, that one look at so many units sees.

    None where not even the largest possible one would be seen.
    """
    control, treatment = _worth(question, units)
    base, sign = question.baseline, math.copysign(1.0, question.effect)
    try:
        if base.binary:
            found = _smallest_share(question, control, treatment / control)
        else:
            found = minimum_widening_effect(
                control_variance=base.variance,
                widened=lambda effect: base.moved(sign * effect),
                control_units=control,
                treatment_units=treatment,
                alpha=question.level,
                power=question.power,
            )
    except StatisticsError:
        return None
    return None if found is None else sign * found


def _smallest_share(question: Question, units: float, ratio: float) -> float | None:
    """The smallest rise, or fall, that either test of two shares sees."""
    mean = question.baseline.mean
    each = [
        minimum_effect_of_proportions(
            # A fall of a share is a rise of its rest.
            baseline=mean if question.effect > 0 else 1 - mean,
            control_units=units,
            alpha=question.level,
            power=question.power,
            null_variance=null,
            ratio=ratio,
        )
        for null in TESTS
    ]
    found = [effect for effect in each if effect is not None]
    return max(found) if len(found) == len(each) else None


def margin_shown(
    baseline: Baseline, per_arm: Sequence[int], *, power: float, guardrails: int
) -> float:
    """The smallest margin that a harmless guardrail stays inside, as often as asked.

    Each of the guardrails, and the primary metric, takes its part of what is missed.
    """
    return smallest_margin(
        control_variance=baseline.variance,
        treatment_variance=baseline.variance,
        control_units=per_arm[0],
        treatment_units=min(per_arm[1:]),
        alpha=GUARDRAIL_ALPHA,
        power=power,
        guardrails=guardrails,
    )


def looks_of(days: int) -> int:
    """Daily looks of so many days: the first week has none."""
    return min(max(days - DAYS_OF_WEEK + 1, 1), MAX_LOOKS)


@lru_cache(maxsize=256)
def _inflated(stopping: StoppingRule, looks: int, alpha: float, power: float) -> float:
    return inflation(SPENDING[stopping], looks, alpha=alpha, power=power)


def looking_costs(question: Question) -> float:
    """Units with daily looks over those with one look."""
    if question.stopping is StoppingRule.FIXED_HORIZON or question.looks == 1:
        return 1.0
    return _inflated(question.stopping, question.looks, question.level, question.power)


def stops_of(question: Question, units: int) -> tuple[Stop, ...]:
    """What the rule does under no effect, the one that matters, and twice it."""
    if question.stopping is StoppingRule.FIXED_HORIZON:
        return ()
    planned = _boundary(question)
    return tuple(
        _stop(question, planned, units, times * question.effect) for times in (0, 1, 2)
    )


def _stop(question: Question, planned: Boundary, units: int, effect: float) -> Stop:
    """By the drift that gives the planned units the power of one look at as many."""
    control, treatment = _worth(question, units)
    base = question.baseline
    variance = base.variance / control + base.moved(question.effect) / treatment
    met = crossing(planned, drift=effect / math.sqrt(variance))
    # No effect is 0, and not the -0.0 of one that would fall.
    return Stop(effect + 0.0, met.expected_fraction, met.total)


def _boundary(question: Question) -> Boundary:
    steps = [(look + 1) / question.looks for look in range(question.looks)]
    return boundary(steps, spending=SPENDING[question.stopping], alpha=question.level)


def _curve(
    question: Question, daily: Sequence[float], factor: float
) -> tuple[Week, ...]:
    """As if the end were after so many weeks, at the price of the looks."""
    if pace(daily) <= 0 and not any(daily):
        return ()
    weeks = []
    for week in range(1, MAX_WEEKS + 1):
        units = enrolled(daily, week * DAYS_OF_WEEK)
        effective = units / factor
        weeks.append(
            Week(
                week,
                int(units),
                minimum_effect(question, effective),
                power_of(question, effective),
            )
        )
    return tuple(weeks)


def _worth(question: Question, units: float) -> tuple[float, float]:
    """What the units of both arms tell as much as, of single unadjusted ones."""
    worth = max(units, 1e-9) * question.inside / question.factor
    control, treatment = question.shares
    return worth * control, worth * treatment
