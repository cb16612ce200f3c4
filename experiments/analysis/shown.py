"""Which snapshot each phase shows, and until when what it says holds."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import literal, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from core.clock import now as database_now
from core.database import AsyncSession, UtcDateTime, is_sqlite
from experiments.analysis.models import CurrentSnapshot
from experiments.analysis.rows import Inputs
from experiments.events.state import Standing

_SHOWN = (
    "snapshot_id",
    "position",
    "watermark",
    "backlog",
    "last_event_at",
    "refreshed_at",
)


async def show(session: AsyncSession, chosen: Sequence[tuple[UUID, Inputs]]) -> None:
    """Let phases show snapshots, with the freshness of the inputs just read.

    One statement, so that of two workers the one with the older state changes nothing.

    Args:
        session: The caller's transaction.
        chosen: Of each phase the snapshot's id, and what its analysis started from.
    """
    if not chosen:
        return
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = insert(CurrentSnapshot).values(
        [
            {
                "phase_id": inputs.design.phase_id,
                "experiment_id": inputs.experiment_id,
                "snapshot_id": snapshot_id,
                "position": inputs.state.position,
                "watermark": inputs.state.watermark,
                "backlog": inputs.state.backlog,
                "last_event_at": inputs.state.last_event_at,
                "refreshed_at": inputs.now,
            }
            for snapshot_id, inputs in chosen
        ]
    )
    shown = tuple_(col(CurrentSnapshot.watermark), col(CurrentSnapshot.position))
    fresh = tuple_(statement.excluded.watermark, statement.excluded.position)
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["phase_id"],
            set_={name: statement.excluded[name] for name in _SHOWN},
            where=shown <= fresh,
        )
    )


async def show_fresher(
    session: AsyncSession, phase_ids: Collection[UUID], *, standing: Standing
) -> None:
    """Say of phases whose state did not change that it holds until later.

    Args:
        session: The caller's transaction.
        phase_ids: Phases of one environment.
        standing: How far that environment is folded.
    """
    shown = tuple_(col(CurrentSnapshot.watermark), col(CurrentSnapshot.position))
    fresh = tuple_(
        literal(standing.watermark, UtcDateTime()),
        literal(standing.position),
    )
    await session.exec(
        update(CurrentSnapshot)
        .where(col(CurrentSnapshot.phase_id).in_(phase_ids), shown <= fresh)
        .values(
            position=standing.position,
            watermark=standing.watermark,
            backlog=standing.backlog,
            last_event_at=standing.last_event_at,
            refreshed_at=await database_now(session),
        )
        .execution_options(synchronize_session=False)
    )
