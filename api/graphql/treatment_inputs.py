"""What a variant is to do: payloads as they are sent."""

import strawberry

from api.graphql.experiment_enums import Enforcement, LimitKind, LimitWindow, StepKind
from api.graphql.scalars import JSON, Long
from experiments.treatments import WARN_AT_PERCENT, Document


@strawberry.input(description="A feature's value.")
class FeatureTreatmentInput:
    """For treatment FEATURE."""

    value: JSON | None = strawberry.field(description="At most 8 KiB of JSON.")

    def document(self) -> Document:
        """As it is stored."""
        return {"value": self.value}


@strawberry.input(description="What people are told of a limit.")
class DisclosureInput:
    """A part of a limit."""

    text: str = strawberry.field(description="1 to 2,000 characters.")


@strawberry.input(description="Whether a limit opens one feature.")
class LimitFeatureInput:
    """A part of a FEATURE_SET."""

    key: str = strawberry.field(description="The feature.")
    enabled: bool = strawberry.field(description="Whether it is open.")


@strawberry.input(description="A freemium limit.")
class LimitTreatmentInput:
    """For treatment FREEMIUM_LIMIT."""

    meter: str = strawberry.field(description="What is metered.")
    kind: LimitKind = strawberry.field(description="What the limit holds back.")
    value: Long | None = strawberry.field(
        default=None,
        description="The limit, or the days of a TIME_BOX; null is unlimited.",
    )
    window: LimitWindow | None = strawberry.field(
        default=None, description="For FLOW: when it starts again."
    )
    enforcement: Enforcement = strawberry.field(
        default=Enforcement.HARD, description="What happens at it."
    )
    warn_at_percent: list[int] = strawberry.field(
        default_factory=lambda: list(WARN_AT_PERCENT),
        description="Shares of the limit at which to warn.",
    )
    features: list[LimitFeatureInput] = strawberry.field(
        default_factory=list, description="For FEATURE_SET."
    )
    disclosure: DisclosureInput | None = strawberry.field(
        default=None, description="What people are told; no start without it."
    )

    def document(self) -> Document:
        """As it is stored."""
        told = self.disclosure
        return {
            "meter": self.meter,
            "kind": self.kind,
            "value": self.value,
            "window": self.window,
            "enforcement": self.enforcement,
            "warnAtPercent": self.warn_at_percent,
            "features": {each.key: each.enabled for each in self.features},
            "disclosure": None if told is None else {"text": told.text},
        }


@strawberry.input(description="One step of an onboarding flow.")
class FlowStepInput:
    """A part of a flow."""

    key: str = strawberry.field(description="The step.")
    kind: StepKind = strawberry.field(description="How it is presented.")
    title: str = strawberry.field(description="What the person reads.")
    required: bool = strawberry.field(
        default=True, description="Whether the flow waits for it."
    )
    completion_event: str | None = strawberry.field(
        default=None, description="The event that completes it."
    )


@strawberry.input(description="A version of an onboarding flow.")
class FlowTreatmentInput:
    """For treatment ONBOARDING_FLOW."""

    flow: str = strawberry.field(description="The flow's key.")
    version: int = strawberry.field(description="Its version.")
    steps: list[FlowStepInput] = strawberry.field(description="In order, 1 to 50.")

    def document(self) -> Document:
        """As it is stored."""
        steps = [
            {
                "key": step.key,
                "kind": step.kind,
                "title": step.title,
                "required": step.required,
                "completionEvent": step.completion_event,
            }
            for step in self.steps
        ]
        return {"flow": self.flow, "version": self.version, "steps": steps}


@strawberry.input(
    one_of=True, description="What a variant does: the one that fits the treatment."
)
class TreatmentInput:
    """Exactly one of the three."""

    feature: strawberry.Maybe[FeatureTreatmentInput] = strawberry.field(
        description="For treatment FEATURE."
    )
    limit: strawberry.Maybe[LimitTreatmentInput] = strawberry.field(
        description="For treatment FREEMIUM_LIMIT."
    )
    flow: strawberry.Maybe[FlowTreatmentInput] = strawberry.field(
        description="For treatment ONBOARDING_FLOW."
    )

    def document(self) -> Document:
        """The one that was sent, as it is stored."""
        sent = self.feature or self.limit or self.flow
        return {} if sent is None else sent.value.document()
