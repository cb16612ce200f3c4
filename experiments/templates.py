"""Drafts to begin with: arms, a plan and guardrails for each kind of treatment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from experiments.design import Direction, MetricKind, MetricRole
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.errors import TreatmentInvalid
from experiments.models import Metric
from experiments.plan import AnalysisPlan
from experiments.treatments import StepKind, TreatmentKind

MAX_GUARDRAILS = 2
"""Guardrails that a template chooses; people add others."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a kind of treatment is usually tried out with."""

    statement: str
    """With the metric's name and which way it moves."""
    control: str
    """The key and name of the arm that changes nothing."""
    treatment: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a template cannot know."""

    minimum_effect: float
    name: str | None = None
    subject: str = ""
    """The meter of a limit, the key of a flow."""
    current_limit: int = 100
    new_limit: int = 60


TEMPLATES: Mapping[TreatmentKind, Template] = MappingProxyType(
    {
        TreatmentKind.FEATURE: Template(
            "With the feature, {metric} goes {way}.", "off", "on"
        ),
        TreatmentKind.FREEMIUM_LIMIT: Template(
            "With another limit, {metric} goes {way}.", "current", "changed"
        ),
        TreatmentKind.ONBOARDING_FLOW: Template(
            "With another first session, {metric} goes {way}.", "current", "guided"
        ),
    }
)

_SUBJECTS: Mapping[TreatmentKind, str] = MappingProxyType(
    {
        TreatmentKind.FREEMIUM_LIMIT: "the meter that is limited, such as reports",
        TreatmentKind.ONBOARDING_FLOW: "the flow that changes, such as setup",
    }
)


def drafted_from(
    kind: TreatmentKind, choice: Choice, *, metric: Metric, others: Sequence[Metric]
) -> Changes:
    """The draft that a template makes of a primary metric and what else is measured.

    Raises:
        TreatmentInvalid: It is not said which meter is limited, or which flow changes.
    """
    template = TEMPLATES[kind]
    missing = _SUBJECTS.get(kind)
    if missing is not None and not choice.subject:
        raise TreatmentInvalid(f"Name {missing}.", path=("subject",))
    way = "up" if metric.direction is Direction.INCREASE else "down"
    return Changes(
        name=choice.name,
        hypothesis=HypothesisSpec(
            statement=template.statement.format(metric=metric.name, way=way),
            metric_key=metric.key,
            direction=metric.direction,
            minimum_effect=choice.minimum_effect,
        ),
        variants=_variants(template, *_payloads(kind, choice)),
        measures=[
            MeasureSpec(metric.key, MetricRole.PRIMARY),
            *(
                MeasureSpec(each.key, MetricRole.GUARDRAIL)
                for each in guardrails_among(metric.key, others)[:MAX_GUARDRAILS]
            ),
        ],
        plan=AnalysisPlan(),
    )


def _variants(
    template: Template, control: Mapping[str, Any], treatment: Mapping[str, Any]
) -> tuple[VariantSpec, VariantSpec]:
    """Two halves."""
    return (
        VariantSpec(
            template.control,
            template.control.title(),
            0.5,
            is_control=True,
            payload=control,
        ),
        VariantSpec(
            template.treatment,
            template.treatment.title(),
            0.5,
            is_control=False,
            payload=treatment,
        ),
    )


def guardrails_among(primary: str, others: Sequence[Metric]) -> Sequence[Metric]:
    """The metrics beside the primary one, those that fit best first."""
    usable = (
        each for each in others if each.key != primary and each.archived_at is None
    )
    return sorted(usable, key=_fitness)


def _fitness(metric: Metric) -> tuple[bool, bool, str]:
    """Who comes back guards best, then what had better fall, such as tickets."""
    return (
        metric.kind is not MetricKind.RETENTION,
        metric.direction is not Direction.DECREASE,
        metric.key,
    )


def _payloads(
    kind: TreatmentKind, choice: Choice
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if kind is TreatmentKind.FEATURE:
        return {"value": False}, {"value": True}
    if kind is TreatmentKind.FREEMIUM_LIMIT:
        return (
            _limit(choice.subject, choice.current_limit),
            _limit(choice.subject, choice.new_limit),
        )
    return _flow(choice.subject, 1, ()), _flow(choice.subject, 2, ("first-task",))


def _limit(meter: str, value: int) -> Mapping[str, Any]:
    return {
        "meter": meter,
        "kind": "FLOW",
        "value": value,
        "window": "MONTH",
        "disclosure": {"text": f"{value:,} {meter} a month are free."},
    }


def _flow(flow: str, version: int, more: Sequence[str]) -> Mapping[str, Any]:
    steps = [{"key": "welcome", "kind": StepKind.LANDING_PAD, "title": "Welcome"}]
    steps += [
        {
            "key": key,
            "kind": StepKind.WALKTHROUGH,
            "title": key.replace("-", " ").capitalize(),
        }
        for key in more
    ]
    return {"flow": flow, "version": version, "steps": steps}
