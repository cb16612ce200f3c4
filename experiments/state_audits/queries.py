"""Reads of the audit: which phases are due, and how they stood."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from experiments.models import Phase
from experiments.state_audits.models import StateAudit

EVERY = timedelta(days=1)
AFTER_THE_END = timedelta(days=90)
"""How long a phase that is over is still audited: windows close, events straggle."""


async def due_phases(
    session: AsyncSession, *, at: datetime, after: UUID | None, limit: int
) -> Sequence[Phase]:
    """The next phases by id, live for a day, that nobody audited for a day."""
    last = (
        select(
            col(StateAudit.phase_id).label("phase_id"),
            func.max(col(StateAudit.at)).label("at"),
        )
        .group_by(col(StateAudit.phase_id))
        .subquery()
    )
    statement = (
        select(Phase)
        .outerjoin(last, last.c.phase_id == col(Phase.id))
        .where(
            col(Phase.published_at) <= at - EVERY,
            or_(
                col(Phase.ended_at).is_(None),
                col(Phase.ended_at) > at - AFTER_THE_END,
            ),
            or_(last.c.at.is_(None), last.c.at <= at - EVERY),
        )
        .order_by(col(Phase.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Phase.id > after)
    return (await session.exec(statement)).all()


def audits_of(phase_id: UUID) -> SelectOfScalar[StateAudit]:
    """The audits of one phase, in no order yet."""
    return select(StateAudit).where(StateAudit.phase_id == phase_id)
