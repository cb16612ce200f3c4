"""What the mutations of experiments take."""

from typing import Any

import strawberry

from api.graphql.experiment_enums import (
    Direction,
    MetricRole,
    PauseMode,
    TreatmentKind,
    UnitKind,
)
from api.graphql.experiments import ExperimentRef
from api.graphql.plan import AnalysisPlanInput, HarmAction, MarginKind
from api.graphql.scalars import JSON
from api.graphql.treatment_inputs import TreatmentInput
from experiments.drafts import (
    Changes,
    HypothesisSpec,
    LayerSpec,
    MeasureSpec,
    PrerequisiteSpec,
    VariantSpec,
)
from experiments.errors import DesignInvalid


@strawberry.input(description="What is expected; a draft may leave parts open.")
class HypothesisInput:
    """The question."""

    statement: str = strawberry.field(
        default="", description="What you expect, and why."
    )
    metric_key: str | None = strawberry.field(
        default=None, description="The metric that should move: the primary one."
    )
    direction: Direction | None = strawberry.field(
        default=None, description="Which way."
    )
    minimum_effect: float | None = strawberry.field(
        default=None,
        description="The smallest absolute difference that matters, in its unit.",
    )

    def spec(self) -> HypothesisSpec:
        """As the domain takes it."""
        return HypothesisSpec(
            self.statement, self.metric_key, self.direction, self.minimum_effect
        )


@strawberry.input(description="One arm of an experiment.")
class VariantInput:
    """An arm."""

    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores."
    )
    name: str = strawberry.field(default="", description="For people; else the key.")
    weight: float = strawberry.field(description="Its share; the shares sum to 1.")
    is_control: bool = strawberry.field(
        default=False, description="Whether the others are compared with it."
    )
    payload: TreatmentInput = strawberry.field(
        description="What it does; it fits the experiment's treatment."
    )

    def spec(self) -> VariantSpec:
        """As the domain takes it."""
        return VariantSpec(
            self.key, self.name, self.weight, self.is_control, self.payload.document()
        )


@strawberry.input(description="A metric to measure.")
class ExperimentMetricInput:
    """A metric with its role."""

    metric_key: str = strawberry.field(description="The metric.")
    role: MetricRole = strawberry.field(description="What it decides.")
    margin: float | None = strawberry.field(
        default=None,
        description="Of a guardrail: the loss that would still be accepted, above 0. "
        "It is frozen at the start, and the guardrail has to show that it loses less.",
    )
    margin_kind: MarginKind = strawberry.field(
        default=MarginKind.ABSOLUTE,
        description="Whether the margin is in the metric's unit or a share of the "
        "control's value.",
    )
    harm_action: HarmAction = strawberry.field(
        default=HarmAction.ALERT,
        description="Of a guardrail: what happens when its harm alarm rings.",
    )

    def spec(self) -> MeasureSpec:
        """As the domain takes it."""
        return MeasureSpec(
            self.metric_key, self.role, self.margin, self.margin_kind, self.harm_action
        )


@strawberry.input(
    description="Slots of a layer: the ranges, or the first free part that is as large "
    "as the share."
)
class LayerSlotsInput:
    """What an experiment takes of a layer."""

    key: str = strawberry.field(description="The layer.")
    ranges: list[list[float]] | None = strawberry.field(
        default=None,
        description="Pairs of a start and an end in [0, 1], in steps of 1/10,000.",
    )
    share: float | None = strawberry.field(
        default=None, description="Above 0 and up to 1, in steps of 1/10,000."
    )

    def spec(self) -> LayerSpec:
        """As the domain takes it."""
        return LayerSpec(self.key, self.ranges, self.share)


@strawberry.input(
    description="Another experiment: only who has one of these variants of it, by "
    "chance, is in."
)
class PrerequisiteInput:
    """One requirement."""

    experiment_key: str = strawberry.field(description="The other experiment.")
    variants: list[str] = strawberry.field(description="One of these is needed.")

    def spec(self) -> PrerequisiteSpec:
        """As the domain takes it."""
        return PrerequisiteSpec(self.experiment_key, self.variants)


