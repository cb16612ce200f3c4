"""Deciding: what a person makes of a stopped experiment, and who agrees."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.experiment_changes import ExperimentResult, take_step
from api.graphql.experiment_enums import DecisionOutcome
from api.graphql.experiment_inputs import TransitionExperimentInput
from api.graphql.experiments import Experiment, ExperimentRef, find_experiment
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import queries, service

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="A guardrail that is not known, and why it is accepted.")
class AcceptGuardrailInput:
    """An acceptance."""

    metric_key: str = strawberry.field(description="The guardrail.")
    reason: str = strawberry.field(description="Why; it stands in the memo.")


@strawberry.input(description="An experiment to decide.")
class DecideExperimentInput(TransitionExperimentInput):
    """What decideExperiment takes."""

    decision: DecisionOutcome = strawberry.field(description="There is no default.")
    note: str = strawberry.field(description="Why; it stands in the memo.")
    variant: str | None = strawberry.field(
        default=None, description="For SHIP: the variant's key."
    )
    memo_version: int | None = strawberry.field(
        default=None,
        description="The version of the memo that you decide on; left out, the last "
        "one, or one that is written now.",
    )
    early_reason: str | None = strawberry.field(
        default=None,
        description="Why to ship before the planned number, or a valid bound, is "
        "there.",
    )
    acceptances: list[AcceptGuardrailInput] = strawberry.field(
        default_factory=list,
        description="Guardrails that are not known to be safe, each by name.",
    )


@strawberry.input(description="A decision to agree with, before it is taken.")
class ApproveDecisionInput:
    """What approveDecision takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")
    memo_version: int = strawberry.field(
        description="The version of the memo that you read; a later one is agreed with "
        "anew."
    )
    decision: DecisionOutcome = strawberry.field(description="What is to be decided.")
    variant: str | None = strawberry.field(
        default=None, description="For SHIP: the variant's key."
    )
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@strawberry.input(description="An experiment to put away.")
class ArchiveExperimentInput(TransitionExperimentInput):
    """What archiveExperiment takes."""

    references_gone: bool = strawberry.field(
        default=False,
        description="Of a shipped one: say that no code asks for its key any more, for "
        "what still does falls back to a default of its own.",
    )


@policed(Policy.READ)
@strawberry.type(description="The experiment whose decision was agreed with.")
class ApproveDecisionPayload:
    """What approveDecision answers."""

    experiment: Experiment = strawberry.field(description="The experiment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


ApproveDecisionResult = Annotated[
    ApproveDecisionPayload | Refusal,
    strawberry.union("ApproveDecisionResult", description="It, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Write down what is decided about a stopped experiment, and why. "
        "It is bound to a version of the memo. A SHIP needs the planned number, or a "
        "valid bound, or a reason; one that goes against the recommendation needs "
        "somebody else who agrees.",
    )
    async def decide_experiment(
        self, info: Info, input: DecideExperimentInput
    ) -> ExperimentResult:
        """A decision is a person's, never a default."""
        return await take_step(
            info,
            input,
            "decideExperiment",
            service.decide,
            outcome=input.decision,
            note=input.note,
            variant_key=input.variant,
            memo_version=input.memo_version,
            reservations=service.Reservations(
                early_reason=input.early_reason,
                acceptances=tuple(
                    (each.metric_key, each.reason) for each in input.acceptances
                ),
            ),
        )

    @strawberry.mutation(
        metadata={"policy": Policy.REVIEW},
        description="Agree with a decision that somebody else is about to take against "
        "the recommendation, on the memo as it is.",
    )
    async def approve_decision(
        self, info: Info, input: ApproveDecisionInput
    ) -> ApproveDecisionResult:
        """A person's word, not a key's."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            row = await find_experiment(session, context, input.experiment)
            approval = await service.approve_decision(
                session,
                project_id=row.project_id,
                experiment_id=row.id,
                memo_version=input.memo_version,
                actor=context.actor,
                outcome=input.decision,
                variant_key=input.variant,
                reason=input.reason,
            )
            return {"experiment": approval.experiment_id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> ApproveDecisionPayload:
            row = await queries.experiment_by_id(
                session,
                project_id=context.caller.project_id,
                experiment_id=UUID(ids["experiment"]),
            )
            return ApproveDecisionPayload(
                experiment=Experiment.of(row), replayed=replayed
            )

        return await perform(
            info, input, operation="approveDecision", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata=_EDIT,
        description="Put an experiment away. Its key stays reserved for ever, and its "
        "clients are no longer answered.",
    )
    async def archive_experiment(
        self, info: Info, input: ArchiveExperimentInput
    ) -> ExperimentResult:
        """Of a shipped one, once no code asks for it."""
        return await take_step(
            info,
            input,
            "archiveExperiment",
            service.archive,
            references_gone=input.references_gone,
        )
