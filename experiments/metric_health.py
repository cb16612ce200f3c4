"""Whether a metric can be relied on: fresh, whole, varying; and where to cap it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

from experiments.design import MetricDesign, SourceValue, UnitKind
from experiments.events.errors import TooManyRows
from experiments.events.log import EventLog
from experiments.events.studies import HistoryValues, SourceHealth
from experiments.measurement_parts import CAPPED
from experiments.statistics.errors import NoisyDenominator
from experiments.statistics.moments import pair_sample, sample
from experiments.statistics.ratios import ratio

DAY = timedelta(days=1)
DAYS_SHOWN = 14
HISTORY = timedelta(days=28)
"""How far back the units' values are read; further for a metric with a long window."""
FRESH = timedelta(hours=24)
TOLERATED = 0.01
"""The share of events that may lack an id or a value before it is said."""
UNITS_READ = 20_000
UNITS_READ_FOR_CAP = 100_000
CAP_QUANTILE = 0.999


class HealthCode(StrEnum):
    """What is wrong with a metric."""

    NO_EVENTS = "NO_EVENTS"
    STALE = "STALE"
    MISSING_UNIT_ID = "MISSING_UNIT_ID"
    MISSING_VALUE = "MISSING_VALUE"
    NO_VARIANCE = "NO_VARIANCE"
    DENOMINATOR_NEAR_ZERO = "DENOMINATOR_NEAR_ZERO"


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """One thing that is wrong, for programs and for people."""

    code: HealthCode
    message: str


@dataclass(frozen=True, slots=True)
class DayOfEvents:
    """How many events one whole UTC day had."""

    day: datetime
    events: int


@dataclass(frozen=True, slots=True)
class UnitSummary:
    """Units' values in the metric's own unit; for a ratio the ratio of their totals."""

    units: int
    """Units whose window lies wholly inside the history, read or not."""
    mean: float | None
    variance: float | None
    """Of one unit's value; for a ratio its linearised one's."""
    zero_share: float | None
    near_zero: bool
    """Whether a ratio's denominator is too close to zero to divide by."""


@dataclass(frozen=True, slots=True)
class MetricHealth:
    """A metric's events and values in one environment, as of an instant."""

    events: int
    """In the last DAYS_SHOWN whole UTC days and today."""
    last_event_at: datetime | None
    age: timedelta | None
    days: tuple[DayOfEvents, ...]
    """The last DAYS_SHOWN whole UTC days, those without an event too."""
    without_unit_id: float | None
    without_value: float | None
    seasonality: float | None
    """The busiest weekday's events by the quietest one's; None if one has none."""
    values: UnitSummary
    warnings: tuple[HealthWarning, ...]


async def metric_health(
    log: EventLog,
    metric: MetricDesign,
    *,
    environment_id: UUID,
    unit: UnitKind,
    now: datetime,
) -> MetricHealth:
    """Read what came of a metric's events lately, and what its values were."""
    (found,) = await metric_healths(
        log, [metric], environment_id=environment_id, unit=unit, now=now
    )
    return found


async def metric_healths(
    log: EventLog,
    metrics: Sequence[MetricDesign],
    *,
    environment_id: UUID,
    unit: UnitKind,
    now: datetime,
) -> tuple[MetricHealth, ...]:
    """The same of many metrics: their events are read at once, units by window."""
    sources = list(dict.fromkeys(each.numerator for each in metrics))
    read = await log.studies.source_healths(
        environment_id, sources, since=_midnight(now) - DAYS_SHOWN * DAY, until=now
    )
    by_source = dict(zip(sources, read, strict=True))
    values = await _histories(log, metrics, environment_id, unit, now, limit=UNITS_READ)
    return tuple(
        _told(each, unit, by_source[each.numerator], found, now)
        for each, found in zip(metrics, values, strict=True)
    )


def _told(
    metric: MetricDesign,
    unit: UnitKind,
    source: SourceHealth,
    found: HistoryValues,
    now: datetime,
) -> MetricHealth:
    values, days = _summary(metric, found), _whole_days(source, _midnight(now))
    missing = (
        source.without_account if unit is UnitKind.ACCOUNT else source.without_person
    )
    without_id = missing / source.events if source.events else None
    without_value = source.without_value / source.events if source.events else None
    if metric.numerator.value is SourceValue.ONE:
        without_value = None
    name = metric.numerator.event_name
    age = None if source.last_event_at is None else now - source.last_event_at
    return MetricHealth(
        events=source.events,
        last_event_at=source.last_event_at,
        age=age,
        days=days,
        without_unit_id=without_id,
        without_value=without_value,
        seasonality=_seasonality(days),
        values=values,
        warnings=(
            *_unfresh(name, age),
            *_unwhole(name, unit, without_id, without_value),
            *_unfit(values),
        ),
    )


async def proposed_cap(
    log: EventLog,
    metric: MetricDesign,
    *,
    environment_id: UUID,
    unit: UnitKind,
    now: datetime,
) -> int | None:
    """The pooled p99.9 of unit totals, in steps; None where it would cut nothing.

    The `higher` order statistic, zeros included, of windows wholly in the history.
    """
    (found,) = await proposed_caps(
        log, [metric], environment_id=environment_id, unit=unit, now=now
    )
    return found


