"""Whichever arm is called the control, the same is said with the other sign."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.analysis.labels import HorizonState, Verdict
from experiments.analysis.looks import DueLook
from experiments.analysis.results import Comparison, Reading
from experiments.analysis.scorecard import report
from experiments.analysis.taken import Kept, Taken
from experiments.analysis.taking import take
from experiments.analysis.units import measure, metrics_by_unit
from experiments.design import (
    MetricDesign,
    MetricKind,
    PhaseDesign,
    Source,
    SourceValue,
    UnitKind,
)
from experiments.events.state import PhaseState, Sums, SurvivalState
from experiments.events.study_units import ALONE, UnitValues
from experiments.statistics.differences import Method
from tests.experiments.analysis.designs import (
    arm_state,
    design,
    metric,
    planned,
    state,
)

Table = NDArray[np.int64]
WHOLE = {MetricKind.COUNT, MetricKind.CADENCE, MetricKind.FUNNEL}
BINARY = {MetricKind.CONVERSION, MetricKind.RETENTION}
OTHER = {Verdict.WIN: Verdict.LOSS, Verdict.LOSS: Verdict.WIN}


def measured(kind: MetricKind) -> MetricDesign:
    made = replace(metric("value", kind=kind), window_days=7)
    if kind is MetricKind.CADENCE:
        return replace(made, weeks=8)
    if kind is MetricKind.QUANTILE:
        return replace(made, quantile=0.7, numerator=Source("value", SourceValue.VALUE))
    return made


def rows(kind: MetricKind, seed: int, n: int, rate: float) -> Table:
    """(y, d, x, m) of each unit."""
    draw = np.random.default_rng(seed)
    before = draw.poisson(3.0, n)
    y = draw.poisson(3.0 * rate, n) + before
    if kind in BINARY:
        y, before = (y > 6).astype(np.int64), (before > 3).astype(np.int64)
    elif kind is MetricKind.TIME_TO_EVENT:
        y = np.minimum(y, 7)
    elif kind not in WHOLE:
        y = y * 1_000_000 + draw.integers(0, 1_000, n)
    ratio = kind in {MetricKind.RATIO, MetricKind.MEAN}
    d = 1 + draw.poisson(2.0, n) if ratio else np.zeros(n)
    return np.column_stack([y, d, before, np.zeros(n)]).astype(np.int64)


def sums(table: Table) -> Sums:
    y, d, x, m = (table[:, at].astype(object) for at in range(4))
    w = d * 0
    return Sums(
        n=len(y), y=y.sum(), yy=y @ y, d=d.sum(), dd=d @ d, yd=y @ d,
        x=x.sum(), xx=x @ x, yx=y @ x, dx=d @ x, w=0, ww=0, yw=y @ w, dw=0, xw=0,
        m=m.sum(), ym=y @ m, dm=d @ m,
    )  # fmt: skip


def values(arms: Sequence[Table]) -> UnitValues:
    whole = np.concatenate(list(arms))
    n = len(whole)
    return UnitValues(
        arms=("control", "sixty"),
        ids=np.array([f"u{at}" for at in range(n)]),
        arm=np.repeat([0, 1], [len(each) for each in arms]).astype(np.int64),
        exposed_at=np.zeros(n, dtype=np.int64),
        y=whole[:, 0],
        d=whole[:, 1],
        capped_y=whole[:, 0],
        x=whole[:, 2],
        w=np.zeros(n, dtype=np.int64),
        m=whole[:, 3],
        accounts=(),
        cluster=np.full(n, ALONE, dtype=np.int64),
    )


def survival(primary: MetricDesign, key: str, table: Table) -> SurvivalState:
    blocks = table[:, 0]
    at_risk = tuple(int((blocks >= day).sum()) for day in range(7))
    events = tuple(int((blocks == day).sum()) for day in range(7))
    return SurvivalState(key, primary.metric_id, at_risk, events)


def read(
    phase: PhaseDesign, arms: Sequence[Table], horizon: HorizonState
) -> tuple[Comparison, PhaseState]:
    """The comparison at a look that reads units where looks do."""
    primary = phase.primary
    pairs = list(zip(("control", "sixty"), arms, strict=True))
    found = state(
        phase,
        *(
            arm_state(primary, key, sums(table), nonzero=int((table[:, 0] > 0).sum()))
            for key, table in pairs
        ),
    )
    if primary.kind is MetricKind.TIME_TO_EVENT:
        curves = tuple(survival(primary, key, table) for key, table in pairs)
        found = replace(found, survival=curves)
    effects = {
        (each.metric_id, key): effect
        for each in metrics_by_unit(phase, found)
        for key, effect in measure(phase, each, values(arms)).items()
    }
    kept = Kept.of(found, effects)
    due = DueLook(1, found.watermark, horizon)
    lines = take(phase, found, kept, (), due=due, at=found.watermark)
    text = report(phase, found, taken=Taken(lines, {1: kept}), waiting_for=None)
    return text.metrics[0].comparisons[0], found


def mirrored(one: Reading, other: Reading) -> None:
    assert other.method is one.method
    for name, given in (("absolute", one.absolute), ("statistic", one.statistic)):
        assert given is not None
        assert getattr(other, name) == pytest.approx(-given, rel=1e-9), name
    assert one.low is not None
    assert one.high is not None
    width = one.high - one.low
    assert other.low == pytest.approx(-one.high, abs=1e-9 * width)
    assert other.high == pytest.approx(-one.low, abs=1e-9 * width)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)
    assert other.standard_error == pytest.approx(one.standard_error, rel=1e-9)


@pytest.mark.parametrize("horizon", [HorizonState.BEFORE, HorizonState.AT])
@pytest.mark.parametrize(
    ("unit", "sizes"),
    [
        (UnitKind.USER, (2_000, 2_100)),
        (UnitKind.USER, (300, 310)),
        (UnitKind.ACCOUNT, (60, 64)),
        (UnitKind.ACCOUNT, (30, 33)),
    ],
    ids=["by sums", "by unit", "accounts", "few accounts"],
)
@pytest.mark.parametrize("kind", list(MetricKind))
def test_swapping_the_arms_swaps_the_sign(
    kind: MetricKind, unit: UnitKind, sizes: tuple[int, int], horizon: HorizonState
) -> None:
    phase = planned(design(measured(kind), unit=unit, planned_units=sum(sizes)))
    arms = [rows(kind, 1, sizes[0], 1.0), rows(kind, 2, sizes[1], 1.6)]
    there, _ = read(phase, arms, horizon)
    back, _ = read(phase, arms[::-1], horizon)
    dealt = unit is UnitKind.ACCOUNT and min(sizes) < 40
    if kind is not MetricKind.QUANTILE:
        assert (there.decisive.method is Method.PERMUTATION) == dealt
    mirrored(there.raw, back.raw)
    mirrored(there.decisive, back.decisive)
    assert back.verdict is OTHER.get(there.verdict, there.verdict)
    assert (there.valid is None) == (back.valid is None)
    if there.valid is not None and back.valid is not None:
        width = there.valid.high - there.valid.low
        assert back.valid.low == pytest.approx(-there.valid.high, abs=1e-6 * width)
        assert back.valid.high == pytest.approx(-there.valid.low, abs=1e-6 * width)
        assert back.valid.p_value == pytest.approx(there.valid.p_value, rel=1e-6)
    if there.unbiased is not None:
        assert back.unbiased is not None
        assert back.unbiased.value == pytest.approx(-there.unbiased.value, rel=1e-6)
