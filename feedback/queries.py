"""Read comments, tags, insights and the backlog, always within a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import case, exists, func
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from feedback.insights import EvidenceKind, InsightKind, Voices
from feedback.lifecycle import BacklogState
from feedback.models import (
    AppliedTag,
    BacklogItem,
    Comment,
    Evidence,
    Insight,
    ItemInsight,
    RoutingRule,
    Tag,
    TagRule,
)
from feedback.tagging import FeedbackSource, TagState

MAX_RULES = 200

Row = TypeVar("Row", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class CommentFilter:
    """Which comments are asked for; what is left out does not narrow."""

    tag_slugs: Sequence[str] = ()
    sources: Sequence[FeedbackSource] = ()
    untagged: bool = False
    search: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TagCounts:
    """How often a tag stands on comments, by what was decided."""

    suggested: int = 0
    accepted: int = 0
    rejected: int = 0


def comments(project_id: UUID, narrowed: CommentFilter) -> SelectOfScalar[Comment]:
    """The project's comments that a filter leaves, in no order."""
    statement = select(Comment).where(Comment.project_id == project_id)
    accepted = exists().where(
        col(AppliedTag.comment_id) == col(Comment.id),
        col(AppliedTag.state) == TagState.ACCEPTED,
    )
    if narrowed.tag_slugs:
        tags = select(Tag.id).where(
            Tag.project_id == project_id, col(Tag.slug).in_(narrowed.tag_slugs)
        )
        statement = statement.where(accepted.where(col(AppliedTag.tag_id).in_(tags)))
    if narrowed.untagged:
        statement = statement.where(~accepted)
    if narrowed.sources:
        statement = statement.where(col(Comment.source).in_(narrowed.sources))
    if narrowed.search:
        statement = statement.where(
            col(Comment.body).icontains(narrowed.search, autoescape=True)
        )
    if narrowed.since is not None:
        statement = statement.where(col(Comment.received_at) >= narrowed.since)
    return statement


def tags(project_id: UUID) -> SelectOfScalar[Tag]:
    """The project's tags, in no order."""
    return select(Tag).where(Tag.project_id == project_id)


def suggestions(project_id: UUID, state: TagState) -> SelectOfScalar[AppliedTag]:
    """Tags on comments about which this was decided, in no order."""
    return select(AppliedTag).where(
        AppliedTag.project_id == project_id, AppliedTag.state == state
    )


def insights(
    project_id: UUID, kinds: Sequence[InsightKind] = ()
) -> SelectOfScalar[Insight]:
    """The project's insights, in no order."""
    statement = select(Insight).where(Insight.project_id == project_id)
    return statement.where(col(Insight.kind).in_(kinds)) if kinds else statement


def backlog(
    project_id: UUID, states: Sequence[BacklogState] = ()
) -> SelectOfScalar[BacklogItem]:
    """The project's backlog items, in no order."""
    statement = select(BacklogItem).where(BacklogItem.project_id == project_id)
    return statement.where(col(BacklogItem.state).in_(states)) if states else statement


def evidence_of(insight_id: UUID) -> SelectOfScalar[Evidence]:
    """What an insight rests on, in no order."""
    return select(Evidence).where(Evidence.insight_id == insight_id)


def insights_of(item_id: UUID) -> SelectOfScalar[Insight]:
    """The insights that ask for an item, in no order."""
    linked = select(ItemInsight.insight_id).where(ItemInsight.item_id == item_id)
    return select(Insight).where(col(Insight.id).in_(linked))


async def count(session: AsyncSession, statement: SelectOfScalar[Any]) -> int:
    """How many rows a statement finds."""
    found = await session.exec(select(func.count()).select_from(statement.subquery()))
    return found.one()


async def rows_by_id(
    session: AsyncSession, kind: type[Row], project_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, Row]:
    """The project's rows of a kind by their ids, for loaders."""
    table: Any = kind
    found = await session.exec(
        select(table).where(table.project_id == project_id, table.id.in_(ids))
    )
    return {row.id: row for row in found.all()}


async def applied_to(
    session: AsyncSession, comment_ids: Sequence[UUID]
) -> dict[UUID, list[AppliedTag]]:
    """The tags on each comment, the rejected ones too, for loaders."""
    found = await session.exec(
        select(AppliedTag)
        .where(col(AppliedTag.comment_id).in_(comment_ids))
        .order_by(col(AppliedTag.id))
    )
    applied: dict[UUID, list[AppliedTag]] = {one: [] for one in comment_ids}
    for row in found.all():
        applied[row.comment_id].append(row)
    return applied


