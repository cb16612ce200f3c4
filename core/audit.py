"""The audit trail: who changed what and why, sealed into one hash chain a project."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, enum_column, json_column, utc_column
from core.ids import new_id

_SEAL_BATCH = 500


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


@dataclass(frozen=True, slots=True)
class Verification:
    """What walking the chain found; `broken_at` is the first number that fails."""

    sealed: int
    unsealed: int
    broken_at: int | None


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


async def seal(session: AsyncSession) -> int:
    """Link one batch of unsealed rows, project by project; returns how many.

    Only one sealer may run at a time: the unique number makes a second one fail.
    """
    found = await session.exec(
        select(AuditRow)
        .where(col(AuditRow.sealed_at).is_(None))
        .order_by(col(AuditRow.project_id), col(AuditRow.id))
        .limit(_SEAL_BATCH)
    )
    rows = found.all()
    at = await now(session)
    tails: dict[UUID, tuple[int, str]] = {}
    for row in rows:
        number, link = tails.get(row.project_id) or await _tail(session, row.project_id)
        row.number, row.sealed_at = number + 1, at
        row.link = _link(link, row)
        tails[row.project_id] = (row.number, row.link)
        session.add(row)
    await session.flush()
    return len(rows)


async def verify(session: AsyncSession, project_id: UUID) -> Verification:
    """Walk a project's chain and name the first broken link."""
    in_project = AuditRow.project_id == project_id
    unsealed = await session.exec(
        select(func.count()).where(in_project, col(AuditRow.sealed_at).is_(None))
    )
    number, link, broken = 0, "", None
    while broken is None:
        found = await session.exec(
            select(AuditRow)
            .where(in_project, col(AuditRow.number) > number)
            .order_by(col(AuditRow.number))
            .limit(_SEAL_BATCH)
        )
        rows = found.all()
        if not rows:
            break
        for row in rows:
            if row.number != number + 1 or row.link != _link(link, row):
                broken = number + 1
                break
            number, link = row.number, row.link
    return Verification(sealed=number, unsealed=unsealed.one(), broken_at=broken)


async def _tail(session: AsyncSession, project_id: UUID) -> tuple[int, str]:
    found = await session.exec(
        select(AuditRow.number, AuditRow.link)
        .where(AuditRow.project_id == project_id, col(AuditRow.number).is_not(None))
        .order_by(col(AuditRow.number).desc())
        .limit(1)
    )
    last = found.first()
    if last is None or last[0] is None or last[1] is None:
        return 0, ""
    return last[0], last[1]


def _link(previous: str, row: AuditRow) -> str:
    content = [
        str(row.id),
        str(row.project_id),
        str(row.environment_id),
        row.at.isoformat(),
        row.actor_kind,
        str(row.actor_id),
        row.actor_name,
        row.action,
        row.subject,
        str(row.subject_id),
        row.before,
        row.after,
        row.reason,
        row.number,
    ]
    text_form = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text_form}".encode()).hexdigest()
