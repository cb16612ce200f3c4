"""Whatever the units did, the report is plain numbers and a sentence."""

import json
import math
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from experiments.analysis.labels import HorizonState
from experiments.analysis.results import Comparison, Report, Verdict
from experiments.analysis.scorecard import report
from experiments.design import MAX_UNIT_TOTAL, MetricDesign, MetricKind, MetricRole
from experiments.events.state import ArmMetricState, Sums
from tests.experiments.analysis.designs import (
    arm_state,
    design,
    looked,
    metric,
    planned,
    state,
    taken,
)

PAID = metric("paid")
SPEND = metric("spend", kind=MetricKind.SUM, role=MetricRole.SECONDARY, cap=5_000_000)
VALUE = metric("value", kind=MetricKind.MEAN, role=MetricRole.GUARDRAIL)
PHASE = design(PAID, VALUE, SPEND)
PLANNED = planned(design(PAID, replace(VALUE, margin=0.1), SPEND))
HORIZONS = [
    (HorizonState.BEFORE,),
    (HorizonState.AT,),
    (HorizonState.BEFORE, HorizonState.AT),
    (HorizonState.AT, HorizonState.AFTER),
]

counts = some.integers(0, 5) | some.integers(0, 10**7)
totals = some.sampled_from([0, 1, 10**6, MAX_UNIT_TOTAL]) | some.integers(
    -MAX_UNIT_TOTAL, MAX_UNIT_TOTAL
)
pairs = some.tuples(totals, some.sampled_from([0, 1, 2, 7, MAX_UNIT_TOTAL]))
repeats = some.sampled_from([1, 30, 2_000])


@some.composite
def arms(draw: some.DrawFn, key: str) -> list[ArmMetricState]:
    """One arm's state in every metric: few kinds of units, each some times over."""
    n = draw(counts)
    did = draw(some.integers(0, n))
    kinds = draw(some.lists(some.tuples(pairs, repeats), max_size=4))
    rows = [pair for pair, times in kinds for pair in [pair] * times]
    raw = Sums(
        n=len(rows),
        y=sum(y for y, _ in rows),
        yy=sum(y * y for y, _ in rows),
        d=sum(d for _, d in rows),
        dd=sum(d * d for _, d in rows),
        yd=sum(y * d for y, d in rows),
    )
    cut = [min(y, 5_000_000) for y, _ in rows]
    alone = Sums(n=raw.n, y=raw.y, yy=raw.yy)
    capped = Sums(n=raw.n, y=sum(cut), yy=sum(y * y for y in cut))
    nonzero = sum(y != 0 for y, _ in rows)
    return [
        arm_state(PAID, key, Sums(n=n, y=did, yy=did)),
        arm_state(VALUE, key, raw, nonzero=nonzero),
        arm_state(SPEND, key, alone, capped=capped, nonzero=nonzero),
    ]


@settings(deadline=None)
@given(arms("control"), arms("sixty"))
def test_any_state_gives_a_report_without_a_nan(
    control: list[ArmMetricState], sixty: list[ArmMetricState]
) -> None:
    report = looked(PHASE, state(PHASE, *control, *sixty))
    body = json.dumps(msgspec.to_builtins(report), allow_nan=False)
    assert msgspec.json.decode(body, type=Report) == report
    text = report.headline
    assert text.endswith(".")
    assert "nan" not in text
    assert "None" not in text
    assert "-> -0.0 " not in text
    for result in report.metrics:
        for comparison in result.comparisons:
            _agrees_with_itself(result.key, comparison)


@settings(deadline=None, max_examples=40)
@given(arms("control"), arms("sixty"), some.sampled_from(HORIZONS))
def test_any_look_of_a_plan_gives_a_report_without_a_nan(
    control: list[ArmMetricState],
    sixty: list[ArmMetricState],
    horizons: tuple[HorizonState, ...],
) -> None:
    found = state(PLANNED, *control, *sixty)
    looks = taken(PLANNED, *(found for _ in horizons), horizons=horizons)
    text = report(PLANNED, found, taken=looks, waiting_for="more units")
    body = json.dumps(msgspec.to_builtins(text), allow_nan=False)
    assert msgspec.json.decode(body, type=Report) == text
    assert "nan" not in text.headline
    for result in text.metrics:
        for comparison in result.comparisons:
            _agrees_with_itself(result.key, comparison)


def _agrees_with_itself(key: str, comparison: Comparison) -> None:
    reading, valid = comparison.decisive, comparison.valid
    if comparison.verdict in {Verdict.WIN, Verdict.LOSS}:
        assert valid is not None, key
        assert valid.p_value < 0.05
        assert valid.low * valid.high > 0
    if reading.low is not None and reading.high is not None:
        assert reading.absolute is not None
        assert reading.low <= reading.absolute <= reading.high
        assert (reading.absolute is None) == (reading.unavailable is not None)


@pytest.mark.parametrize("metric", [PAID, SPEND, VALUE], ids=lambda m: m.key)
def test_an_empty_state_says_why_there_is_no_difference(metric: MetricDesign) -> None:
    report = looked(PHASE, state(PHASE))
    found = next(m for m in report.metrics if m.key == metric.key)
    assert found.comparisons[0].raw.unavailable is not None
    assert math.isclose(sum(a.expected_share for a in report.health.arms), 1.0)
