"""The rows of scheduled starts: each is settled once, and the database says by whom."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from core.clock import now
from core.database import AsyncSession
from experiments.governance.models import Schedule, ScheduleStatus


async def settle(
    session: AsyncSession,
    schedule_id: UUID,
    status: ScheduleStatus,
    *,
    at: datetime,
    **values: Any,
) -> bool:
    """Settle a schedule that is pending and due; False where somebody did before."""
    result = await session.exec(
        update(Schedule)
        .where(
            col(Schedule.id) == schedule_id,
            col(Schedule.status) == ScheduleStatus.PENDING,
            col(Schedule.due_at) <= at,
        )
        .values(status=status, settled_at=at, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)


async def cancel_schedule(session: AsyncSession, experiment_id: UUID) -> None:
    """Give up what is pending of an experiment that is held, if anything is."""
    await session.exec(
        update(Schedule)
        .where(
            col(Schedule.experiment_id) == experiment_id,
            col(Schedule.status) == ScheduleStatus.PENDING,
        )
        .values(status=ScheduleStatus.CANCELLED, settled_at=await now(session))
        .execution_options(synchronize_session=False)
    )
