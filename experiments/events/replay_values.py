"""Values by the plain definition: what a unit's events add up to in one metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from experiments.design import (
    MAX_UNIT_TOTAL,
    MetricDesign,
    MetricKind,
    Source,
    SourceValue,
)
from experiments.events.replay_properties import number, passes, texts
from experiments.events.replay_units import LoggedEvent, Unit
from experiments.events.store import MILLISECOND

_EXACT = Context(prec=60)
_BLOCK = 86_400_000
_WEEK = 7 * _BLOCK
_BY_EVENT = frozenset({MetricKind.CADENCE, MetricKind.FUNNEL, MetricKind.TIME_TO_EVENT})
_TOTALS = frozenset(
    {MetricKind.SUM, MetricKind.MEAN, MetricKind.RATIO, MetricKind.QUANTILE}
)


@dataclass(frozen=True, slots=True)
class Before:
    """A unit's value over the days before exposure, and whether it has no history."""

    x: int = 0
    w: int = 0
    m: int = 0


def value_of(
    metric: MetricDesign, unit: Unit, events: Sequence[LoggedEvent]
) -> tuple[int, int]:
    """A unit's (y, d) from its person's events."""
    inside = _inside(metric, unit, [] if unit.linked else events)
    if metric.kind in _BY_EVENT:
        return _detail(metric, unit, inside), 0
    steps = _steps(metric, metric.numerator, inside)
    y, d = sum(steps), 0
    if metric.kind is MetricKind.MEAN:
        d = len(steps)
    elif metric.kind is MetricKind.RATIO and metric.denominator is not None:
        d = sum(_steps(metric, metric.denominator, inside))
    elif metric.kind is MetricKind.COUNT:
        y = len(steps)
    elif metric.is_binary:
        y = int(bool(steps))
    return y, d


def _detail(metric: MetricDesign, unit: Unit, inside: Sequence[LoggedEvent]) -> int:
    """Weeks with an event, steps done, or the block of the first event."""
    if metric.kind is MetricKind.FUNNEL:
        return _depth(metric, inside)
    instants = _instants(metric, unit, inside)
    if metric.kind is MetricKind.CADENCE:
        return len({since // _WEEK for since in instants})
    return min(instants) // _BLOCK if instants else blocks(metric)


def before(
    metric: MetricDesign,
    unit: Unit,
    events: Sequence[LoggedEvent],
    lookback: int,
) -> Before:
    """What is known of a unit before its exposure; nothing without a lookback."""
    if not lookback:
        return Before()
    since = unit.exposed_at - lookback
    known = not unit.linked and any(event.occurred_at < since for event in events)
    if not known:
        return Before(m=1)
    earlier = [
        event for event in events if since <= event.occurred_at < unit.exposed_at
    ]
    steps = _steps(metric, metric.numerator, earlier)
    x, w = len(steps), 0
    if metric.kind in _TOTALS:
        x = sum(steps)
    elif metric.kind is not MetricKind.COUNT:
        x = int(bool(steps))
    if metric.kind is MetricKind.MEAN:
        w = len(steps)
    elif metric.kind is MetricKind.RATIO and metric.denominator is not None:
        w = sum(_steps(metric, metric.denominator, earlier))
    x, w = (max(-MAX_UNIT_TOTAL, min(MAX_UNIT_TOTAL, part)) for part in (x, w))
    return Before(x if metric.cap is None else min(x, metric.cap), w)


def first_block(
    metric: MetricDesign, unit: Unit, events: Sequence[LoggedEvent]
) -> int | None:
    """The 24-hour block of the first event within the window; None without one."""
    if unit.linked:
        return None
    instants = _instants(metric, unit, _inside(metric, unit, events))
    return min(instants) // _BLOCK if instants else None


def blocks(metric: MetricDesign) -> int:
    """The 24-hour blocks of a metric's window."""
    return (metric.closes_after - metric.opens_after) // MILLISECOND // _BLOCK


def _inside(
    metric: MetricDesign, unit: Unit, events: Sequence[LoggedEvent]
) -> list[LoggedEvent]:
    opens_after = metric.opens_after // MILLISECOND
    closes_after = metric.closes_after // MILLISECOND
    return [
        event
        for event in events
        if opens_after <= event.occurred_at - unit.exposed_at < closes_after
    ]


def _instants(
    metric: MetricDesign, unit: Unit, inside: Sequence[LoggedEvent]
) -> list[int]:
    """When the numerator's events came, in milliseconds since the window opened."""
    opened = unit.exposed_at + metric.opens_after // MILLISECOND
    return [
        event.occurred_at - opened
        for event in inside
        if _adds(metric, metric.numerator, event) is not None
    ]


def _depth(metric: MetricDesign, inside: Sequence[LoggedEvent]) -> int:
    """How many steps were done, each at or after the one before it."""
    reached = -1
    for depth, source in enumerate((metric.numerator, *metric.later_steps)):
        instants = [
            event.occurred_at
            for event in inside
            if event.occurred_at >= reached and _adds(metric, source, event) is not None
        ]
        if not instants:
            return depth
        reached = min(instants)
    return 1 + len(metric.later_steps)


def _steps(
    metric: MetricDesign, source: Source, events: Sequence[LoggedEvent]
) -> list[int]:
    added = (_adds(metric, source, event) for event in events)
    return [steps for steps in added if steps is not None]


def _adds(metric: MetricDesign, source: Source, event: LoggedEvent) -> int | None:
    """What one event adds to a source, rounded once, half to even."""
    if event.name != source.event_name or not passes(source, event.properties):
        return None
    if source.value is SourceValue.ONE:
        return 1
    if source.property is None:
        value = None if event.value is None else Decimal(event.value)
    else:
        value = number(texts(event.properties).get(source.property))
    if value is None:
        return None
    scaled = _EXACT.multiply(value, Decimal(metric.steps))
    return int(scaled.to_integral_value(ROUND_HALF_EVEN, _EXACT))
