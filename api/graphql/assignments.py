"""Assignments: which variant a subject gets, and why."""

import strawberry

from api.composed.assignments import (
    Given,
    assigned,
    attributes_for,
    is_trusted,
    served_phase,
)
from api.context import Info
from api.graphql.experiment_enums import Cause, Reason, TreatmentKind
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.graphql.treatments import TreatmentPayload, shown_payload
from api.policies import Policy, policed
from core.conditions import Failure
from experiments.assignment.evaluator import HASH_VERSION, Decision
from experiments.assignment.explanation import Explanation, explained
from experiments.errors import ExperimentUnknown


@policed(Policy.PUBLIC)
@strawberry.type(description="What one experiment gives the subject.")
class Assignment:
    """One decision."""

    decision: strawberry.Private[Decision | None]
    experiment_key: str = strawberry.field(description="The experiment.")
    variant: str | None = strawberry.field(
        description="The variant's key; null if nothing is served under the key."
    )
    value: JSON | None = strawberry.field(description="What a flag client receives.")
    reason: Reason = strawberry.field(description="Why, in a flag client's words.")
    cause: Cause = strawberry.field(description="The step that settled it.")
    in_experiment: bool = strawberry.field(
        description="Whether the subject was randomised: only then is it exposed."
    )
    phase: int | None = strawberry.field(description="The phase's number.")
    config_version: int = strawberry.field(
        description="The version of the environment's definitions."
    )

    @strawberry.field(description="What the variant does.")
    def payload(self) -> TreatmentPayload | None:
        """The typed form of the value."""
        if self.decision is None:
            return None
        kind = TreatmentKind(self.decision.phase.definition.treatment)
        return shown_payload(kind, dict(self.decision.variant.payload))

    @classmethod
    def of(cls, key: str, decision: Decision | None, version: int) -> "Assignment":
        """From a decision, or from there being none."""
        if decision is None:
            return cls(
                decision=None,
                experiment_key=key,
                variant=None,
                value=None,
                reason=Reason.UNKNOWN,
                cause=Cause.UNKNOWN_EXPERIMENT,
                in_experiment=False,
                phase=None,
                config_version=version,
            )
        return cls(
            decision=decision,
            experiment_key=key,
            variant=decision.variant.key,
            value=decision.value,
            reason=decision.reason,
            cause=decision.cause,
            in_experiment=decision.in_experiment,
            phase=decision.phase.definition.number,
            config_version=version,
        )


@policed(Policy.PUBLIC)
@strawberry.type(description="A subject's assignments at one moment.")
class AssignmentSet:
    """Several decisions over the same definitions."""

    etag: str = strawberry.field(
        description="Send it as `ifNoneMatch` to be answered null while nothing "
        "changes for this subject."
    )
    assignments: list[Assignment] = strawberry.field(
        description="In the order of the keys, else by experiment key."
    )

    @classmethod
    def of(cls, found: Given) -> "AssignmentSet":
        """From the decisions."""
        return cls(
            etag=found.etag,
            assignments=[
                Assignment.of(key, decision, found.version)
                for key, decision in found.decisions.items()
            ],
        )


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
            phase_version=definition.version,
        )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.PUBLIC},
        description="What every experiment gives one subject, in one round trip and "
        "without a write. An unknown key is answered with reason UNKNOWN. Null where "
        "`ifNoneMatch` still matches. With `qualifying` experiments that do not target "
        "the subject are left out.",
    )
    async def assignments(
        self,
        info: Info,
        subject: SubjectInput,
        keys: list[str] | None = None,
        if_none_match: str | None = None,
        qualifying: bool = False,
    ) -> AssignmentSet | None:
        """All that is served, unless keys are named."""
        found = await assigned(
            info.context, subject.context(), keys, qualifying=qualifying
        )
        if if_none_match is not None and if_none_match == found.etag:
            return None
        return AssignmentSet.of(found)

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Why a subject gets what it gets: the bucket, the slices and the "
        "comparison that failed.",
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
