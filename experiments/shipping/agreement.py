"""Whether a decision follows from the results, and what it still needs if not."""

from collections.abc import Mapping

from experiments.analysis.results import (
    Comparison,
    GuardrailOutcome,
    Outcome,
    Report,
    Verdict,
)
from experiments.design import MetricRole
from experiments.lifecycle import DecisionOutcome

_STAYS = frozenset(
    {DecisionOutcome.ROLL_BACK, DecisionOutcome.INCONCLUSIVE, DecisionOutcome.ABANDON}
)
"""Decisions that leave everyone with the control."""

_FOLLOWING: Mapping[Outcome | None, frozenset[DecisionOutcome]] = {
    Outcome.SHIP: frozenset({DecisionOutcome.SHIP}),
    Outcome.DONT_SHIP: _STAYS,
    Outcome.NO_MEANINGFUL_DIFFERENCE: _STAYS,
    Outcome.INCONCLUSIVE: _STAYS,
    Outcome.KEEP_RUNNING: _STAYS,
    Outcome.INVALID: _STAYS,
    None: _STAYS,
}


def opposes(
    report: Report | None, outcome: DecisionOutcome, variant: str | None
) -> bool:
    """Whether a decision goes against the recommendation; without any, SHIP does."""
    recommended = None if report is None else report.recommendation
    if outcome not in _FOLLOWING[None if recommended is None else recommended.outcome]:
        return True
    return (
        outcome is DecisionOutcome.SHIP
        and recommended is not None
        and recommended.arm != variant
    )


def is_ripe(report: Report | None, planned_units: int, variant: str) -> bool:
    """Whether the planned number is there, or a valid bound was crossed before it."""
    if report is None:
        return False
    if report.health.matured >= planned_units > 0:
        return True
    return any(
        comparison.valid is not None
        and comparison.verdict in {Verdict.WIN, Verdict.LOSS}
        for comparison in _of(report, MetricRole.PRIMARY, variant).values()
    )


def is_known(report: Report | None, variant: str) -> bool:
    """Whether a look has read what the variant does to the primary metric."""
    return report is not None and any(
        comparison.decisive.absolute is not None
        for comparison in _of(report, MetricRole.PRIMARY, variant).values()
    )


def unresolved(report: Report | None, variant: str) -> tuple[str, ...]:
    """The guardrails of which nothing is known in the arm, by key."""
    if report is None:
        return ()
    return tuple(
        key
        for key, comparison in _of(report, MetricRole.GUARDRAIL, variant).items()
        if comparison.guardrail in {None, GuardrailOutcome.UNRESOLVED}
    )


def harmed(report: Report | None, variant: str) -> tuple[str, ...]:
    """The guardrails that got worse in the arm, by key."""
    if report is None:
        return ()
    return tuple(
        key
        for key, comparison in _of(report, MetricRole.GUARDRAIL, variant).items()
        if comparison.guardrail is GuardrailOutcome.HARMED
    )


def _of(report: Report, role: MetricRole, variant: str) -> Mapping[str, Comparison]:
    return {
        metric.key: comparison
        for metric in report.metrics
        if metric.role is role
        for comparison in metric.comparisons
        if comparison.arm == variant
    }
