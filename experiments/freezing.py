"""From a draft to the design that its phase keeps, and from the row to the design."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from experiments.arms import ArmDesign, DroppedArm
from experiments.design import (
    Hypothesis,
    MetricDesign,
    MetricKind,
    PhaseDesign,
    Source,
    SourceFilter,
    SourceValue,
    design_hash,
)
from experiments.drafts import Draft, Measure
from experiments.eligibility.frozen import Eligibility
from experiments.models import Experiment, Metric, Phase, PhaseKind
from experiments.plan import AnalysisPlan


def frozen_phase(
    draft: Draft,
    eligibility: Eligibility,
    *,
    phase_id: UUID,
    environment_id: UUID,
    number: int,
    seed: str,
    started_at: datetime,
    plan: AnalysisPlan | None,
) -> Phase:
    """The phase that a draft with no blockers becomes."""
    experiment = draft.experiment
    design = PhaseDesign(
        phase_id=phase_id,
        environment_id=environment_id,
        experiment_key=experiment.key,
        number=number,
        unit=experiment.unit,
        seed=seed,
        coverage=experiment.coverage,
        arms=tuple(
            ArmDesign(v.key, v.name, v.weight, v.is_control, v.payload)
            for v in draft.variants
        ),
        metrics=tuple(metric_design(measure) for measure in draft.measures),
        hypothesis=_hypothesis(draft),
        planned_units=experiment.planned_units or 0,
        started_at=started_at,
        treatment=experiment.treatment,
        targeting=experiment.targeting,
        eligibility=eligibility.design(),
        plan=plan,
    )
    return phase_of(design, experiment, eligibility.document())


def phase_of(
    design: PhaseDesign,
    experiment: Experiment,
    eligibility: dict[str, Any],
    kind: PhaseKind = PhaseKind.RANDOMISED,
) -> Phase:
    """The row of a phase that begins with a design; `design_of` reads it back."""
    return Phase(
        id=design.phase_id,
        project_id=experiment.project_id,
        environment_id=design.environment_id,
        experiment_id=experiment.id,
        number=design.number,
        seed=design.seed,
        design=document_of(design),
        design_hash=design_hash(design),
        coverage=design.coverage,
        planned_units=design.planned_units,
        started_at=design.started_at,
        eligibility=eligibility,
        kind=kind,
    )


def metric_design(measure: Measure) -> MetricDesign:
    """A metric as a phase keeps it."""
    metric = measure.metric
    return MetricDesign(
        metric_id=metric.id,
        key=metric.key,
        name=metric.name,
        kind=metric.kind,
        role=measure.role,
        direction=metric.direction,
        numerator=_numerator(metric),
        denominator=_denominator(metric),
        window_days=metric.window_days,
        delay_days=metric.delay_days,
        retention_day=metric.retention_day,
        cap=metric.cap,
        cap_quantile=metric.cap_quantile,
        steps=metric.steps,
        unit=metric.unit,
        margin=measure.margin,
        margin_kind=measure.margin_kind,
        harm_action=measure.harm_action,
        retention_span=metric.retention_span,
        weeks=metric.weeks,
        quantile=metric.quantile,
        later_steps=tuple(Source(name, SourceValue.ONE) for name in metric.later_steps),
        minimum_units=metric.minimum_units,
    )


def design_of(phase: Phase) -> PhaseDesign:
    """The design as it was frozen, with what happened to the phase since."""
    return replace(
        msgspec.convert(phase.design, PhaseDesign),
        coverage=phase.coverage,
        planned_units=phase.planned_units,
        ended_at=phase.ended_at,
        imported=phase.imported,
        finished_import=phase.finished_import,
        gaps=tuple(
            (datetime.fromisoformat(p["from"]), _instant(p["until"]))
            for p in phase.pauses
        ),
        dropped=tuple(
            DroppedArm(each["variant"], datetime.fromisoformat(each["at"]))
            for each in phase.dropped
        ),
    )


def document_of(design: PhaseDesign) -> dict[str, Any]:
    """The design as JSON; `design_of` reads it back."""
    document: dict[str, Any] = msgspec.to_builtins(design)
    return document


def _numerator(metric: Metric) -> Source:
    return Source(
        metric.event_name,
        metric.value,
        msgspec.convert(metric.filters, tuple[SourceFilter, ...]),
        metric.value_property,
    )


def _denominator(metric: Metric) -> Source | None:
    if metric.kind is MetricKind.MEAN:
        return replace(_numerator(metric), value=SourceValue.ONE, property=None)
    if metric.denominator_event is None or metric.denominator_value is None:
        return None
    return Source(metric.denominator_event, metric.denominator_value)


def _hypothesis(draft: Draft) -> Hypothesis:
    spec = draft.hypothesis
    if spec.metric_key is None or spec.direction is None or not spec.minimum_effect:
        raise ValueError("A hypothesis with gaps cannot be frozen.")
    return Hypothesis(
        spec.statement, spec.metric_key, spec.direction, spec.minimum_effect
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
