"""From a valid reading to a verdict, and from all verdicts to a recommendation."""

from collections.abc import Iterable, Mapping

from experiments.analysis.results import (
    Comparison,
    GuardrailOutcome,
    Health,
    MetricResult,
    Outcome,
    Recommendation,
    Valid,
    Verdict,
)
from experiments.design import Direction, MetricDesign, MetricRole, UnitKind
from experiments.events.state import ArmMetricState

MINIMUM_UNITS = {UnitKind.USER: 100, UnitKind.ACCOUNT: 40}
"""Matured units that each arm needs before any verdict."""

MINIMUM_EVENTS = 10
"""Conversions and non-conversions, or units with a value, that each arm needs."""


def shortage(
    metric: MetricDesign, unit: UnitKind, arms: Iterable[ArmMetricState]
) -> str | None:
    """What is missing before a verdict may be given, or None."""
    for state in arms:
        needed = MINIMUM_UNITS[unit]
        if state.raw.n < needed:
            return f"{state.arm} has {state.raw.n} units of the {needed} it needs"
        if state.nonzero < MINIMUM_EVENTS:
            what = "conversions" if metric.is_binary else "units with a value"
            return f"{state.arm} has {state.nonzero} {what} of {MINIMUM_EVENTS}"
        if metric.is_binary and state.raw.n - state.raw.y < MINIMUM_EVENTS:
            left = state.raw.n - state.raw.y
            return f"{state.arm} has {left} units without one, of {MINIMUM_EVENTS}"
    return None


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


def guard(verdict: Verdict) -> GuardrailOutcome:
    """Whether a guardrail was harmed; without a margin only a gain shows it safe."""
    if verdict is Verdict.LOSS:
        return GuardrailOutcome.HARMED
    if verdict is Verdict.WIN:
        return GuardrailOutcome.SAFE
    return GuardrailOutcome.UNRESOLVED


def recommend(
    health: Health,
    metrics: tuple[MetricResult, ...],
    *,
    names: Mapping[str, str],
    looked: bool,
    waiting_for: str,
) -> Recommendation:
    """Turn verdicts into what to do.

    Args:
        health: A failed check decides alone.
        metrics: Every metric's verdicts; the primary one decides.
        names: What people call each arm.
        looked: Whether the look has been taken.
        waiting_for: What the look is waiting for, as a clause.
    """
    if health.failed:
        checks = (health.sample_ratio, health.conflicts)
        failed = tuple(check.note for check in checks if check.failed)
        return Recommendation(Outcome.INVALID, None, failed)
    if not looked:
        return Recommendation(Outcome.KEEP_RUNNING, None, (waiting_for,))
    primary = next(m for m in metrics if m.role is MetricRole.PRIMARY)
    wins = [c for c in primary.comparisons if c.verdict is Verdict.WIN]
    if wins:
        return _among_winners(wins, primary.direction, metrics, names)
    best = leading(primary)
    verdicts = {c.verdict for c in primary.comparisons}
    reasons = tuple(f"{names[c.arm]}: {c.reason}" for c in primary.comparisons)
    if verdicts == {Verdict.LOSS}:
        return Recommendation(Outcome.DONT_SHIP, best.arm, reasons)
    if verdicts <= {Verdict.LOSS, Verdict.FLAT}:
        return Recommendation(Outcome.NO_MEANINGFUL_DIFFERENCE, best.arm, reasons)
    return Recommendation(Outcome.INCONCLUSIVE, best.arm, reasons)


def leading(metric: MetricResult) -> Comparison:
    """The arm that the sentence is about: the best one, by its estimate."""
    return max(metric.comparisons, key=lambda c: _gain(c, metric.direction))


def harmed(metrics: tuple[MetricResult, ...], arm: str) -> tuple[MetricResult, ...]:
    """The guardrails that got significantly worse in one arm."""
    return guardrails(metrics, arm, GuardrailOutcome.HARMED)


def guardrails(
    metrics: tuple[MetricResult, ...], arm: str, outcome: GuardrailOutcome
) -> tuple[MetricResult, ...]:
    """The guardrails with one outcome in one arm."""
    return tuple(
        metric
        for metric in metrics
        for comparison in metric.comparisons
        if comparison.arm == arm and comparison.guardrail is outcome
    )


def _among_winners(
    wins: list[Comparison],
    direction: Direction,
    metrics: tuple[MetricResult, ...],
    names: Mapping[str, str],
) -> Recommendation:
    ranked = sorted(wins, key=lambda c: _gain(c, direction), reverse=True)
    free = [c for c in ranked if not harmed(metrics, c.arm)]
    if not free:
        blocked = ranked[0]
        harms = tuple(
            f"{metric.name} got worse with {names[blocked.arm]}"
            for metric in harmed(metrics, blocked.arm)
        )
        return Recommendation(Outcome.DONT_SHIP, blocked.arm, harms)
    best = free[0]
    unresolved = guardrails(metrics, best.arm, GuardrailOutcome.UNRESOLVED)
    open_questions = [f"{m.name}: not shown to be safe" for m in unresolved]
    reasons = (f"{names[best.arm]}: {best.reason}", *open_questions)
    return Recommendation(Outcome.SHIP, best.arm, reasons)


def _gain(comparison: Comparison, direction: Direction) -> float:
    absolute = comparison.decisive.absolute
    if absolute is None:
        return float("-inf")
    return absolute if direction is Direction.INCREASE else -absolute
