"""Segments as they are read: who is in them, and where they are named."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, Edge, PageInfo, connected
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.scalars import JSON
from api.pagination import DEFAULT_PAGE, Order, page_size, paged
from api.policies import Policy, policed
from core.problems import Invalid
from experiments import models
from experiments.eligibility import queries

_BY_KEY = Order(
    "segment.key", models.Segment.key, models.Segment.id, str, descending=False
)


@strawberry.enum(
    description="How a segment says who is in it: by values of one attribute, or by a "
    "condition on attributes."
)
class SegmentKind(StrEnum):
    """Two ways."""

    LIST = "LIST"
    CONDITION = "CONDITION"


async def uses_by_key(context: Context, keys: Sequence[str]) -> list[queries.Uses]:
    """Who names each of the project's segments."""
    async with context.readers() as session:
        uses = await queries.uses_of(
            session, project_id=context.caller.project_id, keys=keys
        )
    return [uses[key] for key in keys]


@policed(Policy.READ)
@strawberry.type(description="One value that a segment lists.")
class SegmentValue:
    """A listed value."""

    value: str = strawberry.field(
        description="A text. It equals attributes that are this text, and no number: "
        '"7" is not 7.'
    )


@policed(Policy.READ)
@strawberry.type(description="Where a segment is named; at most 200 of either kind.")
class SegmentUses:
    """By key."""

    experiments: list[str] = strawberry.field(
        description="Experiments that are live, or may start. Those that run keep the "
        "segment as it was at their start."
    )
    segments: list[str] = strawberry.field(description="Other segments.")


@policed(Policy.READ)
@strawberry.type(
    description="A group that targeting names: by {attribute: {$inGroup: key}} or "
    "{$savedGroup: {id: key}}. A start writes it out, so later changes touch no "
    "running phase."
)
class Segment(Node):
    """One segment."""

    row: strawberry.Private[models.Segment]
    key: str = strawberry.field(description="For programs; one segment's for ever.")
    name: str = strawberry.field(description="For people.")
    kind: SegmentKind = strawberry.field(description="How it says who is in it.")
    attribute: str | None = strawberry.field(
        description="Of a LIST: what the values are values of."
    )
    size: int = strawberry.field(description="Of a LIST: how many values it has.")
    condition: JSON | None = strawberry.field(description="Of a CONDITION.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the segment."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    archived_at: datetime | None = strawberry.field(
        description="When it was taken out of use."
    )

    @strawberry.field(description="Of a LIST: its values, in order.")
    def values(
        self, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[SegmentValue]:
        """One page out of the row."""
        return _page(self.row.listed, first=first, after=after)

    @strawberry.field(description="Where it is named.")
    async def used_by(self, info: Info) -> SegmentUses:
        """Loaded together with those of the other segments in the answer."""
        uses = await info.context.loaders.of(uses_by_key).load(self.row.key)
        return SegmentUses(
            experiments=list(uses.experiments), segments=list(uses.segments)
        )

    @classmethod
    def of(cls, row: models.Segment) -> "Segment":
        """From a row."""
        listed = row.condition is None
        return cls(
            row=row,
            id=global_id("Segment", row.id),
            key=row.key,
            name=row.name,
            kind=SegmentKind.LIST if listed else SegmentKind.CONDITION,
            attribute=row.attribute,
            size=len(row.listed),
            condition=None if row.condition is None else JSON(row.condition),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
            archived_at=row.archived_at,
        )


def _page(
    listed: Sequence[str], *, first: int, after: str | None
) -> Connection[SegmentValue]:
    """A value's cursor is the value: it keeps its place while others come and go."""
    cursors = [base64.urlsafe_b64encode(value.encode()).decode() for value in listed]
    if after is not None and after not in cursors:
        raise Invalid(
            "`after` is not a cursor of this list.", code="BAD_INPUT", path=("after",)
        )
    start = 0 if after is None else cursors.index(after) + 1
    end = start + page_size(first)
    edges = [
        Edge(cursor=cursor, node=SegmentValue(value=value))
        for cursor, value in zip(cursors[start:end], listed[start:end], strict=True)
    ]
    info = PageInfo(
        has_next_page=end < len(listed),
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info)


async def segments_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own segments among these."""
    async with context.readers() as session:
        rows = await queries.rules_by_ids(
            session, models.Segment, project_id=context.caller.project_id, ids=ids
        )
    return {local: Segment.of(row) for local, row in rows.items()}


register_node("Segment", segments_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The project's segments, by key."
    )
    async def segments(
        self,
        info: Info,
        with_archived: bool = False,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Segment]:
        """One page of segments."""
        statement = queries.listed_segments(
            info.context.caller.project_id, with_archived=with_archived
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _BY_KEY, first=first, after=after)
        return connected(page, Segment.of)
