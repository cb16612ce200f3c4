"""What is still to be done: snapshots to hand on, phases to analyse again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession, skip_locked
from experiments.analysis.models import CurrentSnapshot, Snapshot


async def take_undistilled(session: AsyncSession, *, limit: int) -> Sequence[Snapshot]:
    """Lock the oldest snapshots without a stamp, passing over another worker's."""
    statement = (
        select(Snapshot)
        .where(col(Snapshot.distilled_at).is_(None))
        .order_by(col(Snapshot.id))
        .limit(limit)
    )
    return (await session.exec(skip_locked(statement, session))).all()


async def mark_distilled(session: AsyncSession, snapshot_ids: Sequence[UUID]) -> None:
    """Stamp snapshots whose verdict has become an insight, or needs none."""
    await session.exec(
        update(Snapshot)
        .where(col(Snapshot.id).in_(snapshot_ids))
        .values(distilled_at=await now(session))
    )


async def shown_watermarks(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, datetime]:
    """Up to which instant what each analysed phase shows is complete."""
    found = await session.exec(
        select(CurrentSnapshot.phase_id, CurrentSnapshot.watermark).where(
            col(CurrentSnapshot.phase_id).in_(phase_ids)
        )
    )
    return dict(found.all())
