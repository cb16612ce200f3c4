"""What a memo is made of: the facts as they were, and what people add to them."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec

from experiments.analysis.results import (
    Check,
    Comparison,
    GuardrailOutcome,
    MetricResult,
    Registration,
    Report,
    Verdict,
)
from experiments.analysis.wording import capitalised, chance, effect
from experiments.design import MetricRole
from experiments.lifecycle import DecisionOutcome
from experiments.shipping.models import Basis


@dataclass(frozen=True, slots=True)
class MemoReading:
    """One arm's effect on one metric, as the headline says it."""

    metric_key: str
    metric_name: str
    role: MetricRole
    arm: str
    verdict: Verdict
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    guardrail: GuardrailOutcome | None = None
    note: str = ""
    said: str = ""
    """Both levels and the interval, in the metric's unit."""


@dataclass(frozen=True, slots=True)
class MemoSegment:
    """A dimension by which a metric was read, and whether that was planned."""

    metric_key: str
    dimension: str
    registration: Registration


@dataclass(frozen=True, slots=True)
class MemoAcceptance:
    """A guardrail that nothing is known of, and who accepted that."""

    metric_key: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemoDecision:
    """What was decided, by whom, and what stood against it."""

    outcome: DecisionOutcome
    variant: str | None
    note: str
    by: str
    opposes: bool
    approved_by: str | None
    reviewed: bool
    early_reason: str | None
    acceptances: tuple[MemoAcceptance, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoMeasurement:
    """What was measured so many days after everyone had it."""

    day: int
    basis: Basis
    control_units: int | None = None
    treatment_units: int | None = None
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MemoParts:
    """A memo, part by part."""

    title: str
    question: str
    design_hash: str | None = None
    phase: int | None = None
    planned_units: int = 0
    matured: int = 0
    exposed: tuple[tuple[str, int], ...] = ()
    """Units by arm."""
    variant_names: tuple[tuple[str, str], ...] = ()
    """What each variant is called, by its key."""
    sample_ratio: str = ""
    headline: str = ""
    recommendation: str = ""
    readings: tuple[MemoReading, ...] = ()
    segments: tuple[MemoSegment, ...] = ()
    multiplicity: str = ""
    deviations: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    not_reviewed: tuple[str, ...] = ()
    users_notice: str = ""
    follow_up_on: date | None = None
    dissent: str = ""
    decision: MemoDecision | None = None
    measured: tuple[MemoMeasurement, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON; `parts_of_memo` reads it back."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document

    def variant(self, key: str) -> str:
        """What a variant is called; memos from before that was kept have its key."""
        return dict(self.variant_names).get(key, key)

    def metric(self, key: str) -> str:
        """What a metric is called, if it was read."""
        names = {each.metric_key: each.metric_name for each in self.readings}
        return names.get(key, key)

    def missing(self) -> tuple[str, ...]:
        """What a decision still needs, in the words of the API."""
        needed = {
            "question": self.question,
            "usersNotice": self.users_notice,
            "followUpOn": self.follow_up_on,
        }
        return tuple(
            name for name, value in needed.items() if not str(value or "").strip()
        )


def parts_of_memo(document: dict[str, Any]) -> MemoParts:
    """The parts as they were written."""
    return msgspec.convert(document, MemoParts)


def with_results(parts: MemoParts, report: Report) -> MemoParts:
    """The same memo with what a report says."""
    health, recommendation = report.health, report.recommendation
    named = f" {recommendation.arm}" if recommendation.arm else ""
    return replace(
        parts,
        planned_units=health.planned_units,
        matured=health.matured,
        exposed=tuple((arm.arm, arm.exposed) for arm in health.arms),
        sample_ratio=_ratio(health.sample_ratio),
        headline=report.headline,
        recommendation=f"{recommendation.outcome.value}{named}",
        readings=tuple(
            _reading(metric, comparison)
            for metric in report.metrics
            for comparison in metric.comparisons
        ),
        segments=tuple(
            MemoSegment(metric.key, segment.dimension, segment.registration)
            for metric in report.metrics
            for segment in metric.segments
        ),
    )


def _reading(metric: MetricResult, comparison: Comparison) -> MemoReading:
    """As the headline has it: corrected where the boundary was crossed early."""
    corrected = comparison.unbiased
    valid = corrected or comparison.valid
    absolute = corrected.value if corrected else comparison.decisive.absolute
    return MemoReading(
        metric_key=metric.key,
        metric_name=metric.name,
        role=metric.role,
        arm=comparison.arm,
        verdict=comparison.verdict,
        absolute=absolute,
        low=None if valid is None else valid.low,
        high=None if valid is None else valid.high,
        p_value=None if valid is None else valid.p_value,
        guardrail=comparison.guardrail,
        note=comparison.worst.text if comparison.worst else comparison.reason,
        said=_said(metric, comparison),
    )


def _said(metric: MetricResult, comparison: Comparison) -> str:
    read = comparison.decisive
    before, after = read.control.mean, read.treatment.mean
    valid = comparison.unbiased or comparison.valid
    if before is None or after is None or valid is None:
        return ""
    if comparison.unbiased is not None:
        after = before + comparison.unbiased.value
    return effect(metric, before, after, valid)


def _ratio(split: Check) -> str:
    if split.note:
        return f"{capitalised(split.note)}."
    return "" if split.p_value is None else f"The split fits ({chance(split.p_value)})."
