"""Which parts of a metric fit together."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.design import (
    Direction,
    FilterOperator,
    MetricKind,
    SourceFilter,
    SourceValue,
)
from experiments.errors import MetricInvalid
from experiments.measurement import MetricSpec, check_metric, columns_of

COUNT = MetricSpec(
    name="Reports",
    kind=MetricKind.COUNT,
    event_name="report",
    direction=Direction.INCREASE,
)
VALUE = {"value": SourceValue.VALUE}
RATIO = {
    "kind": MetricKind.RATIO,
    "denominator_event": "visit",
    "denominator_value": SourceValue.ONE,
}
CADENCE = {"kind": MetricKind.CADENCE, "weeks": 4}
QUANTILE = {"kind": MetricKind.QUANTILE, "quantile": 0.9}
FUNNEL: dict[str, Any] = {"kind": MetricKind.FUNNEL, "later_steps": ("cart", "paid")}


def only(operator: FilterOperator, *values: str, name: str = "plan") -> dict[str, Any]:
    """One condition."""
    return {"filters": (SourceFilter(name, operator, values),)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": MetricKind.CONVERSION},
        {"kind": MetricKind.SUM, **VALUE, "cap": 10_000_000, "unit": "EUR"},
        {"kind": MetricKind.MEAN, **VALUE},
        RATIO,
        {**RATIO, **VALUE},
        {"kind": MetricKind.RETENTION, "retention_day": 7},
        {"cap_quantile": 0.999},
        {"kind": MetricKind.RETENTION, "retention_day": 7, "retention_span": 3},
        CADENCE,
        QUANTILE,
        {**QUANTILE, **VALUE, "value_property": "load_ms"},
        {"kind": MetricKind.TIME_TO_EVENT, "window_days": 28},
        FUNNEL,
        {"minimum_units": 500},
        only(FilterOperator.IN, "team", "2"),
        only(FilterOperator.NOT_IN, ""),
        only(FilterOperator.AT_LEAST, "-2.5"),
        only(FilterOperator.AT_MOST, "1000000000"),
        only(FilterOperator.EXISTS, name="$plan.name"),
    ],
)
def test_parts_that_fit(changes: dict[str, Any]) -> None:
    check_metric(replace(COUNT, **changes))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"name": " "}, "name"),
        ({"event_name": ""}, "eventName"),
        ({"kind": MetricKind.FUNNEL}, "laterSteps"),
        ({"later_steps": ("paid",)}, "laterSteps"),
        ({**FUNNEL, "later_steps": tuple("abcdefghij")}, "laterSteps"),
        ({**FUNNEL, **VALUE}, "value"),
        ({"kind": MetricKind.CADENCE}, "weeks"),
        ({**CADENCE, "weeks": 53}, "weeks"),
        ({**CADENCE, "weeks": 0}, "weeks"),
        ({**CADENCE, "cap": 5}, "cap"),
        ({"weeks": 4}, "weeks"),
        ({"kind": MetricKind.QUANTILE}, "quantile"),
        ({**QUANTILE, "quantile": 1.0}, "quantile"),
        ({**QUANTILE, "quantile": float("nan")}, "quantile"),
        ({"quantile": 0.5}, "quantile"),
        ({**FUNNEL, "cap_quantile": 0.9}, "cap"),
        ({"retention_span": 2}, "retentionSpan"),
        (
            {"kind": MetricKind.RETENTION, "retention_day": 1, "retention_span": 0},
            "retentionSpan",
        ),
        ({"value_property": "seats"}, "valueProperty"),
        ({"kind": MetricKind.SUM, **VALUE, "value_property": "a b"}, "valueProperty"),
        ({"minimum_units": 1}, "minimumUnits"),
        ({"filters": (SourceFilter("a", FilterOperator.EXISTS),) * 9}, "filters"),
        (VALUE, "value"),
        ({"kind": MetricKind.SUM}, "value"),
        ({"kind": MetricKind.RATIO}, "denominatorEvent"),
        ({"denominator_event": "visit"}, "denominatorEvent"),
        ({**RATIO, "denominator_value": None}, "denominatorValue"),
        ({"kind": MetricKind.RETENTION}, "retentionDay"),
        ({"retention_day": 3}, "retentionDay"),
        ({"window_days": 0}, "windowDays"),
        ({"delay_days": -1}, "delayDays"),
        ({"cap": 0}, "cap"),
        ({"cap": 10**15 + 1}, "cap"),
        ({"cap": 5, "cap_quantile": 0.9}, "capQuantile"),
        ({"cap_quantile": 1.0}, "capQuantile"),
        ({"kind": MetricKind.CONVERSION, "cap": 5}, "cap"),
        ({"steps": 0}, "steps"),
    ],
)
def test_parts_that_do_not_fit_are_named(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(MetricInvalid) as refused:
        check_metric(replace(COUNT, **changes))
    assert refused.value.path == (part,)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (only(FilterOperator.IN), ("filters", "0", "values")),
        (only(FilterOperator.IN, *("x",) * 51), ("filters", "0", "values")),
        (only(FilterOperator.IN, "x" * 201), ("filters", "0", "values")),
        (only(FilterOperator.AT_LEAST, "many"), ("filters", "0", "values")),
        (only(FilterOperator.AT_LEAST, "nan"), ("filters", "0", "values")),
        (only(FilterOperator.AT_MOST, "1", "2"), ("filters", "0", "values")),
        (only(FilterOperator.AT_MOST, "1000000001"), ("filters", "0", "values")),
        (only(FilterOperator.EXISTS, "x"), ("filters", "0", "values")),
        (only(FilterOperator.EXISTS, name='a"b'), ("filters", "0", "property")),
        ({**FUNNEL, "later_steps": ("cart", "report")}, ("laterSteps", "1")),
        ({**FUNNEL, "later_steps": ("cart", "cart")}, ("laterSteps", "1")),
        ({**FUNNEL, "later_steps": ("",)}, ("laterSteps", "0")),
    ],
)
def test_a_part_of_a_list_is_named_by_its_place(
    changes: dict[str, Any], path: tuple[str, ...]
) -> None:
    with pytest.raises(MetricInvalid) as refused:
        check_metric(replace(COUNT, **changes))
    assert refused.value.path == path


def test_a_row_keeps_lists_as_json_does() -> None:
    columns = columns_of(replace(COUNT, **FUNNEL, **only(FilterOperator.IN, "team")))
    assert columns["filters"] == [
        {"property": "plan", "operator": "IN", "values": ["team"]}
    ]
    assert columns["later_steps"] == ["cart", "paid"]
