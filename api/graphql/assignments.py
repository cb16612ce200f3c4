"""Assignments: which variant a subject gets."""

import strawberry

from api.composed.assignments import Given, assigned
from api.context import Info
from api.graphql.experiment_enums import Cause, Reason, TreatmentKind
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.graphql.treatments import TreatmentPayload, shown_payload
from api.policies import Policy, policed
from experiments.assignment.evaluator import Decision


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
    reason: Reason = strawberry.field(
        description="Why, in a flag client's words. Over OFREP the first five are its "
        "`reason`, and the others its `metadata.cause`."
    )
    cause: Cause = strawberry.field(
        description="The step that settled it, in Hone's own words: finer than "
        "`reason`, so what is KILL_SWITCH there is KILLED here. OFREP's "
        "`metadata.cause` says it in the words of `reason`."
    )
    in_experiment: bool = strawberry.field(
        description="Whether the subject was randomised, or is compared after a "
        "variant was shipped: only then is it exposed."
    )
    phase: int | None = strawberry.field(
        description="The phase's number. Send it with an exposure: one that is kept "
        "past a new randomisation then counts in no other phase."
    )
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
            phase=decision.phase.definition.exposing,
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
