"""Data that nothing can be concluded from, and a verdict that says so.

Of every kind of metric, at a single look, at a boundary's first look and at its last.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest

from experiments.analysis.labels import HorizonState, Outcome, Verdict
from experiments.analysis.results import Report
from experiments.analysis.scorecard import report
from experiments.design import (
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    Source,
    SourceValue,
)
from experiments.events.state import ArmMetricState, PhaseState, Sums
from tests.experiments.analysis.designs import (
    arm_state,
    design,
    metric,
    planned,
    state,
    taken,
)

STEP = 1_000_000
UNITS = 150
Values = Sequence[tuple[int, int]]
"""Of each unit what it did, and what that is divided by."""

KINDS = tuple(MetricKind)
BINARY = {MetricKind.CONVERSION, MetricKind.RETENTION}
COUNTED = {MetricKind.COUNT, MetricKind.CADENCE, MetricKind.FUNNEL}


def measured(kind: MetricKind) -> MetricDesign:
    """A primary metric of any kind, with the parts that its kind needs."""
    made = metric("value", kind=kind)
    if kind is MetricKind.CADENCE:
        return replace(made, weeks=4)
    if kind is MetricKind.QUANTILE:
        return replace(made, quantile=0.9, numerator=Source("value", SourceValue.VALUE))
    if kind is MetricKind.FUNNEL:
        return replace(made, later_steps=(Source("later", SourceValue.ONE),))
    return made


def sums(values: Values) -> Sums:
    """The exact sums of units."""
    return Sums(
        n=len(values),
        y=sum(y for y, _ in values),
        yy=sum(y * y for y, _ in values),
        d=sum(d for _, d in values),
        dd=sum(d * d for _, d in values),
        yd=sum(y * d for y, d in values),
    )


def one(kind: MetricKind) -> int:
    """A value of 1 in the steps of a kind."""
    return 1 if kind in BINARY | COUNTED else STEP


def varied(kind: MetricKind) -> Values:
    """Every third unit did something."""
    return [(one(kind) if n % 3 == 0 else 0, 1 + n % 2) for n in range(UNITS)]


def constant(kind: MetricKind) -> Values:
    """Every unit did the same."""
    return [(one(kind), 1)] * UNITS


def nothing(_: MetricKind) -> Values:
    """No unit did anything, not even what it is divided by."""
    return [(0, 0)] * UNITS


def nobody(_: MetricKind) -> Values:
    """No unit at all."""
    return []


def around_zero(kind: MetricKind) -> Values:
    """Gains and losses that cancel; of what cannot be negative, one in all units."""
    if kind in BINARY | COUNTED:
        return [(int(n == 0), 1) for n in range(UNITS)]
    return [((-1) ** n * STEP, 1) for n in range(UNITS)]


def negative(kind: MetricKind) -> Values:
    """More was paid back than paid; what is counted is as usual."""
    if kind in BINARY | COUNTED:
        return varied(kind)
    return [(-STEP * (1 + n % 5), 1 + n % 2) for n in range(UNITS)]


def enormous(kind: MetricKind) -> Values:
    """The largest totals that a unit may have."""
    if kind in BINARY | COUNTED:
        return varied(kind)
    return [((-1) ** n * 10**15, 1 + n % 2) for n in range(UNITS)]


SHAPES = (varied, constant, nothing, nobody, around_zero, negative, enormous)
LOOKS = {
    "one look": None,
    "first look": (HorizonState.BEFORE,),
    "last look": (HorizonState.BEFORE, HorizonState.AT),
}


def read(
    kind: MetricKind,
    arms: tuple[Values, Values],
    horizons: tuple[HorizonState, ...] | None,
) -> Report:
    """The report on two arms, by a plan or without one."""
    primary = measured(kind)
    phase = design(primary, replace(primary, key="guard", role=MetricRole.GUARDRAIL))
    phase = phase if horizons is None else planned(phase)
    found = found_in(phase, arms)
    looks = horizons or (HorizonState.AT,)
    lines = taken(phase, *(found for _ in looks), horizons=looks)
    return report(phase, found, taken=lines, waiting_for=None)


def found_in(phase: PhaseDesign, arms: tuple[Values, Values]) -> PhaseState:
    """Both metrics with the same values."""
    return state(
        phase, *(part for each in phase.metrics for part in states(each, arms))
    )


def states(measured: MetricDesign, arms: tuple[Values, Values]) -> list[ArmMetricState]:
    """Each arm's state."""
    return [
        arm_state(measured, key, sums(values), nonzero=sum(y != 0 for y, _ in values))
        for key, values in zip(("control", "sixty"), arms, strict=True)
    ]


@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_arms_hold_the_report_is_numbers_and_a_sentence(
    kind: MetricKind, looks: str
) -> None:
    usual = varied(kind)
    for shape in SHAPES:
        odd = shape(kind)
        for arms in ((usual, odd), (odd, usual), (odd, odd)):
            found = read(kind, arms, LOOKS[looks])
            body = json.dumps(msgspec.to_builtins(found), allow_nan=False)
            assert msgspec.json.decode(body, type=Report) == found
            assert found.headline.endswith(".")
            assert not any(bad in found.headline for bad in ("nan", "None", " inf"))


@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [nothing, nobody], ids=lambda shape: shape.__name__)
def test_where_nobody_did_anything_no_arm_wins(
    shape: Callable[[MetricKind], Values], kind: MetricKind, looks: str
) -> None:
    found = read(kind, (shape(kind), shape(kind)), LOOKS[looks])
    (comparison,) = found.metrics[0].comparisons
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA
    assert comparison.reason
    assert found.recommendation.outcome in {Outcome.INCONCLUSIVE, Outcome.KEEP_RUNNING}


@pytest.mark.parametrize("kind", KINDS)
def test_all_units_in_one_arm_is_a_broken_split(kind: MetricKind) -> None:
    for arms in ((varied(kind), nobody(kind)), (nobody(kind), varied(kind))):
        found = read(kind, arms, None)
        assert found.health.failed
        assert found.recommendation.outcome is Outcome.INVALID
        assert "not valid" in found.headline


@pytest.mark.parametrize("kind", KINDS)
def test_arms_that_are_alike_do_not_differ(kind: MetricKind) -> None:
    for shape in SHAPES:
        found = read(kind, (shape(kind), shape(kind)), None)
        assert found.metrics[0].comparisons[0].verdict not in {
            Verdict.WIN,
            Verdict.LOSS,
        }


def test_a_unit_in_both_arms_is_counted_apart_and_too_many_are_not_believed() -> None:
    phase = design(measured(MetricKind.CONVERSION))
    usual = varied(MetricKind.CONVERSION)
    found = found_in(phase, (usual, usual))
    looks = taken(phase, found)
    torn = replace(found, conflicts={"control": 0, "sixty": 300})
    text = report(phase, torn, taken=looks, waiting_for=None)
    assert text.health.conflicts.failed
    assert text.recommendation.outcome is Outcome.INVALID
    assert [arm.conflicts for arm in text.health.arms] == [0, 300]
