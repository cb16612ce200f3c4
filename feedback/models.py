"""Comments and their tags, insights and their evidence, the backlog, and the rules."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from core.subjects import MAX_ID
from feedback.insights import EvidenceKind, InsightKind
from feedback.lifecycle import BacklogState
from feedback.tagging import (
    FeedbackSource,
    PhraseMatch,
    TagOrigin,
    TagState,
    TicketStatus,
)


def _undone(name: str, condition: str) -> Index:
    """A small index of the rows that a task has still to take."""
    where = text(condition)
    return Index(name, "id", sqlite_where=where, postgresql_where=where)


class Comment(SQLModel, table=True):
    """What somebody said. The text is redacted before it is written."""

    __table_args__ = (
        UniqueConstraint("project_id", "source", "external_id"),
        Index("ix_comment_newest", "project_id", "received_at", "id"),
        _undone("ix_comment_unread", "suggested_at IS NULL"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID | None = Field(default=None, foreign_key="environment.id")
    source: FeedbackSource = enum_column(FeedbackSource)
    external_id: str | None = Field(default=None, max_length=MAX_ID)
    body: str
    user_id: str | None = Field(default=None, max_length=MAX_ID)
    anonymous_id: str | None = Field(default=None, max_length=MAX_ID)
    account_id: str | None = Field(default=None, max_length=MAX_ID)
    origin_answer_id: UUID | None = Field(default=None, unique=True)
    """The survey answer it came from; one answer makes one comment."""
    origin_response_id: UUID | None = None
    assignments_at: dict[str, str] = json_column(default_factory=dict)
    said_at: datetime = utc_column()
    received_at: datetime = utc_column()
    ticket_status: TicketStatus | None = enum_column(
        TicketStatus, default=None, nullable=True
    )
    closed_at: datetime | None = utc_column(default=None)
    external_url: str | None = Field(default=None, max_length=2048)
    suggested_at: datetime | None = utc_column(default=None)


class Tag(SQLModel, table=True):
    """A word of the project's codebook."""

    __table_args__ = (UniqueConstraint("project_id", "slug"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    slug: str = Field(max_length=64)
    name: str = Field(max_length=100)
    description: str = Field(default="", max_length=1_000)
    created_at: datetime = utc_column()


class TagRule(SQLModel, table=True):
    """Phrases that suggest a tag."""

    __tablename__ = "tag_rule"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    tag_id: UUID = Field(foreign_key="tag.id")
    phrases: list[str] = json_column()
    match: PhraseMatch = enum_column(PhraseMatch)
    sources: list[str] = json_column(default_factory=list)
    accepts: bool = False
    version: int = 1
    enabled: bool = True
    created_at: datetime = utc_column()


class AppliedTag(SQLModel, table=True):
    """A tag on a comment: suggested, accepted or rejected, and by whom."""

    __tablename__ = "applied_tag"
    __table_args__ = (
        UniqueConstraint("comment_id", "tag_id"),
        Index("ix_applied_tag_tag_state", "tag_id", "state"),
        Index("ix_applied_tag_project_state", "project_id", "state", "id"),
        _undone(
            "ix_applied_tag_unweighed", "weighed_at IS NULL AND state = 'ACCEPTED'"
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    comment_id: UUID = Field(foreign_key="comment.id")
    tag_id: UUID = Field(foreign_key="tag.id")
    origin: TagOrigin = enum_column(TagOrigin)
    state: TagState = enum_column(TagState)
    span_start: int | None = None
    span_end: int | None = None
    reason: str | None = Field(default=None, max_length=6_000)
    rule_id: UUID | None = Field(default=None, foreign_key="tag_rule.id")
    rule_version: int | None = None
    confidence: float | None = None
    created_at: datetime = utc_column()
    decided_at: datetime | None = utc_column(default=None)
    decided_by_id: UUID | None = None
    decided_by: str | None = Field(default=None, max_length=320)
    weighed_at: datetime | None = utc_column(default=None)
    """When thresholds last looked at it."""


class VerdictRule(SQLModel, table=True):
    """Which recommendations of an analysis become an insight."""

    __tablename__ = "verdict_rule"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    recommendations: list[str] = json_column()
    version: int = 1
    enabled: bool = True
    created_at: datetime = utc_column()


class ThresholdRule(SQLModel, table=True):
    """How many voices in how many days make an insight of a tag."""

    __tablename__ = "threshold_rule"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    tag_id: UUID | None = Field(default=None, foreign_key="tag.id")
    """The tag it watches; every tag where none is named."""
    minimum: int
    window_days: int
    version: int = 1
    enabled: bool = True
    created_at: datetime = utc_column()


class RoutingRule(SQLModel, table=True):
    """Which insights become a backlog item, what it is called and whose it is."""

    __tablename__ = "routing_rule"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    condition: dict[str, Any] = json_column()
    title: str = Field(max_length=200)
    owner: str | None = Field(default=None, max_length=320)
    priority: int = 100
    """Rules are tried from the lowest number up; the first that matches decides."""
    version: int = 1
    enabled: bool = True
    created_at: datetime = utc_column()


class Insight(SQLModel, table=True):
    """A statement with evidence, and what produced it."""

    __table_args__ = (
        UniqueConstraint("project_id", "dedupe_key"),
        Index("ix_insight_newest", "project_id", "created_at", "id"),
        Index("ix_insight_rule_topic", "rule_id", "topic"),
        _undone("ix_insight_unrouted", "routed_at IS NULL"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID | None = Field(default=None, foreign_key="environment.id")
    kind: InsightKind = enum_column(InsightKind)
    topic: str = Field(max_length=200)
    statement: str = Field(max_length=2_000)
    dedupe_key: str = Field(max_length=300)
    confidence: float | None = None
    facts: dict[str, Any] = json_column(default_factory=dict)
    """What routing rules see."""
    rule: str | None = Field(default=None, max_length=100)
    rule_id: UUID | None = None
    rule_version: int | None = None
    inputs_hash: str | None = Field(default=None, max_length=64)
    author_id: UUID | None = None
    author: str = Field(max_length=320)
    created_at: datetime = utc_column()
    routed_at: datetime | None = utc_column(default=None)


class Evidence(SQLModel, table=True):
    """An edge from an insight to what it rests on, with who drew it and when."""

    __table_args__ = (UniqueConstraint("insight_id", "kind", "target_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    insight_id: UUID = Field(foreign_key="insight.id")
    kind: EvidenceKind = enum_column(EvidenceKind)
    target_id: UUID
    added_by: str = Field(max_length=320)
    added_at: datetime = utc_column()


class BacklogItem(SQLModel, table=True):
    """A piece of work that insights ask for, followed until the askers are told."""

    __tablename__ = "backlog_item"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        UniqueConstraint("project_id", "dedupe_key"),
        _undone("ix_backlog_item_unannounced", "announced_at IS NULL"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    number: int
    title: str = Field(max_length=200)
    state: BacklogState = enum_column(BacklogState, default=BacklogState.PROPOSED)
    state_reason: str | None = Field(default=None, max_length=2_000)
    dedupe_key: str = Field(max_length=300)
    rule_id: UUID | None = Field(default=None, foreign_key="routing_rule.id")
    owner: str | None = Field(default=None, max_length=320)
    score: dict[str, float] | None = json_column(default=None)
    version: int = 1
    created_at: datetime = utc_column()
    updated_at: datetime = utc_column()
    announced_at: datetime | None = utc_column(default=None)

    @property
    def key(self) -> str:
        """How people name it."""
        return f"BL-{self.number}"


class ItemInsight(SQLModel, table=True):
    """An edge from a backlog item to an insight that asks for it."""

    __tablename__ = "backlog_item_insight"
    __table_args__ = (UniqueConstraint("item_id", "insight_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    item_id: UUID = Field(foreign_key="backlog_item.id")
    insight_id: UUID = Field(foreign_key="insight.id", index=True)
    linked_by: str = Field(max_length=320)
    linked_at: datetime = utc_column()
