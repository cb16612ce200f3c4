"""Overrides as they are read: who gets which variant by name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.pagination import Order, Page, first_pages, paged
from api.policies import Policy, policed
from core.subjects import SubjectKind
from experiments import models
from experiments.eligibility import live

_NEWEST = Order(
    "override.created_at", models.Override.created_at, models.Override.id, datetime
)

strawberry.enum(
    SubjectKind,
    description="Which kind of id stands for a subject: a user's, an anonymous "
    "visitor's, an account's.",
)


@policed(Policy.READ)
@strawberry.type(
    description="One subject gets one variant by name, whatever the rules say. It is "
    "not in the experiment, and not analysed."
)
class Override(Node):
    """One name."""

    kind: SubjectKind = strawberry.field(description="Which kind of id it is.")
    subject_id: str = strawberry.field(description="Your id of the subject.")
    variant: str = strawberry.field(description="The variant that it gets.")
    reason: str = strawberry.field(description="Why.")
    created_at: datetime = strawberry.field(description="When it was first named.")

    @classmethod
    def of(cls, row: models.Override) -> "Override":
        """From a row."""
        return cls(
            id=global_id("Override", row.id),
            kind=row.kind,
            subject_id=row.subject_id,
            variant=row.variant_key,
            reason=row.reason,
            created_at=row.created_at,
        )


async def overrides_of(
    context: Context, experiment_id: UUID, *, first: int, after: str | None
) -> Connection[Override]:
    """One page of an experiment's overrides in the caller's environment."""
    if after is None:
        page = await context.loaders.of(first_overrides).load((experiment_id, first))
        return connected(page, Override.of)
    statement = live.listed_overrides(context.caller.environment_id).where(
        models.Override.experiment_id == experiment_id
    )
    async with context.readers() as session:
        page = await paged(session, statement, _NEWEST, first=first, after=after)
    return connected(page, Override.of)


async def first_overrides(
    context: Context, asked: Sequence[tuple[UUID, int]]
) -> Sequence[Page[models.Override]]:
    """The first page of each experiment's overrides in the caller's environment."""
    async with context.readers() as session:
        return await first_pages(
            session,
            live.listed_overrides(context.caller.environment_id),
            _NEWEST,
            of=models.Override.experiment_id,
            asked=asked,
        )


async def overrides_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The overrides of the caller's environment among these."""
    async with context.readers() as session:
        rows = await live.overrides_by_ids(
            session, environment_id=context.caller.environment_id, ids=ids
        )
    return {local: Override.of(row) for local, row in rows.items()}


register_node("Override", overrides_by_id, Policy.READ)
