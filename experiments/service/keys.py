"""A key names one thing in its project, for ever."""

from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from core.database import AsyncSession
from experiments.errors import KeyReserved, KeyTaken
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Holdout, Layer, Metric, Segment

Keyed = TypeVar("Keyed", Experiment, Metric, Layer, Holdout, Segment)


async def keep(session: AsyncSession, row: Keyed) -> Keyed:
    """Write a row under its key; the transaction lives on if that is refused.

    Raises:
        KeyTaken: One that is in use has the key.
        KeyReserved: One that was put away had it.
    """
    kind, project_id, key = type(row), row.project_id, row.key
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        found = await session.exec(
            select(kind).where(kind.project_id == project_id, kind.key == key)
        )
        other = found.first()
        if other is None:
            raise
        raise (KeyReserved if _is_away(other) else KeyTaken)(key) from error
    return row


def _is_away(row: Experiment | Metric | Layer | Holdout | Segment) -> bool:
    if isinstance(row, Experiment):
        return row.status is ExperimentStatus.ARCHIVED
    if isinstance(row, Holdout):
        return row.ended_at is not None
    return row.archived_at is not None
