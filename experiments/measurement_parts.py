"""The bounds of a metric's parts: filters, a property, a funnel's steps, a cap."""

import math
import re
from collections.abc import Sequence

from experiments.design import (
    MAX_UNIT_TOTAL,
    FilterOperator,
    MetricKind,
    SourceFilter,
    SourceValue,
)
from experiments.errors import MetricInvalid

MAX_WINDOW_DAYS = 365
NAME_LENGTH = 200
UNIT_LENGTH = 40
MAX_UNITS = 10_000_000
MAX_FILTERS = 8
MAX_FILTER_VALUES = 50
MAX_LATER_STEPS = 9
MAX_BOUND = 10**9
"""What a filter may compare a number with, up to: the largest value of an event."""

CAPPED = frozenset(
    {MetricKind.COUNT, MetricKind.SUM, MetricKind.MEAN, MetricKind.RATIO}
)
"""Kinds whose unit totals are sums that one unit could run up without end."""

_PROPERTY = re.compile(r"[A-Za-z0-9_.$-]{1,128}")
_NUMBER = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,18})?")
_LISTED = frozenset({FilterOperator.IN, FilterOperator.NOT_IN})
_COMPARED = frozenset({FilterOperator.AT_LEAST, FilterOperator.AT_MOST})


def refused(message: str, *parts: str) -> MetricInvalid:
    """The refusal of one part, by its name in the API."""
    return MetricInvalid(message, path=parts)


def check_filters(filters: Sequence[SourceFilter]) -> None:
    """Refuse a condition that no event could be held to.

    Raises:
        MetricInvalid: The first one, by its place.
    """
    if len(filters) > MAX_FILTERS:
        raise refused(f"At most {MAX_FILTERS} filters.", "filters")
    for place, each in enumerate(filters):
        at = ("filters", str(place))
        if not _PROPERTY.fullmatch(each.property):
            raise refused("That is the name of no property.", *at, "property")
        message = _values_refused(each)
        if message is not None:
            raise refused(message, *at, "values")


def check_property(value: SourceValue, property_name: str | None) -> None:
    """Refuse a property that nothing reads, or that no event can have.

    Raises:
        MetricInvalid: `valueProperty`.
    """
    if property_name is None:
        return
    if value is not SourceValue.VALUE:
        raise refused("A property is read where events add VALUE.", "valueProperty")
    if not _PROPERTY.fullmatch(property_name):
        raise refused("That is the name of no property.", "valueProperty")


def check_steps_of_a_funnel(
    kind: MetricKind, first: str, later_steps: Sequence[str]
) -> None:
    """Refuse steps of what is no funnel, none of one that is, and repeated ones.

    Raises:
        MetricInvalid: `laterSteps`.
    """
    if bool(later_steps) is not (kind is MetricKind.FUNNEL):
        raise refused("A FUNNEL, and no other, has later steps.", "laterSteps")
    if len(later_steps) > MAX_LATER_STEPS:
        raise refused(f"At most {MAX_LATER_STEPS} later steps.", "laterSteps")
    for place, name in enumerate(later_steps):
        at = ("laterSteps", str(place))
        if not 0 < len(name) <= NAME_LENGTH:
            raise refused(f"An event has 1 to {NAME_LENGTH} characters.", *at)
        # One event would do both steps, and a unit's depth would say nothing.
        if name == first or name in later_steps[:place]:
            raise refused(f"{name} is a step already.", *at)


def check_cap(kind: MetricKind, cap: int | None, cap_quantile: float | None) -> None:
    """Refuse a cap out of bounds, or of what needs none.

    Raises:
        MetricInvalid: `cap` or `capQuantile`.
    """
    if kind not in CAPPED and (cap, cap_quantile) != (None, None):
        raise refused(f"{kind} needs no cap.", "cap")
    if cap is not None and cap_quantile is not None:
        raise refused("A cap is a number or a quantile, not both.", "capQuantile")
    if cap is not None and not 0 < cap <= MAX_UNIT_TOTAL:
        raise refused("The cap is out of bounds.", "cap")
    if cap_quantile is not None and not 0.5 <= cap_quantile < 1:
        raise refused("A quantile is .5 or more, and below 1.", "capQuantile")


def _values_refused(condition: SourceFilter) -> str | None:
    values = condition.values
    if condition.operator in _LISTED:
        if not 0 < len(values) <= MAX_FILTER_VALUES:
            return f"List 1 to {MAX_FILTER_VALUES} values."
        if any(len(value) > NAME_LENGTH for value in values):
            return f"A value has at most {NAME_LENGTH} characters."
    elif condition.operator in _COMPARED:
        if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
            return "Give one number, such as 2.5."
        if not math.fabs(float(values[0])) <= MAX_BOUND:
            return f"A number is within -{MAX_BOUND} and {MAX_BOUND}."
    elif values:
        return "EXISTS takes no values."
    return None
