"""Whether the events that a metric reads still come, and come whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from experiments.design import Source, SourceValue
from experiments.events.store import Session, from_milliseconds, to_milliseconds
from experiments.events.study_rows import read

MAX_DAYS = 400
MAX_VARIANTS = 100


@dataclass(frozen=True, slots=True)
class DailyEvents:
    """The events of a source on one UTC day with any."""

    day: datetime
    events: int


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """The events of a source in a period; only those that pass its filters."""

    events: int
    last_event_at: datetime | None
    without_person: int
    """Events with neither a user's nor a visitor's id: no unit of users has them."""
    without_account: int
    """Events that name no account, of users whom no membership puts into one."""
    without_value: int
    """Events without the value that the source reads; 0 where each adds one."""
    days: tuple[DailyEvents, ...]


@dataclass(frozen=True, slots=True)
class QaExposure:
    """Exposures that named one variant, whether a phase counts them or not."""

    variant_key: str
    exposures: int
    subjects: int
    first_at: datetime
    last_at: datetime


async def source_healths(
    session: Session,
    environment_id: UUID,
    sources: Sequence[Source],
    *,
    since: datetime,
    until: datetime,
) -> tuple[SourceHealth, ...]:
    """Count the events of each source in [since, until), by UTC day.

    Raises:
        TooManyRows: The period has more than MAX_DAYS days with events.
    """
    if not sources:
        return ()
    filters = [(at, each) for at, s in enumerate(sources) for each in s.filters]
    rows = await read(
        session,
        "study_source_days",
        limit=MAX_DAYS * len(sources),
        environment_id=environment_id,
        places=list(range(len(sources))),
        names=[each.event_name for each in sources],
        read=[each.property for each in sources],
        since=to_milliseconds(since),
        until=to_milliseconds(until),
        filtered=[at for at, _ in filters],
        properties=[each.property for _, each in filters],
        operators=[each.operator.value for _, each in filters],
        values=[msgspec.json.encode(each.values).decode() for _, each in filters],
    )
    by_place: dict[int, list[list[int]]] = {at: [] for at in range(len(sources))}
    for row in rows:
        place, *parts = (int(part) for part in row)
        by_place[place].append(parts)
    return tuple(
        _health(source, by_place[place]) for place, source in enumerate(sources)
    )


def _health(source: Source, rows: Sequence[Sequence[int]]) -> SourceHealth:
    columns = [list(column) for column in zip(*rows, strict=True)]
    days, events, last, person, account, value = columns or [[]] * 6
    return SourceHealth(
        events=sum(events),
        last_event_at=from_milliseconds(max(last)) if last else None,
        without_person=sum(person),
        without_account=sum(account),
        without_value=sum(value) if source.value is SourceValue.VALUE else 0,
        days=tuple(
            DailyEvents(from_milliseconds(day), count)
            for day, count in zip(days, events, strict=True)
        ),
    )


async def qa_exposures(
    session: Session, environment_id: UUID, experiment_key: str
) -> tuple[QaExposure, ...]:
    """Every exposure to an experiment by variant, most first.

    Raises:
        TooManyRows: They name more than MAX_VARIANTS variants.
    """
    rows = await read(
        session,
        "study_qa_exposures",
        limit=MAX_VARIANTS,
        environment_id=environment_id,
        experiment_key=experiment_key,
    )
    return tuple(
        QaExposure(
            key, int(count), int(who), from_milliseconds(first), from_milliseconds(last)
        )
        for key, count, who, first, last in rows
    )
