"""Experiments that ran elsewhere: begun in the past, finished when all is in."""

from datetime import datetime

import strawberry

from api.context import Info
from api.graphql.experiment_changes import ExperimentResult, perform_change
from api.graphql.experiments import ExperimentRef, find_experiment
from api.graphql.perform import Ids
from api.graphql.scalars import Long
from api.policies import Policy
from core.database import AsyncSession
from experiments import queries, service
from experiments.service.change import Intent

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="A draft that ran elsewhere.")
class StartImportInput:
    """What startImport takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="The draft.")
    expected_version: int = strawberry.field(description="The version that you read.")
    since: datetime = strawberry.field(
        description="Its earliest exposure: the phase begins there."
    )


@strawberry.input(description="An import of which everything has been sent.")
class FinishImportInput:
    """What finishImport takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="The experiment.")
    units: Long = strawberry.field(
        description="How many units were sent: the horizon of its one look."
    )


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Freeze a draft whose people were assigned elsewhere, at its "
        "earliest exposure. A cap that is a quantile is read from the data at the end.",
    )
    async def start_import(
        self,
        info: Info,
        input: StartImportInput,
    ) -> ExperimentResult:
        """A phase that begins in the past."""

        async def work(session: AsyncSession) -> Ids:
            row = await find_experiment(session, info.context, input.experiment)
            phase = await service.start(
                session,
                Intent(
                    project_id=row.project_id,
                    experiment_id=row.id,
                    expected_version=input.expected_version,
                    actor=info.context.actor,
                ),
                environment_id=info.context.caller.environment_id,
                imported_since=input.since,
            )
            return {"experiment": phase.experiment_id.hex}

        return await perform_change(info, input, "startImport", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Say that everything was sent: the experiment stops and is "
        "analysed once. A finished import stays as it is.",
    )
    async def finish_import(
        self,
        info: Info,
        input: FinishImportInput,
    ) -> ExperimentResult:
        """The end marker."""

        async def work(session: AsyncSession) -> Ids:
            row = await find_experiment(session, info.context, input.experiment)
            phase = await queries.current_phase(session, row.id)
            await service.finish_import(
                session,
                environment_id=info.context.caller.environment_id,
                phase_id=phase.id,
                units=input.units,
                actor=info.context.actor,
            )
            return {"experiment": row.id.hex}

        return await perform_change(info, input, "finishImport", work)
