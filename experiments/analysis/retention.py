"""Snapshots that said nothing new are let go; what was concluded stays."""

from datetime import datetime

from sqlalchemy import delete, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from core.database import AsyncSession
from experiments.analysis.models import Acknowledgement, CurrentSnapshot, Snapshot


async def thin_out(session: AsyncSession, *, before: datetime, limit: int) -> int:
    """Delete one batch of superseded snapshots; returns how many.

    While events arrive, each refresh is a snapshot. Of those computed before `before`,
    the first of each day that recommended what it did is kept for every phase, as are
    those shown now, those acknowledged and those not handed on yet.
    """
    earlier = aliased(Snapshot)
    repeated = (
        select(earlier.id)
        .where(
            earlier.phase_id == Snapshot.phase_id,
            earlier.recommendation == Snapshot.recommendation,
            earlier.number < Snapshot.number,
            func.date(earlier.computed_at) == func.date(Snapshot.computed_at),
        )
        .exists()
    )
    found = await session.exec(
        select(Snapshot.id)
        .where(
            Snapshot.computed_at < before,
            col(Snapshot.distilled_at).is_not(None),
            col(Snapshot.id).not_in(select(CurrentSnapshot.snapshot_id)),
            col(Snapshot.id).not_in(select(Acknowledgement.snapshot_id)),
            repeated,
        )
        .order_by(col(Snapshot.id))
        .limit(limit)
    )
    ids = found.all()
    await session.exec(delete(Snapshot).where(col(Snapshot.id).in_(ids)))
    return len(ids)