@strawberry.input(description="An experiment to write down.")
class CreateExperimentInput:
    """What createExperiment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores; taken for "
        "ever."
    )
    name: str | None = strawberry.field(
        default=None, description="For people; else the key."
    )
    treatment: TreatmentKind = strawberry.field(description="What the variants vary.")
    unit: UnitKind = strawberry.field(
        default=UnitKind.USER, description="What is randomised."
    )
    hypothesis: HypothesisInput | None = strawberry.field(
        default=None, description="What is expected; no start without it."
    )
    variants: list[VariantInput] = strawberry.field(
        default_factory=list, description="The arms, in order."
    )
    metrics: list[ExperimentMetricInput] = strawberry.field(
        default_factory=list, description="What is measured; one is PRIMARY."
    )
    targeting: JSON | None = strawberry.field(
        default=None, description="A condition on attributes; left out, everyone."
    )
    coverage: float = strawberry.field(
        default=1.0, description="The share of units that take part, 0 to 1."
    )
    planned_units: int | None = strawberry.field(
        default=None,
        description="How many units decide the question; left out, as many as "
        "`power` proposes at the start.",
    )
    plan: AnalysisPlanInput | None = strawberry.field(
        default=None, description="How it is analysed; left out, by the defaults."
    )
    area: str | None = strawberry.field(
        default=None,
        description="The part of the product it belongs to, for holdouts of that part.",
    )
    layer: LayerSlotsInput | None = strawberry.field(
        default=None, description="Its slots of a layer."
    )
    prerequisites: list[PrerequisiteInput] = strawberry.field(
        default_factory=list, description="All of them are needed; at most 10."
    )
    exempt_from_holdouts: bool = strawberry.field(
        default=False,
        description="Reach those who are held out too; `exemptionReason` says why.",
    )
    exemption_reason: str = strawberry.field(
        default="", description="Why; kept in the audit trail."
    )

    def changes(self) -> Changes:
        """As the domain takes it."""
        hypothesis = self.hypothesis
        return Changes(
            name=self.name,
            unit=self.unit,
            hypothesis=None if hypothesis is None else hypothesis.spec(),
            variants=[variant.spec() for variant in self.variants],
            measures=[metric.spec() for metric in self.metrics],
            targeting=condition(self.targeting),
            coverage=self.coverage,
            planned_units=self.planned_units,
            plan=None if self.plan is None else self.plan.plan(),
            area=self.area,
            layer=None if self.layer is None else self.layer.spec(),
            prerequisites=[each.spec() for each in self.prerequisites],
            exempt_from_holdouts=self.exempt_from_holdouts,
            exemption_reason=self.exemption_reason,
        )


@strawberry.input(
    description="What to change; what is left out stays. Of a started experiment only "
    "the name changes, and coverage rises."
)
class UpdateExperimentInput:
    """What updateExperiment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")
    expected_version: int = strawberry.field(description="The version that you read.")
    name: str | None = strawberry.field(default=None, description="For people.")
    unit: UnitKind | None = strawberry.field(
        default=None, description="What is randomised."
    )
    hypothesis: HypothesisInput | None = strawberry.field(
        default=None, description="The whole hypothesis."
    )
    variants: list[VariantInput] | None = strawberry.field(
        default=None, description="All the arms, in order."
    )
    metrics: list[ExperimentMetricInput] | None = strawberry.field(
        default=None, description="Everything that is measured."
    )
    targeting: JSON | None = strawberry.field(
        default=None, description="A condition; an empty object lets everyone in."
    )
    coverage: float | None = strawberry.field(
        default=None, description="The share of units that take part, 0 to 1."
    )
    planned_units: int | None = strawberry.field(
        default=None, description="How many units decide the question."
    )
    plan: AnalysisPlanInput | None = strawberry.field(
        default=None, description="How it is analysed, whole."
    )
    area: str | None = strawberry.field(
        default=None, description="An empty one puts it into none."
    )
    layer: strawberry.Maybe[LayerSlotsInput | None] = strawberry.field(
        description="Its slots of a layer; null leaves the layer."
    )
    prerequisites: list[PrerequisiteInput] | None = strawberry.field(
        default=None, description="All of them."
    )
    exempt_from_holdouts: bool | None = strawberry.field(
        default=None,
        description="Reach those who are held out too; `exemptionReason` says why.",
    )
    exemption_reason: str = strawberry.field(
        default="", description="Why; kept in the audit trail."
    )

    def changes(self) -> Changes:
        """As the domain takes it."""
        needs = self.prerequisites
        hypothesis, variants, metrics = self.hypothesis, self.variants, self.metrics
        return Changes(
            name=self.name,
            unit=self.unit,
            hypothesis=None if hypothesis is None else hypothesis.spec(),
            variants=None if variants is None else [each.spec() for each in variants],
            measures=None if metrics is None else [each.spec() for each in metrics],
            targeting=condition(self.targeting),
            coverage=self.coverage,
            planned_units=self.planned_units,
            plan=None if self.plan is None else self.plan.plan(),
            area=self.area,
            layer=self._layer(),
            prerequisites=None if needs is None else [each.spec() for each in needs],
            exempt_from_holdouts=self.exempt_from_holdouts,
            exemption_reason=self.exemption_reason,
        )

    def _layer(self) -> LayerSpec | None:
        if self.layer is None:
            return None
        given = self.layer.value
        return LayerSpec(None) if given is None else given.spec()


@strawberry.input(description="An experiment to take a step with.")
class TransitionExperimentInput:
    """What startExperiment and resumeExperiment take."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")
    expected_version: int = strawberry.field(description="The version that you read.")


@strawberry.input(description="An experiment to pause.")
class PauseExperimentInput(TransitionExperimentInput):
    """What pauseExperiment takes."""

    mode: PauseMode = strawberry.field(
        default=PauseMode.PAUSE_ENROLMENT, description="What to pause."
    )
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@strawberry.input(description="An experiment to stop.")
class StopExperimentInput(TransitionExperimentInput):
    """What stopExperiment takes."""

    reason: str = strawberry.field(description="Why; kept in the audit trail.")


def condition(source: object) -> dict[str, Any] | None:
    """A condition that was sent.

    Raises:
        DesignInvalid: It is no object.
    """
    if source is None or isinstance(source, dict):
        return source
    raise DesignInvalid("A condition is an object.", path=("targeting",))
