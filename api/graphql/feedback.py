"""Feedback as it is read: comments from every source, without personal details."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.feedback_enums import (
    FeedbackSource,
    TagOrigin,
    TagState,
    TicketStatus,
)
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.responses import AssignmentAt, SurveyResponse, assignments_at
from api.graphql.responses import responses_by_id as load_responses
from api.graphql.scalars import Long
from api.graphql.tags import Tag, tags_by_id
from api.pagination import DEFAULT_PAGE, MAX_PAGE, Order, paged
from api.policies import Policy, policed
from core.problems import Invalid
from feedback import models, queries

MAX_SEARCH = 200
_NEWEST = Order(
    "comment.received_at", models.Comment.received_at, models.Comment.id, datetime
)
_NEWEST_SUGGESTION = Order(
    "applied_tag.created_at",
    models.AppliedTag.created_at,
    models.AppliedTag.id,
    datetime,
)


async def comments_by_id(
    context: Context, ids: Sequence[UUID]
) -> list[models.Comment | None]:
    """The caller's own comments among these."""
    async with context.readers() as session:
        rows = await queries.rows_by_id(
            session, models.Comment, context.caller.project_id, ids
        )
    return [rows.get(local) for local in ids]


async def _applied(
    context: Context, ids: Sequence[UUID]
) -> list[list[models.AppliedTag]]:
    async with context.readers() as session:
        rows = await queries.applied_to(session, ids)
    return [rows[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(description="A stretch of a text.")
class TextSpan:
    """A stretch."""

    start: int = strawberry.field(description="The first character, from 0.")
    end: int = strawberry.field(description="The first character after it.")


@policed(Policy.READ)
@strawberry.type(description="A tag on a comment, and what was decided about it.")
class AppliedTag:
    """A suggestion or a decision."""

    row: strawberry.Private[models.AppliedTag]
    id: strawberry.ID = strawberry.field(description="Global id, for the review.")
    state: TagState = strawberry.field(description="What was decided.")
    origin: TagOrigin = strawberry.field(description="Who put it there first.")
    span: TextSpan | None = strawberry.field(
        description="What in the text asks for it."
    )
    reason: str | None = strawberry.field(description="Why it was suggested.")
    confidence: float | None = strawberry.field(description="A model's own, 0 to 1.")
    decided_by: str | None = strawberry.field(description="Who decided.")
    decided_at: datetime | None = strawberry.field(description="When.")

    @strawberry.field(description="The tag.")
    async def tag(self, info: Info) -> Tag:
        """Loaded together with those of the other comments in the answer."""
        row = await info.context.loaders.of(tags_by_id).load(self.row.tag_id)
        if row is None:
            raise LookupError("The tag left its project.")
        return Tag.of(row)

    @strawberry.field(description="The comment.")
    async def feedback(self, info: Info) -> "Feedback":
        """Loaded together with those of the other tags in the answer."""
        row = await info.context.loaders.of(comments_by_id).load(self.row.comment_id)
        if row is None:
            raise LookupError("The comment left its project.")
        return Feedback.of(row)

    @classmethod
    def of(cls, row: models.AppliedTag) -> "AppliedTag":
        """From a row."""
        span = None
        if row.span_start is not None and row.span_end is not None:
            span = TextSpan(start=row.span_start, end=row.span_end)
        return cls(
            row=row,
            id=global_id("AppliedTag", row.id),
            state=row.state,
            origin=row.origin,
            span=span,
            reason=row.reason,
            confidence=row.confidence,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )


@policed(Policy.READ)
@strawberry.type(description="What somebody said, without personal details.")
class Feedback(Node):
    """One comment."""

    row: strawberry.Private[models.Comment]
    body: str = strawberry.field(
        description="The text; placeholders stand for details."
    )
    source: FeedbackSource = strawberry.field(description="Where it came from.")
    external_id: str | None = strawberry.field(description="The source's own id of it.")
    external_url: str | None = strawberry.field(
        description="Where the source shows it."
    )
    user_id: str | None = strawberry.field(description="Who, if signed in.")
    anonymous_id: str | None = strawberry.field(description="Who, if a visitor.")
    account_id: str | None = strawberry.field(description="For which account.")
    said_at: datetime = strawberry.field(description="When it was said.")
    received_at: datetime = strawberry.field(description="When it arrived here.")
    ticket_status: TicketStatus | None = strawberry.field(
        description="Of a TICKET: whether it still waits."
    )
    closed_at: datetime | None = strawberry.field(description="Of a TICKET: when.")
    assignments_at: list[AssignmentAt] = strawberry.field(
        description="The variants that the person was in when saying it.",
    )

    @strawberry.field(description="Its tags; the rejected ones only if asked for.")
    async def tags(self, info: Info, rejected: bool = False) -> list[AppliedTag]:
        """Loaded together with those of the other comments in the answer."""
        rows = await info.context.loaders.of(_applied).load(self.row.id)
        return [
            AppliedTag.of(row)
            for row in rows
            if rejected or row.state is not TagState.REJECTED
        ]

    @strawberry.field(
        metadata={"policy": Policy.RESEARCH},
        description="Of SURVEY: the response that it was part of.",
    )
    async def response(self, info: Info) -> SurveyResponse | None:
        """Loaded together with those of the other comments in the answer."""
        if self.row.origin_response_id is None:
            return None
        return await info.context.loaders.of(_responses).load(
            self.row.origin_response_id
        )

    @classmethod
    def of(cls, row: models.Comment) -> "Feedback":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Feedback", row.id),
            body=row.body,
            source=row.source,
            external_id=row.external_id,
            external_url=row.external_url,
            user_id=row.user_id,
            anonymous_id=row.anonymous_id,
            account_id=row.account_id,
            said_at=row.said_at,
            received_at=row.received_at,
            ticket_status=row.ticket_status,
            closed_at=row.closed_at,
            assignments_at=assignments_at(row.assignments_at),
        )


async def _responses(
    context: Context, ids: Sequence[UUID]
) -> list[SurveyResponse | None]:
    found = await load_responses(context, ids)
    return [found.get(local) for local in ids]


@policed(Policy.READ)
@strawberry.type(description="One page of feedback.")
class FeedbackConnection(Connection[Feedback]):
    """A page with its total."""

    statement: strawberry.Private[Any]

    @strawberry.field(description="How many the filter leaves in all.")
    async def total_count(self, info: Info) -> Long:
        """Counted only where asked for."""
        async with info.context.readers() as session:
            return Long(await queries.count(session, self.statement))


@strawberry.input(description="Which feedback to list.")
class FeedbackFilterInput:
    """All of it, unless narrowed."""

    tags: list[str] | None = strawberry.field(
        default=None, description="With one of these tags accepted, by slug."
    )
    source: list[FeedbackSource] | None = strawberry.field(
        default=None, description="From one of these sources."
    )
    untagged: bool = strawberry.field(
        default=False, description="Only what bears no accepted tag."
    )
    search: str | None = strawberry.field(
        default=None, description="With these letters in the text."
    )
    since: datetime | None = strawberry.field(
        default=None, description="Received at this time or later."
    )

    def narrowed(self) -> queries.CommentFilter:
        """As the domain takes it.

        Raises:
            Invalid: The search is too long, or the tags are too many.
        """
        if self.search is not None and len(self.search) > MAX_SEARCH:
            raise Invalid(
                f"A search has at most {MAX_SEARCH} characters.",
                code="BAD_INPUT",
                path=("filter", "search"),
            )
        if len(self.tags or ()) > MAX_PAGE:
            raise Invalid(
                f"At most {MAX_PAGE} tags.", code="BAD_INPUT", path=("filter", "tags")
            )
        return queries.CommentFilter(
            tag_slugs=self.tags or (),
            sources=self.source or (),
            untagged=self.untagged,
            search=self.search,
            since=self.since,
        )


async def feedback_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own feedback among these."""
    found = await comments_by_id(context, ids)
    return {row.id: Feedback.of(row) for row in found if row is not None}


register_node("Feedback", feedback_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="What people said, newest first, whatever the source.",
    )
    async def feedback(
        self,
        info: Info,
        filter: FeedbackFilterInput | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> FeedbackConnection:
        """One page."""
        narrowed = (filter or FeedbackFilterInput()).narrowed()
        statement = queries.comments(info.context.caller.project_id, narrowed)
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        shown = connected(page, Feedback.of)
        return FeedbackConnection(
            edges=shown.edges, page_info=shown.page_info, statement=statement
        )

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Tags that rules suggest and nobody has decided, newest first.",
    )
    async def tag_suggestions(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[AppliedTag]:
        """One page of the review."""
        statement = queries.suggestions(
            info.context.caller.project_id, TagState.SUGGESTED
        )
        async with info.context.readers() as session:
            page = await paged(
                session, statement, _NEWEST_SUGGESTION, first=first, after=after
            )
        return connected(page, AppliedTag.of)
