"""What people say before a launch, and what they let pass."""

from datetime import date
from typing import Annotated

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.experiment_changes import ExperimentPayload, perform_change
from api.graphql.experiments import ExperimentRef, find_experiment
from api.graphql.perform import Ids
from api.graphql.readiness_enums import ItemCode
from api.policies import Policy
from core.database import AsyncSession
from experiments.service import noting
from experiments.service.change import Intent
from experiments.service.noting import NoteChanges

_EDIT = {"policy": Policy.EDIT}

LaunchResult = Annotated[
    ExperimentPayload | Refusal,
    strawberry.union("LaunchResult", description="The experiment, or why not."),
]


@strawberry.input(
    description="What only people know before a launch. What is left out stays; an "
    "empty text takes back what was said."
)
class NoteLaunchInput:
    """What noteLaunch takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")
    expected_version: int = strawberry.field(
        description="The version of `launchNotes` that you read; 0 if there are none."
    )
    decider: str | None = strawberry.field(
        default=None, description="Who decides in the end; at most 200 characters."
    )
    decision_date: date | None = strawberry.field(
        default=None, description="By when it is meant to be decided."
    )
    ethics: str | None = strawberry.field(
        default=None,
        description="Why it is fair to those who are in it, and what of them is read.",
    )
    identity: str | None = strawberry.field(
        default=None, description="How a visitor's id is linked to the user's."
    )
    support_briefed: str | None = strawberry.field(
        default=None, description="Who in support was told what."
    )


@strawberry.input(description="An item of the checklist to count again.")
class WithdrawReadinessWaiverInput:
    """What withdrawReadinessWaiver takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")
    expected_version: int = strawberry.field(description="The version that you read.")
    item: ItemCode = strawberry.field(description="Which item.")


@strawberry.input(description="An item of the checklist to let pass.")
class WaiveReadinessItemInput(WithdrawReadinessWaiverInput):
    """What waiveReadinessItem takes."""

    reason: str = strawberry.field(
        description="Why; kept under your name, and shown in the decision's memo."
    )


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Say who decides and by when, why it is fair, how ids are linked, "
        "and who in support knows.",
    )
    async def note_launch(self, info: Info, input: NoteLaunchInput) -> LaunchResult:
        """A row of its own: the design stays as it is."""

        async def work(session: AsyncSession) -> Ids:
            experiment = await find_experiment(session, info.context, input.experiment)
            row = await noting.note(
                session,
                project_id=experiment.project_id,
                experiment_id=experiment.id,
                expected_version=input.expected_version,
                actor=info.context.actor,
                changes=NoteChanges(
                    decider=input.decider,
                    decision_date=input.decision_date,
                    ethics=input.ethics,
                    identity=input.identity,
                    support_briefed=input.support_briefed,
                ),
            )
            return {"experiment": row.experiment_id.hex}

        return await perform_change(info, input, "noteLaunch", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Let an item of the checklist pass, by name, with a reason. What "
        "was found by looking passes only while the design stays as it is.",
    )
    async def waive_readiness_item(
        self, info: Info, input: WaiveReadinessItemInput
    ) -> LaunchResult:
        """For this environment's evidence."""

        async def work(session: AsyncSession) -> Ids:
            row = await noting.waive(
                session,
                await _intent_of(session, info, input),
                environment_id=info.context.caller.environment_id,
                code=input.item,
                reason=input.reason,
            )
            return {"experiment": row.experiment_id.hex}

        return await perform_change(info, input, "waiveReadinessItem", work)

    @strawberry.mutation(
        metadata=_EDIT, description="Let an item of the checklist count again."
    )
    async def withdraw_readiness_waiver(
        self, info: Info, input: WithdrawReadinessWaiverInput
    ) -> LaunchResult:
        """The waiver is gone; the audit trail keeps it."""

        async def work(session: AsyncSession) -> Ids:
            intent = await _intent_of(session, info, input)
            await noting.withdraw_waiver(session, intent, code=input.item)
            return {"experiment": intent.experiment_id.hex}

        return await perform_change(info, input, "withdrawReadinessWaiver", work)


async def _intent_of(
    session: AsyncSession, info: Info, given: WithdrawReadinessWaiverInput
) -> Intent:
    row = await find_experiment(session, info.context, given.experiment)
    return Intent(
        project_id=row.project_id,
        experiment_id=row.id,
        expected_version=given.expected_version,
        actor=info.context.actor,
    )
