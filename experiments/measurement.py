"""What a metric is made of, and which parts fit together."""

from dataclasses import dataclass

from experiments.design import (
    MAX_UNIT_TOTAL,
    STEPS_PER_UNIT,
    Direction,
    MetricKind,
    SourceValue,
)
from experiments.errors import MetricInvalid

MAX_WINDOW_DAYS = 365
NAME_LENGTH = 200
UNIT_LENGTH = 40

BUILT = frozenset(
    {
        MetricKind.CONVERSION,
        MetricKind.COUNT,
        MetricKind.SUM,
        MetricKind.MEAN,
        MetricKind.RATIO,
        MetricKind.RETENTION,
    }
)
"""Kinds that can be computed; the others are names kept for later."""

_COUNTED = frozenset({MetricKind.CONVERSION, MetricKind.COUNT, MetricKind.RETENTION})
_SUMMED = frozenset({MetricKind.SUM, MetricKind.MEAN})
_BINARY = frozenset({MetricKind.CONVERSION, MetricKind.RETENTION})


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
    unit: str = ""


def check_metric(spec: MetricSpec) -> None:
    """Refuse parts that do not fit.

    Raises:
        MetricInvalid: The first part that does not, by `path`.
    """
    _check_names(spec)
    if spec.kind not in BUILT:
        raise _refused(f"{spec.kind} cannot be computed yet.", "kind")
    _check_sources(spec)
    _check_window(spec)
    _check_cap(spec)


def _check_names(spec: MetricSpec) -> None:
    if not 0 < len(spec.name.strip()) <= NAME_LENGTH:
        raise _refused(f"A name has 1 to {NAME_LENGTH} characters.", "name")
    if not 0 < len(spec.event_name) <= NAME_LENGTH:
        raise _refused(f"An event has 1 to {NAME_LENGTH} characters.", "eventName")
    if len(spec.unit) > UNIT_LENGTH:
        raise _refused(f"A unit has at most {UNIT_LENGTH} characters.", "unit")
    if not 1 <= spec.steps <= STEPS_PER_UNIT:
        raise _refused(f"A unit has 1 to {STEPS_PER_UNIT} steps.", "steps")


def _check_sources(spec: MetricSpec) -> None:
    if spec.kind in _COUNTED and spec.value is not SourceValue.ONE:
        raise _refused(f"{spec.kind} counts events, not values.", "value")
    if spec.kind in _SUMMED and spec.value is not SourceValue.VALUE:
        raise _refused(f"{spec.kind} adds up values.", "value")
    has_denominator = spec.denominator_event is not None
    if has_denominator is not (spec.kind is MetricKind.RATIO):
        raise _refused("A RATIO, and no other, has a denominator.", "denominatorEvent")
    if has_denominator is not (spec.denominator_value is not None):
        raise _refused("Say what the denominator adds.", "denominatorValue")
    if not 0 < len(spec.denominator_event or "-") <= NAME_LENGTH:
        raise _refused(
            f"An event has 1 to {NAME_LENGTH} characters.", "denominatorEvent"
        )


def _check_window(spec: MetricSpec) -> None:
    if not 1 <= spec.window_days <= MAX_WINDOW_DAYS:
        raise _refused(f"A window has 1 to {MAX_WINDOW_DAYS} days.", "windowDays")
    if not 0 <= spec.delay_days <= MAX_WINDOW_DAYS:
        raise _refused(f"A delay has 0 to {MAX_WINDOW_DAYS} days.", "delayDays")
    has_day = spec.retention_day is not None
    if has_day is not (spec.kind is MetricKind.RETENTION):
        raise _refused("RETENTION, and no other, is of a day.", "retentionDay")
    if not 0 <= (spec.retention_day or 0) <= MAX_WINDOW_DAYS:
        raise _refused(f"A day is 0 to {MAX_WINDOW_DAYS}.", "retentionDay")


def _check_cap(spec: MetricSpec) -> None:
    if spec.kind in _BINARY and (spec.cap, spec.cap_quantile) != (None, None):
        raise _refused("What is 0 or 1 needs no cap.", "cap")
    if spec.cap is not None and spec.cap_quantile is not None:
        raise _refused("A cap is a number or a quantile, not both.", "capQuantile")
    if spec.cap is not None and not 0 < spec.cap <= MAX_UNIT_TOTAL:
        raise _refused("The cap is out of bounds.", "cap")
    if spec.cap_quantile is not None and not 0.5 <= spec.cap_quantile < 1:
        raise _refused("A quantile is .5 or more, and below 1.", "capQuantile")


def _refused(message: str, part: str) -> MetricInvalid:
    return MetricInvalid(message, path=(part,))
