"""Memos: generated, then edited; each change is a later version."""

from datetime import date
from typing import Annotated

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.experiments import Experiment, ExperimentRef, find_experiment
from api.graphql.memos import Memo
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import service
from experiments.shipping.queries import memo_at

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="An experiment to write the memo of.")
class GenerateMemoInput:
    """What generateMemo takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Which one.")


@strawberry.input(description="What a person writes into a memo.")
class EditMemoInput:
    """What editMemo takes; what is left out stays as it is."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Whose memo.")
    expected_version: int = strawberry.field(
        description="The version of the memo that you read."
    )
    text: str | None = strawberry.field(
        default=None,
        description="The whole memo as Markdown; else it is written from its parts.",
    )
    users_notice: str | None = strawberry.field(
        default=None, description="What users will notice."
    )
    follow_up_on: date | None = strawberry.field(
        default=None, description="When somebody looks again."
    )
    dissent: str | None = strawberry.field(
        default=None, description="Who sees it otherwise, and why."
    )


@policed(Policy.READ)
@strawberry.type(description="The version that was written, and its experiment.")
class MemoPayload:
    """What every change of a memo answers."""

    memo: Memo = strawberry.field(description="The version.")
    experiment: Experiment = strawberry.field(description="The experiment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


MemoResult = Annotated[
    MemoPayload | Refusal,
    strawberry.union("MemoResult", description="The memo, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Write an experiment's memo from what is known: its question, its "
        "design, its results, and where it went another way. What people wrote before "
        "stays in it.",
    )
    async def generate_memo(self, info: Info, input: GenerateMemoInput) -> MemoResult:
        """A new version."""

        async def work(session: AsyncSession) -> Ids:
            row = await find_experiment(session, info.context, input.experiment)
            memo = await service.generate_memo(
                session,
                project_id=row.project_id,
                experiment_id=row.id,
                actor=info.context.actor,
            )
            return {"experiment": row.id.hex, "version": str(memo.version)}

        return await _write(info, input, "generateMemo", work, input.experiment)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Write a later version of a memo, in a person's words. A version "
        "that a decision is bound to stays as it is.",
    )
    async def edit_memo(self, info: Info, input: EditMemoInput) -> MemoResult:
        """A new version."""

        async def work(session: AsyncSession) -> Ids:
            row = await find_experiment(session, info.context, input.experiment)
            memo = await service.edit_memo(
                session,
                project_id=row.project_id,
                experiment_id=row.id,
                expected_version=input.expected_version,
                actor=info.context.actor,
                changes=service.MemoChanges(
                    text=input.text,
                    users_notice=input.users_notice,
                    follow_up_on=input.follow_up_on,
                    dissent=input.dissent,
                ),
            )
            return {"experiment": row.id.hex, "version": str(memo.version)}

        return await _write(info, input, "editMemo", work, input.experiment)


async def _write(
    info: Info, given: WriteInput, operation: str, work: Work, ref: ExperimentRef
) -> MemoPayload | Refusal:
    async def rebuild(session: AsyncSession, ids: Ids, replayed: bool) -> MemoPayload:
        row = await find_experiment(session, info.context, ref)
        memo = await memo_at(session, row.id, int(ids["version"]))
        return MemoPayload(
            memo=Memo.of(memo), experiment=Experiment.of(row), replayed=replayed
        )

    return await perform(info, given, operation=operation, work=work, rebuild=rebuild)