async def tag_counts(
    session: AsyncSession, tag_ids: Sequence[UUID]
) -> dict[UUID, TagCounts]:
    """How often each tag stands on comments, for loaders."""
    found = await session.exec(
        select(AppliedTag.tag_id, AppliedTag.state, func.count())
        .where(col(AppliedTag.tag_id).in_(tag_ids))
        .group_by(col(AppliedTag.tag_id), col(AppliedTag.state))
    )
    counted: dict[UUID, dict[TagState, int]] = {one: {} for one in tag_ids}
    for tag_id, state, number in found.all():
        counted[tag_id][TagState(state)] = number
    return {
        tag_id: TagCounts(
            suggested=by_state.get(TagState.SUGGESTED, 0),
            accepted=by_state.get(TagState.ACCEPTED, 0),
            rejected=by_state.get(TagState.REJECTED, 0),
        )
        for tag_id, by_state in counted.items()
    }


async def tag_rules(session: AsyncSession, project_id: UUID) -> Sequence[TagRule]:
    """The rules that suggest tags, oldest first."""
    found = await session.exec(
        select(TagRule)
        .where(TagRule.project_id == project_id, col(TagRule.enabled).is_(True))
        .order_by(col(TagRule.id))
        .limit(MAX_RULES)
    )
    return found.all()


async def routing_rules(
    session: AsyncSession, project_id: UUID
) -> Sequence[RoutingRule]:
    """The rules that send insights to the backlog, in the order they are tried."""
    found = await session.exec(
        select(RoutingRule)
        .where(RoutingRule.project_id == project_id, col(RoutingRule.enabled).is_(True))
        .order_by(col(RoutingRule.priority), col(RoutingRule.id))
        .limit(MAX_RULES)
    )
    return found.all()


async def voices(session: AsyncSession, tag_id: UUID, since: datetime) -> Voices:
    """Who spoke of a tag since then, in accepted tags only.

    An account is one voice however many speak for it; without an account a person is
    one; a comment that names nobody is counted as a comment and as no voice.
    """
    person = func.coalesce(Comment.user_id, Comment.anonymous_id)
    voice = case(
        (col(Comment.account_id).is_not(None), "a:" + col(Comment.account_id)),
        (person.is_not(None), "p:" + person),
    )
    found = await session.exec(
        select(
            func.count(voice.distinct()),
            func.count(col(Comment.account_id).distinct()),
            func.count(person.distinct()),
            func.count(),
        )
        .select_from(Comment)
        .join(AppliedTag, col(AppliedTag.comment_id) == col(Comment.id))
        .where(
            AppliedTag.tag_id == tag_id,
            AppliedTag.state == TagState.ACCEPTED,
            col(Comment.said_at) >= since,
        )
    )
    return Voices(*found.one())


async def newest_tagged(
    session: AsyncSession, tag_id: UUID, since: datetime, limit: int
) -> Sequence[UUID]:
    """The newest comments that bear a tag, as evidence for it."""
    found = await session.exec(
        select(Comment.id)
        .join(AppliedTag, col(AppliedTag.comment_id) == col(Comment.id))
        .where(
            AppliedTag.tag_id == tag_id,
            AppliedTag.state == TagState.ACCEPTED,
            col(Comment.said_at) >= since,
        )
        .order_by(col(Comment.said_at).desc(), col(Comment.id))
        .limit(limit)
    )
    return found.all()


async def items_of(
    session: AsyncSession, insight_ids: Sequence[UUID]
) -> dict[UUID, list[BacklogItem]]:
    """The items that each insight led to, for loaders."""
    found = await session.exec(
        select(ItemInsight.insight_id, BacklogItem)
        .join(BacklogItem, col(BacklogItem.id) == col(ItemInsight.item_id))
        .where(col(ItemInsight.insight_id).in_(insight_ids))
        .order_by(col(BacklogItem.number))
    )
    items: dict[UUID, list[BacklogItem]] = {one: [] for one in insight_ids}
    for insight_id, item in found.all():
        items[insight_id].append(item)
    return items


async def targets_of(
    session: AsyncSession, item_id: UUID, kind: EvidenceKind
) -> Sequence[UUID]:
    """What of a kind the insights behind an item rest on."""
    found = await session.exec(
        select(Evidence.target_id)
        .join(ItemInsight, col(ItemInsight.insight_id) == col(Evidence.insight_id))
        .where(ItemInsight.item_id == item_id, Evidence.kind == kind)
        .distinct()
        .order_by(col(Evidence.target_id))
        .limit(MAX_RULES)
    )
    return found.all()
