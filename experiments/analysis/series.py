"""How an effect came about: by day since exposure, and by day of exposure.

Both are read when a look is taken and kept with it: between looks nobody sees them
move. They are unadjusted, uncapped by day since exposure, and decide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from experiments.analysis.attempts import compared, treatments
from experiments.analysis.estimates import ArmEstimate
from experiments.analysis.impact import Reach
from experiments.design import MetricDesign, MetricKind, MetricRole, PhaseDesign
from experiments.events.state import DayState, Sums
from experiments.events.study_curves import SinceExposure

MAX_METRICS = 8
MAX_DAYS = 60
"""Days since exposure that are read at most."""
MAX_COHORTS = 400
"""Days of exposure that are kept at most: the last ones."""

CONFIDENCE = 0.95

_READ = frozenset(
    {
        MetricKind.CONVERSION,
        MetricKind.COUNT,
        MetricKind.SUM,
        MetricKind.MEAN,
        MetricKind.RATIO,
        MetricKind.RETENTION,
        MetricKind.CADENCE,
        MetricKind.TIME_TO_EVENT,
        MetricKind.FUNNEL,
    }
)
_ORDER = (MetricRole.PRIMARY, MetricRole.GUARDRAIL, MetricRole.SECONDARY)
_DAY = timedelta(days=1)


class SeriesKind(StrEnum):
    """What the points of a series are apart in."""

    SINCE_EXPOSURE = "SINCE_EXPOSURE"
    """24-hour blocks since exposure, over the units observed to the last of them."""
    COHORTS = "COHORTS"
    """UTC days of first exposure, each over its own matured units."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One arm against the control on one day, at a confidence of 95%."""

    day: int
    """From 0: since exposure, or since the phase's first UTC day."""
    control: ArmEstimate
    treatment: ArmEstimate
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    date: str | None = None
    """The UTC day, of a cohort."""


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one metric in one arm, in order."""

    kind: SeriesKind
    metric_key: str
    arm: str
    points: tuple[SeriesPoint, ...]


@dataclass(frozen=True, slots=True)
class Studied:
    """What studies of the log said when a look was taken."""

    reach: Reach | None = None
    series: tuple[Series, ...] = ()


def plotted(design: PhaseDesign) -> tuple[MetricDesign, ...]:
    """The metrics whose days are read: those that decide first.

    A FUNNEL's value is how many of its steps were done by then; only the way from
    exposure to a step is randomised.
    """
    ordered = sorted(design.metrics, key=lambda m: _ORDER.index(m.role))
    return tuple(m for m in ordered if m.kind in _READ)[:MAX_METRICS]


def days_to_plot(
    design: PhaseDesign, metric: MetricDesign, until: datetime
) -> int | None:
    """How many days since exposure can be plotted; None before the first is over."""
    observed = (until - design.started_at) // _DAY
    window = -(-metric.closes_after // _DAY)
    days = min(window, observed, MAX_DAYS)
    return days if days >= 1 else None


def since_exposure(
    design: PhaseDesign, metric: MetricDesign, found: Sequence[SinceExposure]
) -> tuple[Series, ...]:
    """The value so far of every treatment arm beside the control's."""
    by_arm: dict[str, dict[int, Sums]] = {}
    for each in found:
        by_arm.setdefault(each.arm, {})[each.day] = each.sums
    return _series(SeriesKind.SINCE_EXPOSURE, design, metric, by_arm, None)


def cohorts(
    design: PhaseDesign, metrics: Iterable[MetricDesign], found: Sequence[DayState]
) -> tuple[Series, ...]:
    """The effect among those first exposed on each day."""
    first = min((each.day for each in found), default=None)
    series: list[Series] = []
    for metric in metrics:
        by_arm: dict[str, dict[int, Sums]] = {}
        for each in found:
            if each.metric_id == metric.metric_id and first is not None:
                sums = each.raw if each.capped is None else each.capped
                by_arm.setdefault(each.arm, {})[(each.day - first).days] = sums
        series += _series(SeriesKind.COHORTS, design, metric, by_arm, first)
    return tuple(series)


def series_document(series: Sequence[Series]) -> list[Any]:
    """Series as JSON."""
    document: list[Any] = msgspec.to_builtins(series)
    return document


def series_from(document: Any) -> tuple[Series, ...]:
    """The series that `series_document` wrote."""
    return msgspec.convert(document, tuple[Series, ...])


def _series(
    kind: SeriesKind,
    design: PhaseDesign,
    metric: MetricDesign,
    by_arm: Mapping[str, Mapping[int, Sums]],
    first: date | None,
) -> tuple[Series, ...]:
    control = by_arm.get(design.control.key, {})
    found = []
    for arm in treatments(design):
        treatment = by_arm.get(arm.key, {})
        days = sorted({*control, *treatment})[-MAX_COHORTS:]
        points = tuple(
            _point(
                metric,
                day,
                control.get(day, Sums()),
                treatment.get(day, Sums()),
                None if first is None else (first + day * _DAY).isoformat(),
            )
            for day in days
        )
        found.append(Series(kind, metric.key, arm.key, points))
    return tuple(found)


def _point(
    metric: MetricDesign, day: int, control: Sums, treatment: Sums, shown: str | None
) -> SeriesPoint:
    reading = compared(metric, control, treatment).at(CONFIDENCE)
    return SeriesPoint(
        day=day,
        control=reading.control,
        treatment=reading.treatment,
        absolute=reading.absolute,
        low=reading.low,
        high=reading.high,
        date=shown,
    )
