"""The daily cut: by the project's clock, once a day, whatever the clocks do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.analysis.cuts import (
    cut_on,
    due_cut,
    latest_cut,
    next_cut,
    same_day,
    scheduled_cut,
)
from experiments.plan import AnalysisPlan, StoppingRule
from tests.experiments.analysis.designs import START, design, planned

PARIS = AnalysisPlan(time_zone="Europe/Paris", look_hour=6)
ZONES = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kathmandu",
]


def test_the_cut_is_at_the_local_hour() -> None:
    assert cut_on(PARIS, date(2026, 1, 10)) == datetime(2026, 1, 10, 5, tzinfo=UTC)
    assert cut_on(PARIS, date(2026, 7, 10)) == datetime(2026, 7, 10, 4, tzinfo=UTC)


def test_an_hour_that_is_left_out_is_cut_where_the_clocks_leap() -> None:
    night = replace(PARIS, look_hour=2)
    assert cut_on(night, date(2026, 3, 29)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_cut_the_first_time() -> None:
    night = replace(PARIS, look_hour=2)
    assert cut_on(night, date(2026, 10, 25)) == datetime(2026, 10, 25, 0, tzinfo=UTC)
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert next_cut(night, first) == datetime(2026, 10, 26, 1, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_has_no_cut() -> None:
    apia = AnalysisPlan(time_zone="Pacific/Apia", look_hour=6)
    assert cut_on(apia, date(2011, 12, 30)) is None
    eve = cut_on(apia, date(2011, 12, 29))
    assert eve is not None
    assert next_cut(apia, eve) == cut_on(apia, date(2011, 12, 31))


@given(
    some.sampled_from(ZONES),
    some.integers(0, 23),
    some.integers(0, 25 * 365 * 24 * 60).map(
        lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
)
def test_cuts_follow_each_other_one_a_day(zone: str, hour: int, at: datetime) -> None:
    plan = AnalysisPlan(time_zone=zone, look_hour=hour)
    last, coming = latest_cut(plan, at), next_cut(plan, at)
    assert last <= at < coming
    assert next_cut(plan, last) == coming
    assert latest_cut(plan, coming) == coming
    assert not same_day(plan, last, coming)
    assert timedelta(hours=22) < coming - last < timedelta(hours=51)


def test_no_cut_is_due_in_the_first_week() -> None:
    phase = planned(design(), time_zone="UTC", look_hour=6)
    week = START + timedelta(days=7)
    assert due_cut(phase, attended=None, until=week) is None
    first = datetime(2026, 3, 9, 6, tzinfo=UTC)
    assert due_cut(phase, attended=None, until=first) == first
    assert scheduled_cut(phase, START) == first


def test_a_week_to_the_instant_is_enough() -> None:
    phase = planned(design(), time_zone="UTC", look_hour=0)
    week = START + timedelta(days=7)
    assert scheduled_cut(phase, START) == week
    assert due_cut(phase, attended=None, until=week) == week


def test_after_downtime_only_the_latest_cut_is_due() -> None:
    phase = planned(design())
    back = datetime(2026, 3, 20, 9, tzinfo=UTC)
    attended = datetime(2026, 3, 16, 6, tzinfo=UTC)
    assert due_cut(phase, attended=attended, until=back) == datetime(
        2026, 3, 20, 6, tzinfo=UTC
    )


def test_a_cut_is_attended_to_once() -> None:
    phase = planned(design())
    cut = datetime(2026, 3, 20, 6, tzinfo=UTC)
    assert due_cut(phase, attended=cut, until=cut + timedelta(hours=23)) is None


@pytest.mark.parametrize("end", ["ended", "imported", "fixed", "unplanned"])
def test_a_phase_with_a_single_look_has_no_cuts(end: str) -> None:
    phase = planned(design())
    other = {
        "ended": replace(phase, ended_at=START + timedelta(days=10)),
        "imported": replace(phase, imported=True),
        "fixed": planned(design(), stopping=StoppingRule.FIXED_HORIZON),
        "unplanned": design(),
    }[end]
    until = START + timedelta(days=20)
    assert due_cut(phase, attended=None, until=until) is not None
    assert due_cut(other, attended=None, until=until) is None
    assert scheduled_cut(other, until) is None
