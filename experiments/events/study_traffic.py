"""Who comes by on each day, whether in an experiment or not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from experiments.design import UnitKind
from experiments.events.store import Session, from_milliseconds, to_milliseconds
from experiments.events.study_rows import read

MAX_DAYS = 400


@dataclass(frozen=True, slots=True)
class DailyUnits:
    """One UTC day with an event; days without one are left out."""

    day: datetime
    units: int
    """Distinct units seen."""
    first_seen: int
    """Those of them whose first event in the period was on this day."""


async def traffic(
    session: Session,
    environment_id: UUID,
    unit: UnitKind,
    *,
    since: datetime,
    until: datetime,
) -> tuple[DailyUnits, ...]:
    """Distinct units by day, from every event in [since, until).

    Raises:
        TooManyRows: The period has more than MAX_DAYS days with events.
    """
    rows = await read(
        session,
        "study_traffic",
        limit=MAX_DAYS,
        environment_id=environment_id,
        unit=unit.value,
        since=to_milliseconds(since),
        until=to_milliseconds(until),
    )
    return tuple(
        DailyUnits(from_milliseconds(day), int(units), int(first))
        for day, units, first in rows
    )


async def seen_since(
    session: Session,
    environment_id: UUID,
    unit: UnitKind,
    since: Collection[datetime],
    *,
    until: datetime,
) -> dict[datetime, int]:
    """Distinct units with an event from each instant on and before `until`.

    The events are read once, whatever the number of instants.
    """
    # Instants of one millisecond are one to the log.
    asked = {each: to_milliseconds(each) for each in since}
    if not asked:
        return {}
    rows = await session.run(
        "study_seen",
        environment_id=environment_id,
        unit=unit.value,
        instants=sorted(set(asked.values())),
        since=min(asked.values()),
        until=to_milliseconds(until),
    )
    found = {instant: int(units) for instant, units in rows}
    return {each: found[instant] for each, instant in asked.items()}
