"""Results: accepting invalid ones, and following them as they change."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.experiments import ExperimentRef, find_experiment
from api.graphql.ids import local_id
from api.graphql.perform import Ids, perform
from api.graphql.results import (
    TYPE,
    ExperimentResults,
    results_by_experiment,
)
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments.analysis import queries, service
from experiments.analysis.errors import SnapshotUnknown


@strawberry.input(description="Which INVALID results are to be shown, and why.")
class AcknowledgeInvalidResultsInput:
    """What acknowledgeInvalidResults takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    snapshot_id: strawberry.ID = strawberry.field(description="The results' id.")
    reason: str = strawberry.field(description="Kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="The results as they are shown now.")
class ResultsPayload:
    """What an acknowledgement answers."""

    results: ExperimentResults = strawberry.field(description="The results.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


AcknowledgeInvalidResultsResult = Annotated[
    ResultsPayload | Refusal,
    strawberry.union(
        "AcknowledgeInvalidResultsResult", description="The results, or why not."
    ),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.REVIEW},
        description="Have a phase's INVALID effects shown for review. They stay "
        "INVALID: neither verdict nor recommendation changes.",
    )
    async def acknowledge_invalid_results(
        self, info: Info, input: AcknowledgeInvalidResultsInput
    ) -> AcknowledgeInvalidResultsResult:
        """One acceptance covers the phase."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            local = local_id(str(input.snapshot_id), TYPE, path=("snapshotId",))
            if local not in await _published(context, session, local):
                raise SnapshotUnknown(path=("snapshotId",))
            accepted = await service.acknowledge(
                session,
                project_id=context.caller.project_id,
                snapshot_id=local,
                actor=context.actor,
                reason=input.reason,
            )
            return {"snapshot": accepted.snapshot_id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> ResultsPayload:
            local = UUID(ids["snapshot"])
            found = await _published(context, session, local)
            return ResultsPayload(
                results=ExperimentResults.of(found[local]), replayed=replayed
            )

        return await perform(
            info,
            input,
            operation="acknowledgeInvalidResults",
            work=work,
            rebuild=rebuild,
        )


async def _published(
    context: Context, session: AsyncSession, snapshot_id: UUID
) -> Mapping[UUID, queries.Published]:
    """The one snapshot, if it is in the caller's environment."""
    return await queries.published_by_ids(
        session,
        environment_id=context.caller.environment_id,
        snapshot_ids=[snapshot_id],
    )


@strawberry.type
class Subscription:
    """Root fields."""

    @strawberry.subscription(
        metadata={"policy": Policy.READ},
        description="An experiment's results in this environment now, and again "
        "whenever another snapshot is shown or invalid ones are acknowledged.",
    )
    async def results_updated(
        self, info: Info, by: ExperimentRef
    ) -> AsyncIterator[ExperimentResults]:
        """Everybody who follows one experiment shares one poll."""
        context = info.context
        async with context.readers() as session:
            experiment = await find_experiment(session, context, by, path=("by",))

        async def read() -> object:
            async with context.readers() as session:
                return await queries.current_ids(
                    session,
                    environment_id=context.caller.environment_id,
                    experiment_id=experiment.id,
                )

        watches = context.services.watches
        key = ("results", context.caller.environment_id, experiment.id)
        async with aclosing(watches.changes(key, read)) as changes:
            async for _ in changes:
                (found,) = await results_by_experiment(context, [experiment.id])
                if found is not None:
                    yield found
