"""Wall clocks, where they are skipped and where they are shown twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.governance.calendar import instant_of, wall_time, zone_of
from experiments.governance.errors import ScheduleInvalid
from tests.experiments.governance.people import at

FIRST = at("2024-01-01T00:00").replace(tzinfo=None)


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2026-10-25T09:00", "Europe/Paris", "2026-10-25T08:00"),
        ("2026-10-24T09:00", "Europe/Paris", "2026-10-24T07:00"),
        # Shown twice: the first, in summer time.
        ("2026-10-25T02:30", "Europe/Paris", "2026-10-25T00:30"),
        # Skipped: the instant at which the clocks skip it.
        ("2026-03-29T02:30", "Europe/Paris", "2026-03-29T01:00"),
        ("2026-03-29T02:00", "Europe/Paris", "2026-03-29T01:00"),
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:00"),
        # Half an hour, and a whole day that an island left out.
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_a_wall_time_is_one_instant(local: str, zone: str, instant: str) -> None:
    assert instant_of(wall_time(local), zone_of(zone)) == at(instant)


@given(
    local=st.integers(0, 4 * 365 * 24 * 3600).map(
        lambda seconds: FIRST + timedelta(seconds=seconds)
    ),
    zone=st.sampled_from(["Europe/Paris", "America/Santiago", "Asia/Kolkata", "UTC"]),
)
def test_no_earlier_instant_shows_the_time_or_a_later_one(
    local: datetime, zone: str
) -> None:
    found = instant_of(local, zone_of(zone))
    shown = found.astimezone(zone_of(zone)).replace(tzinfo=None)
    assert found.tzinfo is UTC
    assert shown >= local
    assert shown == local or shown.minute % 30 == 0


@pytest.mark.parametrize(
    "text", ["soon", "2026-10-25T09:00Z", "2026-10-25T09:00+02:00", "2026-10-25", ""]
)
def test_a_wall_time_has_a_time_and_no_offset(text: str) -> None:
    with pytest.raises(ScheduleInvalid) as refused:
        wall_time(text)
    assert refused.value.path == ("startAt",)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc", "/etc/passwd", "\0"])
def test_a_zone_is_the_ianas(name: str) -> None:
    with pytest.raises(ScheduleInvalid) as refused:
        zone_of(name)
    assert refused.value.code == "SCHEDULE_INVALID"
