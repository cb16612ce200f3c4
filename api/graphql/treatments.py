"""What a variant does: payloads as they are read."""

from typing import Annotated, TypeAlias

import strawberry

from api.graphql.experiment_enums import (
    Enforcement,
    LimitKind,
    LimitWindow,
    StepKind,
    TreatmentKind,
)
from api.graphql.scalars import JSON, Long
from api.policies import Policy, policed
from experiments.treatments import (
    Document,
    Feature,
    Flow,
    Limit,
    treatment_of,
)


@policed(Policy.PUBLIC)
@strawberry.type(description="A feature's value.")
class FeatureTreatment:
    """Any JSON."""

    value: JSON | None = strawberry.field(
        description="Whatever your code reads: at most 8 KiB of JSON."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="What a person is told of a limit before meeting it.")
class Disclosure:
    """A part of every limit."""

    text: str = strawberry.field(description="Shown up front, in every arm.")


@policed(Policy.PUBLIC)
@strawberry.type(description="Whether a limit opens one feature.")
class LimitFeature:
    """A part of a FEATURE_SET."""

    key: str = strawberry.field(description="The feature.")
    enabled: bool = strawberry.field(description="Whether it is open.")


@policed(Policy.PUBLIC)
@strawberry.type(description="A freemium limit.")
class LimitTreatment:
    """One arm's limit."""

    meter: str = strawberry.field(description="What is metered.")
    kind: LimitKind = strawberry.field(description="What the limit holds back.")
    value: Long | None = strawberry.field(
        description="The limit, or the days of a TIME_BOX; null is unlimited."
    )
    window: LimitWindow | None = strawberry.field(
        description="Of a FLOW: when it starts again."
    )
    enforcement: Enforcement = strawberry.field(description="What happens at it.")
    warn_at_percent: list[int] = strawberry.field(
        description="Shares of the limit at which to warn."
    )
    features: list[LimitFeature] = strawberry.field(description="Of a FEATURE_SET.")
    disclosure: Disclosure | None = strawberry.field(
        description="What people are told; no start without it."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="One step of an onboarding flow.")
class FlowStep:
    """A part of a flow."""

    key: str = strawberry.field(description="The step.")
    kind: StepKind = strawberry.field(description="How it is presented.")
    title: str = strawberry.field(description="What the person reads.")
    required: bool = strawberry.field(description="Whether the flow waits for it.")
    completion_event: str | None = strawberry.field(
        description="The event that completes it; null if the person says so."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="A version of an onboarding flow.")
class FlowTreatment:
    """One arm's flow."""

    flow: str = strawberry.field(description="The flow's key.")
    version: int = strawberry.field(description="Its version.")
    steps: list[FlowStep] = strawberry.field(description="In order.")


TreatmentPayload: TypeAlias = Annotated[
    FeatureTreatment | LimitTreatment | FlowTreatment,
    strawberry.union("TreatmentPayload", description="What a variant does."),
]


def shown_payload(
    kind: TreatmentKind, document: Document
) -> FeatureTreatment | LimitTreatment | FlowTreatment:
    """A stored payload as its type."""
    treatment = treatment_of(kind, document)
    match treatment:
        case Feature(value=value):
            return FeatureTreatment(value=value)
        case Limit():
            return _limit(treatment)
        case Flow(flow=flow, version=version, steps=steps):
            shown = [
                FlowStep(
                    key=step.key,
                    kind=StepKind(step.kind),
                    title=step.title,
                    required=step.required,
                    completion_event=step.completion_event,
                )
                for step in steps
            ]
            return FlowTreatment(flow=flow, version=version, steps=shown)


def _limit(limit: Limit) -> LimitTreatment:
    told = limit.disclosure
    return LimitTreatment(
        meter=limit.meter,
        kind=limit.kind,
        value=None if limit.value is None else Long(limit.value),
        window=limit.window,
        enforcement=limit.enforcement,
        warn_at_percent=list(limit.warn_at_percent),
        features=[
            LimitFeature(key=key, enabled=enabled)
            for key, enabled in limit.features.items()
        ],
        disclosure=None if told is None else Disclosure(text=told.text),
    )
