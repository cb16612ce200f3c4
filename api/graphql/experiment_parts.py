"""The parts of an experiment as they are read."""

from datetime import datetime

import strawberry

from api.context import Info
from api.graphql.eligibility import PhaseArm, PhaseEligibility
from api.graphql.experiment_enums import (
    DecisionOutcome,
    Direction,
    MetricRole,
    PauseMode,
    Severity,
    TreatmentKind,
)
from api.graphql.ids import global_id
from api.graphql.metrics import Metric
from api.graphql.plan import AnalysisPlan, HarmAction, MarginKind
from api.graphql.results import ExperimentResults, results_by_phase
from api.graphql.scalars import JSON, Long
from api.graphql.schedules import Launched
from api.graphql.treatments import TreatmentPayload, shown_payload
from api.policies import Policy, policed
from experiments import models
from experiments.drafts import Measure
from experiments.freezing import design_of
from experiments.treatments import served_value


@policed(Policy.READ)
@strawberry.type(
    description="What is expected, written down before anyone is assigned."
)
class Hypothesis:
    """The question."""

    statement: str = strawberry.field(description="What you expect, and why.")
    metric_key: str | None = strawberry.field(description="The metric that moves.")
    direction: Direction | None = strawberry.field(description="Which way.")
    minimum_effect: float | None = strawberry.field(
        description="The smallest absolute difference that matters, in its unit."
    )


@policed(Policy.READ)
@strawberry.type(description="One arm of an experiment.")
class Variant:
    """An arm."""

    key: str = strawberry.field(description="For programs.")
    name: str = strawberry.field(description="For people.")
    weight: float = strawberry.field(description="Its share of the split.")
    is_control: bool = strawberry.field(
        description="Whether the others are compared with it."
    )
    payload: TreatmentPayload = strawberry.field(description="What it does.")
    value: JSON | None = strawberry.field(description="What a flag client receives.")

    @classmethod
    def of(cls, kind: TreatmentKind, row: models.Variant) -> "Variant":
        """From a row."""
        return cls(
            key=row.key,
            name=row.name,
            weight=row.weight,
            is_control=row.is_control,
            payload=shown_payload(kind, row.payload),
            value=served_value(kind, row.payload),
        )


@policed(Policy.READ)
@strawberry.type(description="A metric's part in an experiment.")
class ExperimentMetric:
    """A metric with its role."""

    metric: Metric = strawberry.field(description="The metric as it is now.")
    role: MetricRole = strawberry.field(description="What it decides.")
    margin: float | None = strawberry.field(
        description="Of a guardrail: the loss that would still be accepted. It is "
        "frozen at the start, and the guardrail has to show that it loses less."
    )
    margin_kind: MarginKind = strawberry.field(
        description="Whether the margin is in the metric's unit or a share of the "
        "control's value."
    )
    harm_action: HarmAction = strawberry.field(
        description="Of a guardrail: what happens when its harm alarm rings."
    )

    @classmethod
    def of(cls, measure: Measure) -> "ExperimentMetric":
        """From a draft's."""
        return cls(
            metric=Metric.of(measure.metric),
            role=measure.role,
            margin=measure.margin,
            margin_kind=measure.margin_kind,
            harm_action=measure.harm_action,
        )


@policed(Policy.READ)
@strawberry.type(description="An interval without enrolment.")
class Pause:
    """A pause of a phase."""

    mode: PauseMode = strawberry.field(description="What was paused.")
    from_at: datetime = strawberry.field(description="When it began.")
    until_at: datetime | None = strawberry.field(description="When it ended.")


@policed(Policy.READ)
@strawberry.type(description="One randomisation in one environment, analysed alone.")
class Phase(Launched):
    """A phase."""

    row: strawberry.Private[models.Phase]
    id: strawberry.ID = strawberry.field(description="Global id.")
    number: int = strawberry.field(description="From 1.")
    environment_id: strawberry.ID = strawberry.field(description="Where it runs.")
    seed: str = strawberry.field(description="What its units are hashed with.")
    design_hash: str = strawberry.field(
        description="SHA-256 of what was frozen at the start."
    )
    coverage: float = strawberry.field(description="The share of units that take part.")
    planned_units: Long = strawberry.field(
        description="How many units decide the question."
    )
    started_at: datetime = strawberry.field(description="First assignment.")
    ended_at: datetime | None = strawberry.field(description="When it was stopped.")
    imported: bool = strawberry.field(
        description="Whether its units were assigned elsewhere; it is not served here."
    )
    finished_import: bool = strawberry.field(
        description="Whether it ran elsewhere and all its units are in."
    )
    pauses: list[Pause] = strawberry.field(description="In order.")
    arms: list[PhaseArm] = strawberry.field(
        description="Its split, frozen at the start, in order, with what was dropped."
    )
    eligibility: PhaseEligibility = strawberry.field(
        description="Who may be in, frozen at the start."
    )

    @strawberry.field(
        description="How it is analysed, frozen at the start; null where its units "
        "were assigned elsewhere: it is read once, unadjusted."
    )
    def plan(self) -> AnalysisPlan | None:
        """From the design."""
        plan = design_of(self.row).plan
        if plan is None:
            return None
        return AnalysisPlan.of(plan, time_zone=plan.time_zone)

    @strawberry.field(
        description="What its own current snapshot says, also after a later phase has "
        "begun; null before there is one."
    )
    async def results(self, info: Info) -> ExperimentResults | None:
        """Loaded together with those of the other phases in the answer."""
        return await info.context.loaders.of(results_by_phase).load(self.row.id)

    @classmethod
    def of(cls, row: models.Phase) -> "Phase":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Phase", row.id),
            number=row.number,
            environment_id=global_id("Environment", row.environment_id),
            seed=row.seed,
            design_hash=row.design_hash,
            coverage=row.coverage,
            planned_units=Long(row.planned_units),
            started_at=row.started_at,
            ended_at=row.ended_at,
            imported=row.imported,
            finished_import=row.finished_import,
            pauses=[
                Pause(
                    mode=PauseMode(pause["mode"]),
                    from_at=datetime.fromisoformat(pause["from"]),
                    until_at=pause["until"] and datetime.fromisoformat(pause["until"]),
                )
                for pause in row.pauses
            ],
            arms=PhaseArm.all_of(row.design.get("arms", ()), row.dropped),
            eligibility=PhaseEligibility.of(row.eligibility, row.design),
        )


@policed(Policy.READ)
@strawberry.type(description="Something to do, or to know, before the start.")
class LaunchCheck:
    """An item of the checklist."""

    code: str = strawberry.field(description="For programs.")
    severity: Severity = strawberry.field(description="BLOCKER refuses the start.")
    message: str = strawberry.field(description="For people.")


@policed(Policy.READ)
@strawberry.type(description="What was decided, by whom it was meant for, and why.")
class DecisionMemo:
    """A decision."""

    outcome: DecisionOutcome = strawberry.field(description="The decision.")
    note: str = strawberry.field(description="Why.")
    variant: str | None = strawberry.field(description="Of SHIP: which variant.")
    decided_at: datetime = strawberry.field(description="When.")
