"""The audit trail: who changed what and why. `audit_chain` seals it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, enum_column, json_column, utc_column
from core.ids import new_id


class ActorKind(StrEnum):
    """Who acts: a person, a key, or the service itself."""

    MEMBER = "MEMBER"
    KEY = "KEY"
    WORKER = "WORKER"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever makes a change."""

    kind: ActorKind
    id: UUID | None
    name: str


WORKER = Actor(ActorKind.WORKER, None, "worker")


class AuditRow(SQLModel, table=True):
    """One change. The link of the chain is set when the worker seals it."""

    __tablename__ = "audit_row"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("ix_audit_row_newest", "project_id", "at", "id"),
        Index(
            "ix_audit_row_unsealed",
            "project_id",
            "id",
            sqlite_where=text("sealed_at IS NULL"),
            postgresql_where=text("sealed_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID | None = None
    at: datetime = utc_column()
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_id: UUID | None = None
    actor_name: str = Field(max_length=320)
    action: str = Field(max_length=80)
    subject: str = Field(max_length=80)
    subject_id: UUID | None = Field(default=None, index=True)
    before: dict[str, Any] | None = json_column(default=None)
    after: dict[str, Any] | None = json_column(default=None)
    reason: str | None = None
    number: int | None = None
    link: str | None = Field(default=None, max_length=64)
    sealed_at: datetime | None = utc_column(default=None)


async def record(
    session: AsyncSession,
    *,
    actor: Actor,
    project_id: UUID,
    action: str,
    subject: str,
    subject_id: UUID | None,
    environment_id: UUID | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> AuditRow:
    """Write down a change, in the same transaction as the change itself."""
    row = AuditRow(
        project_id=project_id,
        environment_id=environment_id,
        at=await now(session),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        subject=subject,
        subject_id=subject_id,
        before=before,
        after=after,
        reason=reason,
    )
    session.add(row)
    await session.flush()
    return row


async def first_at(session: AsyncSession, *, subject_id: UUID, action: str) -> datetime:
    """When something was first done to a subject.

    Raises:
        NoResultFound: It never was.
    """
    found = await session.exec(
        select(AuditRow.at)
        .where(AuditRow.subject_id == subject_id, AuditRow.action == action)
        .order_by(col(AuditRow.id))
        .limit(1)
    )
    return found.one()
