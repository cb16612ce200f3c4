"""What a metric is made of, and which parts fit together."""

from dataclasses import dataclass, fields
from typing import Any

import msgspec

from experiments.design import (
    STEPS_PER_UNIT,
    Direction,
    MetricKind,
    SourceFilter,
    SourceValue,
)
from experiments.measurement_parts import (
    MAX_UNITS,
    MAX_WINDOW_DAYS,
    NAME_LENGTH,
    UNIT_LENGTH,
    check_cap,
    check_filters,
    check_property,
    check_steps_of_a_funnel,
    refused,
)

MAX_WEEKS = 52

_COUNTED = frozenset(
    {
        MetricKind.CONVERSION,
        MetricKind.COUNT,
        MetricKind.RETENTION,
        MetricKind.CADENCE,
        MetricKind.TIME_TO_EVENT,
        MetricKind.FUNNEL,
    }
)
_SUMMED = frozenset({MetricKind.SUM, MetricKind.MEAN})


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """How a metric is computed; `cap` is in steps (counts, where events count)."""

    name: str
    kind: MetricKind
    event_name: str
    direction: Direction
    value: SourceValue = SourceValue.ONE
    denominator_event: str | None = None
    denominator_value: SourceValue | None = None
    window_days: int = 7
    delay_days: int = 0
    retention_day: int | None = None
    cap: int | None = None
    cap_quantile: float | None = None
    steps: int = STEPS_PER_UNIT
    """Fixed-point steps in one `unit`: 100 keeps an amount of euros in whole cents."""
    unit: str = ""
    filters: tuple[SourceFilter, ...] = ()
    """Which of `event_name`'s events count: those that pass them all."""
    value_property: str | None = None
    """The property that VALUE reads; None reads the event's own value."""
    retention_span: int = 1
    weeks: int | None = None
    quantile: float | None = None
    later_steps: tuple[str, ...] = ()
    """The events of a FUNNEL's second and later steps, in order."""
    minimum_units: int | None = None


def columns_of(spec: MetricSpec) -> dict[str, Any]:
    """The spec as a metric's row keeps it."""
    columns = {each.name: getattr(spec, each.name) for each in fields(spec)}
    columns["filters"] = msgspec.json.decode(msgspec.json.encode(spec.filters))
    columns["later_steps"] = list(spec.later_steps)
    return columns


def check_metric(spec: MetricSpec) -> None:
    """Refuse parts that do not fit.

    Raises:
        MetricInvalid: The first part that does not, by `path`.
    """
    _check_names(spec)
    _check_sources(spec)
    check_filters(spec.filters)
    check_property(spec.value, spec.value_property)
    _check_window(spec)
    _check_blocks(spec)
    check_steps_of_a_funnel(spec.kind, spec.event_name, spec.later_steps)
    check_cap(spec.kind, spec.cap, spec.cap_quantile)
    _check_minimum(spec)


def _check_names(spec: MetricSpec) -> None:
    if not 0 < len(spec.name.strip()) <= NAME_LENGTH:
        raise refused(f"A name has 1 to {NAME_LENGTH} characters.", "name")
    if not 0 < len(spec.event_name) <= NAME_LENGTH:
        raise refused(f"An event has 1 to {NAME_LENGTH} characters.", "eventName")
    if len(spec.unit) > UNIT_LENGTH:
        raise refused(f"A unit has at most {UNIT_LENGTH} characters.", "unit")
    if not 1 <= spec.steps <= STEPS_PER_UNIT:
        raise refused(f"A unit has 1 to {STEPS_PER_UNIT} steps.", "steps")


def _check_sources(spec: MetricSpec) -> None:
    if spec.kind in _COUNTED and spec.value is not SourceValue.ONE:
        raise refused(f"{spec.kind} counts events, not values.", "value")
    if spec.kind in _SUMMED and spec.value is not SourceValue.VALUE:
        raise refused(f"{spec.kind} adds up values: set it to VALUE.", "value")
    has_denominator = spec.denominator_event is not None
    if has_denominator is not (spec.kind is MetricKind.RATIO):
        raise refused("A RATIO, and no other, has a denominator.", "denominatorEvent")
    if has_denominator is not (spec.denominator_value is not None):
        raise refused("Say what the denominator adds.", "denominatorValue")
    if not 0 < len(spec.denominator_event or "-") <= NAME_LENGTH:
        raise refused(
            f"An event has 1 to {NAME_LENGTH} characters.", "denominatorEvent"
        )


def _check_window(spec: MetricSpec) -> None:
    if not 1 <= spec.window_days <= MAX_WINDOW_DAYS:
        raise refused(f"A window has 1 to {MAX_WINDOW_DAYS} days.", "windowDays")
    if not 0 <= spec.delay_days <= MAX_WINDOW_DAYS:
        raise refused(f"A delay has 0 to {MAX_WINDOW_DAYS} days.", "delayDays")
    has_day = spec.retention_day is not None
    if has_day is not (spec.kind is MetricKind.RETENTION):
        raise refused("RETENTION, and no other, is of a day.", "retentionDay")
    if not 0 <= (spec.retention_day or 0) <= MAX_WINDOW_DAYS:
        raise refused(f"A day is 0 to {MAX_WINDOW_DAYS}.", "retentionDay")


def _check_blocks(spec: MetricSpec) -> None:
    """The parts that belong to one kind: a bracket of days, weeks, a quantile."""
    if spec.retention_span != 1 and spec.kind is not MetricKind.RETENTION:
        raise refused("RETENTION, and no other, spans days.", "retentionSpan")
    if not 1 <= spec.retention_span <= MAX_WINDOW_DAYS:
        raise refused(f"A span has 1 to {MAX_WINDOW_DAYS} days.", "retentionSpan")
    if (spec.weeks is not None) is not (spec.kind is MetricKind.CADENCE):
        raise refused("CADENCE, and no other, is of a number of weeks.", "weeks")
    if spec.weeks is not None and not 1 <= spec.weeks <= MAX_WEEKS:
        raise refused(f"There are 1 to {MAX_WEEKS} weeks.", "weeks")
    if (spec.quantile is not None) is not (spec.kind is MetricKind.QUANTILE):
        raise refused("QUANTILE, and no other, is of a quantile.", "quantile")
    if spec.quantile is not None and not 0 < spec.quantile < 1:
        raise refused("A quantile is above 0 and below 1.", "quantile")


def _check_minimum(spec: MetricSpec) -> None:
    if spec.minimum_units is not None and not 2 <= spec.minimum_units <= MAX_UNITS:
        raise refused(f"An arm has 2 to {MAX_UNITS:,} units.", "minimumUnits")
