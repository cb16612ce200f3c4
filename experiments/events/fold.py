"""Fold the next events of one environment into cells, unit values and exact sums."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from experiments.events.log import FoldReport
from experiments.events.store import Session, from_milliseconds, to_milliseconds


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an environment is folded, and how much is stored."""

    position: int
    events: int
    watermark: int
    import_finished_at: int
    head: int
    stored: int
    unfilled: int
    rebuild: int


async def fold(
    session: Session, environment_id: UUID, *, limit: int, now: datetime, lag: timedelta
) -> FoldReport:
    """One bounded step, to be committed as a whole.

    The numbers are a function of the events up to a position, the designs and the
    watermark; how the events were split into folds does not show in them.
    """
    began = time.perf_counter()
    await session.lock(environment_id)
    standing = Standing(
        *(await session.run("progress", environment_id=environment_id))[0]
    )
    if standing.unfilled:
        await _fill_sources(session, environment_id, standing)
    if standing.rebuild:
        await session.run("fold_reset", environment_id=environment_id)
    ((folded, position, last_event_at),) = await session.run(
        "fold_batch",
        environment_id=environment_id,
        position=standing.position,
        head=standing.head,
        limit=limit,
    )
    backlog = standing.stored - standing.events - folded
    watermark = standing.watermark if backlog else _risen(standing, now, lag)
    await session.run("fold_identity", environment_id=environment_id)
    await session.run("fold_file", environment_id=environment_id, filled=True)
    await session.run("fold_expose", environment_id=environment_id)
    matured = await _settle(session, environment_id, standing.watermark, watermark)
    await session.run(
        "fold_advance",
        environment_id=environment_id,
        position=position,
        folded=folded,
        watermark=watermark,
        last_event_at=last_event_at,
        folded_at=to_milliseconds(now),
    )
    return FoldReport(
        folded=folded,
        backlog=backlog,
        matured=matured,
        rebuilt=standing.rebuild,
        watermark=from_milliseconds(watermark),
        took=timedelta(seconds=time.perf_counter() - began),
    )


async def _fill_sources(
    session: Session, environment_id: UUID, standing: Standing
) -> None:
    await session.run(
        "fold_fill", environment_id=environment_id, position=standing.position
    )
    await session.run("fold_file", environment_id=environment_id, filled=False)
    await session.run("fold_filled", environment_id=environment_id)


async def _settle(
    session: Session, environment_id: UUID, previous: int, watermark: int
) -> int:
    """Bring the units that may have changed to the new watermark; how many matured."""
    ((stirred,),) = await session.run(
        "fold_stirred",
        environment_id=environment_id,
        previous=previous,
        watermark=watermark,
    )
    if not stirred:
        return 0
    await session.run("fold_persons", environment_id=environment_id)
    await session.run("fold_units", environment_id=environment_id)
    await session.run("fold_values", environment_id=environment_id, watermark=watermark)
    ((matured,),) = await session.run("fold_settle")
    return int(matured)


def _risen(standing: Standing, now: datetime, lag: timedelta) -> int:
    """The watermark without a backlog: it never falls."""
    return max(
        standing.watermark, to_milliseconds(now - lag), standing.import_finished_at
    )


async def compact(session: Session, environment_id: UUID) -> None:
    """Merge the deltas of an environment's phases; off the path of a refresh."""
    await session.lock(environment_id)
    for (phase_id,) in await session.run("phases", environment_id=environment_id):
        await session.run("compact_units", phase_id=phase_id)
        await session.run("compact_state", phase_id=phase_id)
