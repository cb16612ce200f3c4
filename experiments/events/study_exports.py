"""A phase's units and their values, page after page, for whoever checks the numbers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from experiments.events import definitions
from experiments.events.errors import BadCursor, TooManyRows, UnknownMetric
from experiments.events.store import Session, from_milliseconds

MAX_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """A unit at its first exposure."""

    kind: str
    """What was hashed: `user`, `anonymous` or `account`."""
    id: str
    arm: str
    exposed_at: datetime
    in_gap: bool
    """First exposed while enrolment was paused: not counted."""
    linked: bool
    """Its person has an earlier unit, so its values are 0."""
    conflicted: bool
    """It met another arm as well."""
    joined: bool
    """A visitor's id that belongs to a user now."""

    @property
    def cursor(self) -> str:
        """What the next page comes after."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One metric's value of a matured unit, in steps."""

    kind: str
    id: str
    arm: str
    y: int
    d: int
    capped_y: int
    refused: bool
    """Its total passed MAX_UNIT_TOTAL: it is in no sum, and its values read 0."""
    x: int = 0
    """The value over the days before exposure, cut at the cap; w beside a ratio's."""
    w: int = 0
    m: int = 0
    """1 where there is no such history."""

    @property
    def cursor(self) -> str:
        """What the next page comes after."""
        return f"{self.kind} {self.id}"


async def exposures(
    session: Session, phase_id: UUID, *, after: str | None, limit: int
) -> tuple[ExposureRow, ...]:
    """A page of units by kind and id; a unit keeps its place as others come.

    Raises:
        UnknownPhase: The phase was never published.
        BadCursor: `after` is no row's cursor.
        TooManyRows: A page has at most MAX_PAGE rows.
    """
    await definitions.find(session, phase_id)
    kind, unit_id = _place(after, limit)
    rows = await session.run(
        "study_exposures", phase_id=phase_id, kind=kind, id=unit_id, limit=limit
    )
    return tuple(
        ExposureRow(kind, unit_id, arm, from_milliseconds(exposed_at), *marks)
        for kind, unit_id, arm, exposed_at, *marks in rows
    )


async def values(
    session: Session, phase_id: UUID, metric_id: UUID, *, after: str | None, limit: int
) -> tuple[ValueRow, ...]:
    """A page of one metric's values by kind and id of the unit.

    Raises:
        UnknownPhase: The phase was never published.
        UnknownMetric: It does not measure this metric.
        BadCursor: `after` is no row's cursor.
        TooManyRows: A page has at most MAX_PAGE rows.
    """
    design, _ = await definitions.find(session, phase_id)
    if all(metric.metric_id != metric_id for metric in design.metrics):
        raise UnknownMetric(metric_id)
    kind, unit_id = _place(after, limit)
    rows = await session.run(
        "study_values",
        phase_id=phase_id,
        metric_id=metric_id,
        kind=kind,
        id=unit_id,
        limit=limit,
    )
    return tuple(ValueRow(*row) for row in rows)


def _place(after: str | None, limit: int) -> tuple[str, str]:
    if not 0 < limit <= MAX_PAGE:
        raise TooManyRows(MAX_PAGE)
    if after is None:
        return "", ""
    kind, space, unit_id = after.partition(" ")
    if not space or "\x00" in after:
        raise BadCursor
    return kind, unit_id
