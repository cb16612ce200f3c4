"""From all verdicts together to what to do; the decision is a person's."""

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.analysis.results import (
    Alarm,
    Comparison,
    GuardrailOutcome,
    Health,
    MetricResult,
    Outcome,
    Recommendation,
    Verdict,
)
from experiments.analysis.wording import listed
from experiments.design import Direction, MetricRole

_CONCLUSIVE = {Verdict.WIN, Verdict.LOSS, Verdict.FLAT}


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an experiment is, for the advice on it."""

    looked: bool
    waiting_for: str | None
    """What the next look waits for, as a clause; None where none is awaited."""
    alarms: tuple[Alarm, ...] = ()


def recommend(
    health: Health,
    metrics: tuple[MetricResult, ...],
    *,
    names: Mapping[str, str],
    standing: Standing,
) -> Recommendation:
    """Turn verdicts into what to do.

    Args:
        health: A failed check decides alone.
        metrics: Every metric's verdicts; the primary one decides.
        names: What people call each arm.
        standing: Which looks were taken, and what rang.
    """
    if health.failed:
        return Recommendation(Outcome.INVALID, None, failures(health))
    primary = next(m for m in metrics if m.role is MetricRole.PRIMARY)
    stopped = _stopped_by_alarms(primary, standing.alarms, metrics, names)
    if stopped is not None:
        return stopped
    if not standing.looked:
        waiting = (standing.waiting_for or "",)
        return Recommendation(Outcome.KEEP_RUNNING, None, waiting)
    wins = [c for c in primary.comparisons if c.verdict is Verdict.WIN]
    if wins:
        return _among_winners(wins, primary.direction, metrics, names, standing)
    return _without_winner(primary, names, standing)


def _without_winner(
    primary: MetricResult, names: Mapping[str, str], standing: Standing
) -> Recommendation:
    """An arm that may still win is waited for; else every arm has a say."""
    verdicts = {c.verdict for c in primary.comparisons}
    if standing.waiting_for is not None and not verdicts <= _CONCLUSIVE:
        waiting = (standing.waiting_for,)
        return Recommendation(Outcome.KEEP_RUNNING, None, waiting)
    reasons = tuple(f"{names[c.arm]}: {c.reason}" for c in primary.comparisons)
    outcome = Outcome.INCONCLUSIVE
    if verdicts == {Verdict.LOSS}:
        outcome = Outcome.DONT_SHIP
    elif verdicts <= {Verdict.LOSS, Verdict.FLAT}:
        outcome = Outcome.NO_MEANINGFUL_DIFFERENCE
    return Recommendation(outcome, leading(primary).arm, reasons)


def failures(health: Health) -> tuple[str, ...]:
    """What makes an experiment INVALID, each as a clause."""
    sequential = health.sequential_ratio
    checks = [(c.failed, c.note) for c in (health.sample_ratio, health.conflicts)]
    if sequential is not None:
        checks.append((sequential.failed, sequential.note))
    return tuple(dict.fromkeys(note for failed, note in checks if failed))


def leading(metric: MetricResult) -> Comparison:
    """The arm that the sentence is about: the best one, by its estimate."""
    return max(metric.comparisons, key=lambda c: _gain(c, metric.direction))


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


def _stopped_by_alarms(
    primary: MetricResult,
    alarms: tuple[Alarm, ...],
    metrics: tuple[MetricResult, ...],
    names: Mapping[str, str],
) -> Recommendation | None:
    """Nothing may be shipped where every arm did harm, whatever is awaited."""
    harmful = {alarm.arm for alarm in alarms}
    if not harmful or any(c.arm not in harmful for c in primary.comparisons):
        return None
    called = {metric.key: metric.name for metric in metrics}
    reasons = tuple(
        f"{called[alarm.metric_key]} got worse with {names[alarm.arm]}"
        for alarm in alarms
        if alarm.metric_key in called
    )
    return Recommendation(Outcome.DONT_SHIP, leading(primary).arm, reasons)


def _among_winners(
    wins: list[Comparison],
    direction: Direction,
    metrics: tuple[MetricResult, ...],
    names: Mapping[str, str],
    standing: Standing,
) -> Recommendation:
    """The best arm that harms nothing.

    Guardrails are not read to the end where the primary metric ends its test early:
    as long as more is awaited, an arm is shipped only if they are shown to be safe.
    """
    ranked = sorted(wins, key=lambda c: _gain(c, direction), reverse=True)
    harmed = GuardrailOutcome.HARMED
    free = [c for c in ranked if not guardrails(metrics, c.arm, harmed)]
    if not free:
        blocked = ranked[0]
        harms = tuple(
            f"{metric.name} got worse with {names[blocked.arm]}"
            for metric in guardrails(metrics, blocked.arm, harmed)
        )
        return Recommendation(Outcome.DONT_SHIP, blocked.arm, harms)
    best = free[0]
    unresolved = guardrails(metrics, best.arm, GuardrailOutcome.UNRESOLVED)
    if unresolved and standing.waiting_for is not None:
        called = listed([metric.name for metric in unresolved])
        verb = "is" if len(unresolved) == 1 else "are"
        unsafe = f"{called} {verb} not shown to be safe yet"
        awaited = (unsafe, standing.waiting_for)
        return Recommendation(Outcome.KEEP_RUNNING, best.arm, awaited)
    open_questions = [f"{m.name}: not shown to be safe" for m in unresolved]
    reasons = (f"{names[best.arm]}: {best.reason}", *open_questions)
    return Recommendation(Outcome.SHIP, best.arm, reasons)


def _gain(comparison: Comparison, direction: Direction) -> float:
    absolute = comparison.decisive.absolute
    if absolute is None:
        return float("-inf")
    return absolute if direction is Direction.INCREASE else -absolute
