"""Holdouts: a share of the units that experiments leave alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.errors import Refusal
from api.graphql.experiment_enums import UnitKind
from api.graphql.ids import global_id, local_id
from api.graphql.node import Node, register_node
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import models, service
from experiments.eligibility import queries

_EDIT = {"policy": Policy.EDIT}
_BY_KEY = Order(
    "holdout.key", models.Holdout.key, models.Holdout.id, str, descending=False
)


@policed(Policy.READ)
@strawberry.type(
    description="A share of the units that phases leave alone which start while it is "
    "in force; phases that ran before do not hear of it."
)
class Holdout(Node):
    """One holdout."""

    key: str = strawberry.field(description="For programs; one holdout's for ever.")
    name: str = strawberry.field(description="For people.")
    area: str | None = strawberry.field(
        description="Only for experiments of this area; null for all."
    )
    unit: UnitKind = strawberry.field(description="What is held out.")
    share: float = strawberry.field(description="How many: above 0 and up to 0.2.")
    seed: str = strawberry.field(description="What its units are hashed with.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to end the holdout."
    )
    created_at: datetime = strawberry.field(description="When it began.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")

    @classmethod
    def of(cls, row: models.Holdout) -> "Holdout":
        """From a row."""
        return cls(
            id=global_id("Holdout", row.id),
            key=row.key,
            name=row.name,
            area=row.area,
            unit=row.unit,
            share=row.share,
            seed=row.seed,
            version=row.version,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )


@strawberry.input(description="A holdout to begin.")
class CreateHoldoutInput:
    """What createHoldout takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores; taken for "
        "ever."
    )
    name: str = strawberry.field(default="", description="For people; else the key.")
    area: str | None = strawberry.field(
        default=None, description="Only for experiments of this area."
    )
    unit: UnitKind = strawberry.field(
        default=UnitKind.USER, description="What is held out."
    )
    share: float = strawberry.field(description="How many: above 0 and up to 0.2.")


@strawberry.input(description="A holdout to end.")
class EndHoldoutInput:
    """What endHoldout takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The holdout's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="The holdout as it is now.")
class HoldoutPayload:
    """What every mutation of a holdout answers."""

    holdout: Holdout = strawberry.field(description="The holdout.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


HoldoutResult = Annotated[
    HoldoutPayload | Refusal,
    strawberry.union("HoldoutResult", description="The holdout, or why not."),
]


async def holdouts_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own holdouts among these."""
    async with context.readers() as session:
        rows = await queries.rules_by_ids(
            session, models.Holdout, project_id=context.caller.project_id, ids=ids
        )
    return {local: Holdout.of(row) for local, row in rows.items()}


register_node("Holdout", holdouts_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The project's holdouts, by key."
    )
    async def holdouts(
        self,
        info: Info,
        with_ended: bool = False,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Holdout]:
        """One page of holdouts."""
        statement = queries.listed_holdouts(
            info.context.caller.project_id, with_ended=with_ended
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _BY_KEY, first=first, after=after)
        return connected(page, Holdout.of)


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Hold units out of every phase that starts from now on.",
    )
    async def create_holdout(
        self, info: Info, input: CreateHoldoutInput
    ) -> HoldoutResult:
        """One holdout with its audit row."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.create_holdout(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                name=input.name,
                area=input.area,
                unit=input.unit,
                share=input.share,
            )
            return {"holdout": row.id.hex}

        return await _perform(info, input, "createHoldout", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="End a holdout for phases that start from now on; running ones "
        "leave its units alone until they end.",
    )
    async def end_holdout(self, info: Info, input: EndHoldoutInput) -> HoldoutResult:
        """With a reason."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.end_holdout(
                session,
                project_id=info.context.caller.project_id,
                holdout_id=local_id(input.id, "Holdout", path=("id",)),
                expected_version=input.expected_version,
                actor=info.context.actor,
                reason=input.reason,
            )
            return {"holdout": row.id.hex}

        return await _perform(info, input, "endHoldout", work)


async def _perform(
    info: Info, given: WriteInput, operation: str, work: Work
) -> HoldoutPayload | Refusal:
    async def rebuild(
        session: AsyncSession, ids: Ids, replayed: bool
    ) -> HoldoutPayload:
        row = await queries.holdout_by_id(
            session,
            project_id=info.context.caller.project_id,
            holdout_id=UUID(ids["holdout"]),
        )
        return HoldoutPayload(holdout=Holdout.of(row), replayed=replayed)

    return await perform(info, given, operation=operation, work=work, rebuild=rebuild)
