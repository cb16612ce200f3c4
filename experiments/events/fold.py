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
    sighted: bool
    """Whether it is kept when each id was first heard of."""
    looks_back: bool
    """Whether a phase needs that."""
    steps: int
    """The most steps of any metric that is read event by event; 0 without one."""
    told: bool
    """Whether a source reads properties."""
    dimensions: bool
    """Whether a plan has any."""
    longest: int
    """From exposure to the end of the longest window; 0 without a metric."""
    shortest: int
    """And to that of the shortest one."""


async def fold(
    session: Session,
    environment_id: UUID,
    *,
    limit: int,
    now: datetime,
    lag: timedelta,
    hold_at: datetime | None = None,
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
    await _prepare(session, environment_id, standing)
    ((folded, position, last_event_at),) = await session.run(
        "fold_batch",
        environment_id=environment_id,
        position=standing.position,
        head=standing.head,
        limit=limit,
    )
    backlog = standing.stored - standing.events - folded
    watermark = standing.watermark if backlog else _risen(standing, now, lag, hold_at)
    await session.run("fold_identity", environment_id=environment_id)
    await _file(session, environment_id, standing, filled=True)
    await session.run(
        "fold_seen",
        environment_id=environment_id,
        sighted=standing.sighted or standing.looks_back,
    )
    await session.run("fold_expose", environment_id=environment_id)
    matured = await _settle(session, environment_id, standing, watermark)
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


async def _prepare(session: Session, environment_id: UUID, standing: Standing) -> None:
    """Fill what new designs ask for from the events that are folded already."""
    if standing.unfilled:
        await session.run(
            "fold_fill", environment_id=environment_id, position=standing.position
        )
        await _file(session, environment_id, standing, filled=False)
        await session.run("fold_filled", environment_id=environment_id)
    if standing.looks_back and not standing.sighted:
        await session.run(
            "fold_sight", environment_id=environment_id, position=standing.position
        )
    if standing.rebuild:
        await session.run("fold_reset", environment_id=environment_id)


async def _file(
    session: Session, environment_id: UUID, standing: Standing, *, filled: bool
) -> None:
    """File the batch, and add its values to the cells of sources."""
    await session.run("fold_file", environment_id=environment_id)
    add = "fold_add_told" if standing.told else "fold_add"
    await session.run(add, environment_id=environment_id, filled=filled)
    await session.run("fold_cells", environment_id=environment_id)


async def _settle(
    session: Session, environment_id: UUID, standing: Standing, watermark: int
) -> int:
    """Bring the units that may have changed to the new watermark; how many matured."""
    ((stirred,),) = await session.run(
        "fold_stirred",
        environment_id=environment_id,
        previous=standing.watermark,
        watermark=watermark,
        longest=standing.longest,
        shortest=standing.shortest,
    )
    if not stirred:
        return 0
    await session.run("fold_persons", environment_id=environment_id)
    enrolled = await _enrol(session, environment_id, standing)
    await _read_events(session, environment_id, standing.steps, watermark)
    await session.run("fold_due", watermark=watermark)
    known = "fold_known" if standing.looks_back else "fold_unknown"
    await session.run(known, environment_id=environment_id)
    await session.run("fold_values", environment_id=environment_id)
    ((matured, changed),) = await session.run("fold_settle")
    if changed:
        await session.run("fold_state")
    if changed and (standing.dimensions or standing.steps):
        await session.run("fold_segments")
    if changed or enrolled:
        await session.run("fold_moved")
    return int(matured)


async def _enrol(session: Session, environment_id: UUID, standing: Standing) -> int:
    """Bring the units of these persons up to date; how many rows of theirs changed."""
    await session.run("fold_units", environment_id=environment_id)
    levels = "fold_levels" if standing.dimensions else "fold_level"
    await session.run(levels, environment_id=environment_id)
    ((changed,),) = await session.run("fold_enrolled")
    if changed:
        await session.run("fold_enrol")
    if changed and standing.dimensions:
        await session.run("fold_slices")
    return int(changed)


async def _read_events(
    session: Session, environment_id: UUID, steps: int, watermark: int
) -> None:
    """Work out the values that are more than a sum."""
    if not steps:
        await session.run("fold_plain")
        return
    await session.run("fold_detail", environment_id=environment_id, watermark=watermark)
    for place in range(2, steps + 1):
        await session.run("fold_funnel", place=place)
    await session.run("fold_detailed")
    await session.run("fold_blocks")


def _risen(
    standing: Standing, now: datetime, lag: timedelta, hold_at: datetime | None
) -> int:
    """The watermark without a backlog: it never falls, nor passes where it is held."""
    risen = max(to_milliseconds(now - lag), standing.import_finished_at)
    if hold_at is not None:
        risen = min(risen, to_milliseconds(hold_at))
    return max(standing.watermark, risen)


async def compact(session: Session, environment_id: UUID) -> None:
    """Merge the deltas of an environment's phases; off the path of a refresh."""
    await session.lock(environment_id)
    for (phase_id,) in await session.run("phases", environment_id=environment_id):
        await session.run("compact_units", phase_id=phase_id)
        await session.run("compact_levels", phase_id=phase_id)
        await session.run("compact_state", phase_id=phase_id)
