"""Which parts of a metric fit together."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.design import Direction, MetricKind, SourceValue
from experiments.errors import MetricInvalid
from experiments.measurement import MetricSpec, check_metric

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
    ],
)
def test_parts_that_fit(changes: dict[str, Any]) -> None:
    check_metric(replace(COUNT, **changes))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"name": " "}, "name"),
        ({"event_name": ""}, "eventName"),
        ({"kind": MetricKind.FUNNEL}, "kind"),
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
