"""The effect by day since exposure and by day of exposure, by hand."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from experiments.analysis.series import (
    MAX_DAYS,
    SeriesKind,
    cohorts,
    days_to_plot,
    plotted,
    series_document,
    series_from,
    since_exposure,
)
from experiments.design import MetricKind, MetricRole
from experiments.events.state import DayState, Sums
from experiments.events.study_curves import SinceExposure
from tests.experiments.analysis.designs import START, conversions, design, metric

PHASE = design()
PAID = PHASE.primary


def test_points_are_read_day_after_day() -> None:
    found = [
        SinceExposure(arm, day, conversions(1_000, rate * (day + 1)))
        for arm, rate in (("control", 20), ("sixty", 30))
        for day in range(2)
    ]
    (series,) = since_exposure(PHASE, PAID, found)
    assert (series.kind, series.arm) == (SeriesKind.SINCE_EXPOSURE, "sixty")
    assert [point.day for point in series.points] == [0, 1]
    assert [point.absolute for point in series.points] == pytest.approx([0.01, 0.02])
    assert series.points[1].control.mean == pytest.approx(0.04)
    low, high = series.points[1].low, series.points[1].high
    assert low is not None
    assert high is not None
    assert low < 0.02 < high


def test_a_cohort_is_a_day_of_exposure_with_its_own_units() -> None:
    first = date(2026, 3, 2)
    found = [
        DayState(arm, PAID.metric_id, first + timedelta(days=day), sums, None)
        for arm, sums in (
            ("control", conversions(500, 20)),
            ("sixty", conversions(500, 40)),
        )
        for day in (0, 3)
    ]
    (series,) = cohorts(PHASE, [PAID], found)
    assert [(p.day, p.date) for p in series.points] == [
        (0, "2026-03-02"),
        (3, "2026-03-05"),
    ]
    assert series.points[0].absolute == pytest.approx(0.04)


def test_a_day_on_which_one_arm_has_nobody_has_no_effect() -> None:
    found = [DayState("sixty", PAID.metric_id, date(2026, 3, 2), Sums(n=5), None)]
    (series,) = cohorts(PHASE, [PAID], found)
    assert series.points[0].absolute is None
    assert series.points[0].treatment.n == 5


def test_days_are_plotted_as_far_as_the_window_and_the_phase_go() -> None:
    assert days_to_plot(PHASE, PAID, START + timedelta(days=30)) == 7
    assert days_to_plot(PHASE, PAID, START + timedelta(days=3, hours=5)) == 3
    assert days_to_plot(PHASE, PAID, START + timedelta(hours=5)) is None
    long = replace(PAID, window_days=200)
    assert days_to_plot(PHASE, long, START + timedelta(days=300)) == MAX_DAYS


def test_metrics_that_do_not_add_up_by_day_are_left_out() -> None:
    quantile = metric("wait", kind=MetricKind.QUANTILE, role=MetricRole.SECONDARY)
    guard = metric("tickets", role=MetricRole.GUARDRAIL)
    other = metric("visits", role=MetricRole.SECONDARY)
    phase = design(other, quantile, guard, PAID)
    assert [each.key for each in plotted(phase)] == ["paid", "tickets", "visits"]


def test_a_funnels_depth_is_compared_by_day_and_by_cohort() -> None:
    way = metric("way", kind=MetricKind.FUNNEL, role=MetricRole.SECONDARY)
    phase = design(PAID, way)
    assert plotted(phase) == (PAID, way)
    depths = [
        DayState(arm, way.metric_id, date(2026, 3, 2), sums, None)
        for arm, sums in (
            ("control", Sums(n=400, y=500, yy=900)),
            ("sixty", Sums(n=400, y=600, yy=1_200)),
        )
    ]
    (series,) = cohorts(phase, [way], depths)
    assert series.points[0].absolute == pytest.approx(0.25)


def test_series_read_back_as_they_were_written() -> None:
    found = [SinceExposure(a, 0, conversions(100, 30)) for a in ("control", "sixty")]
    series = since_exposure(PHASE, PAID, found)
    assert series_from(series_document(series)) == series
