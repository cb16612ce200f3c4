"""A wall clock's date and time in a zone, as the instant that is meant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from experiments.governance.errors import ScheduleInvalid

_RESOLUTION = timedelta(seconds=1)


def zone_of(name: str, *, path: tuple[str, ...] = ("timeZone",)) -> ZoneInfo:
    """The zone of this name.

    Raises:
        ScheduleInvalid: The IANA has no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleInvalid(f"{name[:64]!r} is no IANA time zone.", path=path) from (
            None
        )


def wall_time(text: str, *, path: tuple[str, ...] = ("startAt",)) -> datetime:
    """A date and time without an offset, to the second.

    Raises:
        ScheduleInvalid: It is none, or has an offset.
    """
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ScheduleInvalid(
            "Write a date and time, such as 2027-03-01T09:00.", path=path
        ) from None
    if local.tzinfo is not None or "T" not in text.upper().replace(" ", "T"):
        raise ScheduleInvalid(
            "Write a local date and time without an offset; `timeZone` says where.",
            path=path,
        )
    return local.replace(microsecond=0, fold=0)


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's clocks show the wall time.

    Of two such instants the first; where clocks skip it, the one at which they do.

    Raises:
        ScheduleInvalid: No calendar has it.
    """
    try:
        first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    except OverflowError:
        raise ScheduleInvalid("No calendar goes there.", path=("startAt",)) from None
    if first <= second:
        return first
    # In a gap the two readings stand on either side of it, the wrong way round.
    before, after = second, first
    while after - before > _RESOLUTION:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