async def proposed_caps(
    log: EventLog,
    metrics: Sequence[MetricDesign],
    *,
    environment_id: UUID,
    unit: UnitKind,
    now: datetime,
) -> tuple[int | None, ...]:
    """The same of many metrics, whose units are read by window."""
    able = [each for each in metrics if each.kind in CAPPED]
    found = await _histories(
        log, able, environment_id, unit, now, limit=UNITS_READ_FOR_CAP
    )
    caps = {
        each.metric_id: values.quantile(CAP_QUANTILE)
        for each, values in zip(able, found, strict=True)
    }
    return tuple(
        cap if (cap := caps.get(each.metric_id)) and cap > 0 else None
        for each in metrics
    )


async def _histories(
    log: EventLog,
    metrics: Sequence[MetricDesign],
    environment_id: UUID,
    unit: UnitKind,
    now: datetime,
    *,
    limit: int,
) -> tuple[HistoryValues, ...]:
    """In the metrics' order; those whose windows close together are read at once."""
    together: dict[timedelta, list[int]] = defaultdict(list)
    for place, metric in enumerate(metrics):
        together[metric.closes_after].append(place)
    found: dict[int, HistoryValues] = {}
    for closes_after, places in together.items():
        study = partial(
            log.studies.histories,
            environment_id,
            unit,
            since=now - max(HISTORY, closes_after + timedelta(weeks=1)),
            until=now,
            limit=limit,
        )
        try:
            read = await study([metrics[place] for place in places])
        except TooManyRows:
            # Together they have more events than may be read; alone each may not.
            alone = [await study([metrics[place]]) for place in places]
            read = tuple(each for (each,) in alone)
        found |= dict(zip(places, read, strict=True))
    return tuple(found[place] for place in range(len(metrics)))


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), time(), tzinfo=now.tzinfo)


def _summary(metric: MetricDesign, found: HistoryValues) -> UnitSummary:
    y, d = [int(each) for each in found.y], [int(each) for each in found.d]
    units = len(y)
    if units < 2:
        return UnitSummary(found.population, None, None, None, near_zero=False)
    zeros = y.count(0) / units
    if not metric.is_ratio:
        plain = sample(
            n=units,
            total=sum(y),
            squares=sum(each * each for each in y),
            steps=metric.numerator_steps,
        )
        return UnitSummary(
            found.population, plain.mean, plain.variance, zeros, near_zero=False
        )
    pairs = pair_sample(
        n=units,
        numerator=sum(y),
        numerator_squares=sum(each * each for each in y),
        denominator=sum(d),
        denominator_squares=sum(each * each for each in d),
        products=sum(a * b for a, b in zip(y, d, strict=True)),
        numerator_steps=metric.numerator_steps,
        denominator_steps=metric.denominator_steps,
    )
    try:
        whole = ratio(pairs)
    except NoisyDenominator:
        return UnitSummary(found.population, None, None, zeros, near_zero=True)
    return UnitSummary(
        found.population, whole.value, whole.variance * units, zeros, near_zero=False
    )


def _whole_days(source: SourceHealth, midnight: datetime) -> tuple[DayOfEvents, ...]:
    counts = {each.day: each.events for each in source.days}
    days = [midnight - back * DAY for back in range(DAYS_SHOWN, 0, -1)]
    return tuple(DayOfEvents(day, counts.get(day, 0)) for day in days)


def _seasonality(days: Sequence[DayOfEvents]) -> float | None:
    weekdays = [0] * 7
    for each in days:
        weekdays[each.day.weekday()] += each.events
    return max(weekdays) / min(weekdays) if min(weekdays) else None


def _unfresh(name: str, age: timedelta | None) -> list[HealthWarning]:
    if age is None:
        message = f"No {name} came in the last {DAYS_SHOWN} days."
        return [HealthWarning(HealthCode.NO_EVENTS, message)]
    if age > FRESH:
        hours = age // timedelta(hours=1)
        message = f"The last {name} came {hours} hours ago."
        return [HealthWarning(HealthCode.STALE, message)]
    return []


def _unwhole(
    name: str, unit: UnitKind, without_id: float | None, without_value: float | None
) -> list[HealthWarning]:
    told: list[HealthWarning] = []
    if without_id is not None and without_id > TOLERATED:
        whose = "account" if unit is UnitKind.ACCOUNT else "user or visitor"
        message = f"{without_id:.1%} of {name} events name no {whose}."
        told.append(HealthWarning(HealthCode.MISSING_UNIT_ID, message))
    if without_value is not None and without_value > TOLERATED:
        message = f"{without_value:.1%} of {name} events have no value."
        told.append(HealthWarning(HealthCode.MISSING_VALUE, message))
    return told


def _unfit(values: UnitSummary) -> list[HealthWarning]:
    if values.near_zero:
        message = "The denominator's mean is less than five standard errors from zero."
        return [HealthWarning(HealthCode.DENOMINATOR_NEAR_ZERO, message)]
    if values.variance == 0:
        message = "Every unit has the same value: no difference could show."
        return [HealthWarning(HealthCode.NO_VARIANCE, message)]
    return []
