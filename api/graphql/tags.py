"""Tags: the project's codebook, and how often each stands on feedback."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.scalars import Long
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from feedback import models, queries

_BY_SLUG = Order("tag.slug", models.Tag.slug, models.Tag.id, str, descending=False)


async def tags_by_id(context: Context, ids: Sequence[UUID]) -> list[models.Tag | None]:
    """The caller's own tags among these."""
    async with context.readers() as session:
        rows = await queries.rows_by_id(
            session, models.Tag, context.caller.project_id, ids
        )
    return [rows.get(local) for local in ids]


async def _counts(context: Context, ids: Sequence[UUID]) -> list[queries.TagCounts]:
    async with context.readers() as session:
        counts = await queries.tag_counts(session, ids)
    return [counts[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(description="How often a tag stands on feedback, by decision.")
class TagCounts:
    """Three counts."""

    suggested: Long = strawberry.field(description="Not decided yet.")
    accepted: Long = strawberry.field(description="Accepted.")
    rejected: Long = strawberry.field(description="Rejected.")


@policed(Policy.READ)
@strawberry.type(description="A word of the project's codebook.")
class Tag(Node):
    """One tag."""

    row: strawberry.Private[models.Tag]
    slug: str = strawberry.field(description="For programs.")
    name: str = strawberry.field(description="For people.")
    description: str = strawberry.field(description="When to use it.")

    @strawberry.field(description="How often it stands on feedback.")
    async def counts(self, info: Info) -> TagCounts:
        """Loaded together with those of the other tags in the answer."""
        counts = await info.context.loaders.of(_counts).load(self.row.id)
        return TagCounts(
            suggested=Long(counts.suggested),
            accepted=Long(counts.accepted),
            rejected=Long(counts.rejected),
        )

    @classmethod
    def of(cls, row: models.Tag) -> "Tag":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Tag", row.id),
            slug=row.slug,
            name=row.name,
            description=row.description,
        )


async def tag_nodes(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own tags among these."""
    found = await tags_by_id(context, ids)
    return {row.id: Tag.of(row) for row in found if row is not None}


register_node("Tag", tag_nodes, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The codebook, by slug."
    )
    async def tags(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[Tag]:
        """One page."""
        statement = queries.tags(info.context.caller.project_id)
        async with info.context.readers() as session:
            page = await paged(session, statement, _BY_SLUG, first=first, after=after)
        return connected(page, Tag.of)
