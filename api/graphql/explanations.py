"""Explanations: why a subject gets what it gets. Never for a client key."""

import strawberry

from api.composed.assignments import attributes_for, is_trusted, served_phase
from api.context import Info
from api.graphql.assignments import Assignment
from api.graphql.eligibility import SlotRange
from api.graphql.experiment_enums import Cause
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core.conditions import Failure
from experiments.assignment.evaluator import HASH_VERSION
from experiments.assignment.explanation import (
    Explanation,
    HoldoutPlace,
    LayerPlace,
    ParentPlace,
    explained,
)
from experiments.errors import ExperimentUnknown


@policed(Policy.READ)
@strawberry.type(description="A variant's slice of [0, 1).")
class BucketRange:
    """A half-open interval."""

    variant: str = strawberry.field(description="The variant.")
    start: float = strawberry.field(description="The first position in it.")
    end: float = strawberry.field(description="The first position after it.")


@policed(Policy.READ)
@strawberry.type(description="The comparison that kept a subject out.")
class FailedComparison:
    """A leaf of the targeting."""

    attribute: str = strawberry.field(description="What was compared.")
    operator: str = strawberry.field(description="How.")
    expected: JSON | None = strawberry.field(description="What it had to be.")
    actual: JSON | None = strawberry.field(description="What it was.")
    negated: bool = strawberry.field(
        description="Whether the comparison held and was not to."
    )

    @classmethod
    def of(cls, failure: Failure) -> "FailedComparison":
        """From the evaluator's own."""
        return cls(
            attribute=failure.attribute,
            operator=failure.operator,
            expected=JSON(failure.expected),
            actual=JSON(failure.actual),
            negated=failure.negated,
        )


@policed(Policy.READ)
@strawberry.type(description="Where a unit falls in a layer.")
class ExplainedLayer:
    """A place, and the phase's slots."""

    key: str = strawberry.field(description="The layer.")
    seed: str = strawberry.field(description="What the unit was hashed with.")
    bucket: float | None = strawberry.field(
        description="Where it falls in [0, 1); null without a unit."
    )
    slots: list[SlotRange] = strawberry.field(description="What the phase has of it.")
    inside: bool = strawberry.field(description="Whether it falls into one of them.")

    @classmethod
    def of(cls, place: LayerPlace) -> "ExplainedLayer":
        """From the evaluator's own."""
        bucket = place.bucket
        return cls(
            key=place.key,
            seed=place.seed,
            bucket=bucket,
            slots=SlotRange.all_of(place.slots),
            inside=bucket is not None
            and any(start <= bucket < end for start, end in place.slots),
        )


@policed(Policy.READ)
@strawberry.type(description="Where a unit falls in a holdout.")
class ExplainedHoldout:
    """A place, and the share that is held out."""

    key: str = strawberry.field(description="The holdout.")
    seed: str = strawberry.field(description="What the unit was hashed with.")
    bucket: float | None = strawberry.field(
        description="Where it falls in [0, 1); null without a unit."
    )
    share: float = strawberry.field(description="How many are held out.")
    held_out: bool = strawberry.field(description="Whether it is one of them.")

    @classmethod
    def of(cls, place: HoldoutPlace) -> "ExplainedHoldout":
        """From the evaluator's own."""
        return cls(
            key=place.key,
            seed=place.seed,
            bucket=place.bucket,
            share=place.share,
            held_out=place.held_out,
        )


@policed(Policy.READ)
@strawberry.type(description="What a subject has of an experiment that is required.")
class ExplainedPrerequisite:
    """A requirement, met or not."""

    experiment_key: str = strawberry.field(description="The experiment.")
    variants: list[str] = strawberry.field(description="One of these is needed.")
    variant: str | None = strawberry.field(
        description="What the subject gets; null where nothing is served that could do."
    )
    cause: Cause | None = strawberry.field(description="The step that settled that.")
    met: bool = strawberry.field(description="Whether it is what is needed, by chance.")

    @classmethod
    def of(cls, place: ParentPlace) -> "ExplainedPrerequisite":
        """From the evaluator's own."""
        decision = place.decision
        return cls(
            experiment_key=place.experiment_key,
            variants=list(place.variants),
            variant=None if decision is None else decision.variant.key,
            cause=None if decision is None else decision.cause,
            met=place.met,
        )


@policed(Policy.READ)
@strawberry.type(description="Why a subject gets what it gets.")
class AssignmentExplanation:
    """One decision with everything that led to it."""

    assignment: Assignment = strawberry.field(description="The decision.")
    unit_attribute: str | None = strawberry.field(
        description="The attribute that was hashed; null if the subject has none."
    )
    unit_value: str | None = strawberry.field(description="What was hashed.")
    hash_version: int = strawberry.field(description="How it was hashed.")
    seed: str = strawberry.field(description="What it was hashed with.")
    bucket: float | None = strawberry.field(description="Where it falls in [0, 1).")
    coverage: float = strawberry.field(description="The share of units that take part.")
    ranges: list[BucketRange] = strawberry.field(description="Each variant's slice.")
    failed: FailedComparison | None = strawberry.field(
        description="The comparison of the targeting that failed; null if it holds."
    )
    layer: ExplainedLayer | None = strawberry.field(
        description="Where it falls in the phase's layer; null if that has none."
    )
    holdouts: list[ExplainedHoldout] = strawberry.field(
        description="Where it falls in each of the phase's holdouts."
    )
    prerequisites: list[ExplainedPrerequisite] = strawberry.field(
        description="What it has of each experiment that it must be in first."
    )
    overridden: bool = strawberry.field(
        description="Whether a person gave it the variant by name."
    )
    linked: bool = strawberry.field(
        description="Whether it keeps the variant of an id that was linked to its own."
    )
    phase_version: int = strawberry.field(
        description="How often what is served of this phase has changed."
    )

    @classmethod
    def of(cls, found: Explanation, version: int) -> "AssignmentExplanation":
        """From the evaluator's own."""
        definition = found.decision.phase.definition
        unit, failure = found.unit, found.failure
        return cls(
            assignment=Assignment.of(
                definition.experiment_key, found.decision, version
            ),
            unit_attribute=None if unit is None else unit.attribute,
            unit_value=None if unit is None else unit.value,
            hash_version=HASH_VERSION,
            seed=definition.seed,
            bucket=found.bucket,
            coverage=definition.coverage,
            ranges=[
                BucketRange(variant=key, start=start, end=end)
                for key, (start, end) in found.ranges
            ],
            failed=None if failure is None else FailedComparison.of(failure),
            layer=None if found.layer is None else ExplainedLayer.of(found.layer),
            holdouts=[ExplainedHoldout.of(each) for each in found.holdouts],
            prerequisites=[
                ExplainedPrerequisite.of(each) for each in found.prerequisites
            ],
            overridden=found.named,
            linked=found.linked,
            phase_version=definition.version,
        )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Why a subject gets what it gets: the bucket, the slices, the "
        "comparison that failed, and where it falls in the layer and the holdouts.",
    )
    async def explain_assignment(
        self, info: Info, subject: SubjectInput, key: str
    ) -> AssignmentExplanation | None:
        """The same evaluation, in sight."""
        asked = subject.context()
        snapshot, phase = await served_phase(info.context, key)
        if phase is None:
            raise ExperimentUnknown(path=("key",))
        attributes = await attributes_for(info.context, asked, [phase])
        trusted = is_trusted(info.context)
        found = explained(phase, attributes.for_phase(phase, trusted=trusted))
        return AssignmentExplanation.of(found, snapshot.version)
