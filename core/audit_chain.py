"""The hash chain over a project's audit trail: sealed by a worker, and walked."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Field, SQLModel, col, func, select

from core.audit import AuditRow
from core.clock import now
from core.database import AsyncSession

_BATCH = 500


class AuditHead(SQLModel, table=True):
    """Where a project's chain ends, apart from the rows: a cut end shows against it."""

    __tablename__ = "audit_head"

    project_id: UUID = Field(foreign_key="project.id", primary_key=True)
    number: int
    link: str = Field(max_length=64)


@dataclass(frozen=True, slots=True)
class Verification:
    """What walking the chain found; `broken_at` is the first number that fails."""

    sealed: int
    unsealed: int
    broken_at: int | None
    link: str
    """Of the last row that holds; empty where none does."""


async def seal(session: AsyncSession) -> int:
    """Link one batch of unsealed rows, project by project; returns how many.

    Only one sealer may run at a time: the unique number makes a second one fail.
    """
    found = await session.exec(
        select(AuditRow)
        .where(col(AuditRow.sealed_at).is_(None))
        .order_by(col(AuditRow.project_id), col(AuditRow.id))
        .limit(_BATCH)
    )
    rows = found.all()
    at = await now(session)
    heads: dict[UUID, AuditHead] = {}
    for row in rows:
        head = heads.get(row.project_id) or await _head(session, row.project_id)
        heads[row.project_id] = head
        row.number, row.sealed_at = head.number + 1, at
        row.link = _link(head.link, row)
        head.number, head.link = row.number, row.link
        session.add(row)
    session.add_all(heads.values())
    await session.flush()
    return len(rows)


async def verify(session: AsyncSession, project_id: UUID) -> Verification:
    """Walk a project's chain from its first row to its head; name what fails first.

    Who can change both the rows and the head leaves no trace in the database: an
    auditor who wants to see that too notes `sealed` and `link` elsewhere, now and then.
    """
    unsealed = await session.exec(
        select(func.count()).where(
            AuditRow.project_id == project_id, col(AuditRow.sealed_at).is_(None)
        )
    )
    begun_at = await _head(session, project_id)
    number, link, broken = 0, "", None
    while broken is None:
        rows = await _after(session, project_id, number)
        if not rows:
            break
        for row in rows:
            holds = row.number == number + 1 and row.link == _link(link, row)
            if not holds or row.link is None:
                broken = number + 1
                break
            number, link = number + 1, row.link
    if broken is None and number < begun_at.number:
        broken = number + 1
    if broken is None:
        broken = await _beyond_its_head(session, project_id, number, link)
    return Verification(number, unsealed.one(), broken, link)


async def _beyond_its_head(
    session: AsyncSession, project_id: UUID, number: int, link: str
) -> int | None:
    """The first row that nobody sealed, though it looks so, where there is one.

    The head is read after the rows, for they may have been sealed meanwhile.
    """
    head = await _head(session, project_id)
    if head.number < number:
        return head.number + 1
    return number if head.number == number and head.link != link else None


async def _head(session: AsyncSession, project_id: UUID) -> AuditHead:
    """The head as it is now; one of nothing where nothing was sealed."""
    found = await session.exec(
        select(AuditHead)
        .where(AuditHead.project_id == project_id)
        .execution_options(populate_existing=True)
    )
    return found.first() or AuditHead(project_id=project_id, number=0, link="")


async def _after(
    session: AsyncSession, project_id: UUID, number: int
) -> Sequence[AuditRow]:
    found = await session.exec(
        select(AuditRow)
        .where(AuditRow.project_id == project_id, col(AuditRow.number) > number)
        .order_by(col(AuditRow.number))
        .limit(_BATCH)
    )
    return found.all()


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
