"""Adjusted estimates from exact sums are those of the rows behind them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.analysis.attempts import attempt_all
from experiments.analysis.covariates import Arm, adjust, is_adjusted
from experiments.analysis.taken import Kept
from experiments.analysis.units import LIMIT, agrees, measure, metrics_by_unit
from experiments.arms import DroppedArm
from experiments.design import MetricDesign, MetricKind, PhaseDesign, UnitKind
from experiments.events.state import STRATA, PhaseState, SegmentState, Sums
from experiments.events.study_units import ALONE, UnitValues
from experiments.plan import Adjustment, AnalysisPlan, Dimension
from experiments.statistics.adjustment import lin
from experiments.statistics.crossproducts import Moments
from experiments.statistics.differences import Method
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.ratio_adjustment import ratio_lin
from tests.experiments.analysis.designs import (
    START,
    arm,
    arm_state,
    conversions,
    design,
    metric,
    planned,
    state,
)

Columns = dict[str, NDArray[np.int64]]
OPENED = metric("opened", kind=MetricKind.COUNT)
VALUE = metric("value", kind=MetricKind.RATIO, unit="EUR")
COUNTRY = Dimension("country", "country", ("FR", "DE"), stratum=True)
SIZE = Dimension("size", "size", ("small",), stratum=True)
PLAN = AnalysisPlan(dimensions=(COUNTRY, SIZE))


def units(seed: int, n: int, effect: int) -> Columns:
    """Units with a past, a country and a size."""
    draw = np.random.default_rng(seed)
    new = (draw.random(n) < 0.2).astype(np.int64)
    before = draw.poisson(6, n) * (1 - new)
    visits = 1 + draw.poisson(3, n)
    country = draw.choice(4, n, p=[0.5, 0.3, 0.17, 0.03])
    size = draw.choice(3, n, p=[0.6, 0.3, 0.1])
    return {
        "y": before + draw.poisson(4, n) + effect + 2 * (country == 0),
        "d": visits,
        "x": before,
        "w": (visits - 1) * (1 - new),
        "m": new,
        "country": country,
        "size": size,
    }


def sums(rows: Columns, *, ratio: bool = False) -> Sums:
    """Exact sums of the rows."""
    zero = np.zeros_like(rows["y"])
    d, w = (rows["d"], rows["w"]) if ratio else (zero, zero)
    y, x, m = rows["y"], rows["x"], rows["m"]
    products = {
        "yy": y * y, "dd": d * d, "yd": y * d, "xx": x * x, "yx": y * x, "dx": d * x,
        "ww": w * w, "yw": y * w, "dw": d * w, "xw": x * w, "ym": y * m, "dm": d * m,
    }  # fmt: skip
    named = {"y": y, "d": d, "x": x, "w": w, "m": m, **products}
    return Sums(n=len(y), **{key: int(cells.sum()) for key, cells in named.items()})


def strata(rows: Columns, *, ratio: bool = False) -> dict[str, Sums]:
    """Sums by combination of levels, as the log names them."""
    found = {}
    for country in range(4):
        for size in range(3):
            inside = (rows["country"] == country) & (rows["size"] == size)
            if inside.any():
                part = {key: cells[inside] for key, cells in rows.items()}
                found[f"{country}.{size}"] = sums(part, ratio=ratio)
    return found


def by_column(rows: Columns, names: Sequence[str]) -> NDArray[np.float64]:
    """The same columns, a row for each unit."""
    indicators = {
        "FR": rows["country"] == 0,
        "DE": rows["country"] == 1,
        "country?": rows["country"] == 3,
        "small": rows["size"] == 0,
        "size?": rows["size"] == 2,
    }
    columns = [rows[name] if name in rows else indicators[name] for name in names]
    return np.column_stack(columns).astype(np.float64)


def by_row(rows: Columns, names: Sequence[str]) -> Moments:
    """Moments of the same columns, from the rows."""
    return Moments.of(by_column(rows, names))


def test_a_mean_is_adjusted_as_its_rows_are() -> None:
    control, treatment = units(1, 900, 0), units(2, 1_100, 1)
    arms = [Arm(sums(each), strata(each)) for each in (control, treatment)]
    effect, summary = adjust(OPENED, PLAN, arms, 1)
    names = ["y", "x", "m", "FR", "DE", "small", "country?", "size?"]
    rows = [by_row(each, names) for each in (control, treatment)]
    expected = lin(rows[0], rows[1], confidence=0.95)
    assert effect is not None
    assert effect.method is Method.LIN
    assert effect.value == pytest.approx(expected.difference.value, rel=1e-9)
    assert effect.standard_error == pytest.approx(
        expected.difference.standard_error, rel=1e-9
    )
    assert summary.columns[:3] == ("before", "not in the log before", "country=FR")
    assert summary.covered == pytest.approx(
        1 - (control["m"].sum() + treatment["m"].sum()) / 2_000
    )
    assert summary.variance_reduction == pytest.approx(expected.variance_reduction)
    assert summary.variance_reduction is not None
    assert summary.variance_reduction > 0.3


def test_a_ratio_is_adjusted_as_its_rows_are() -> None:
    control, treatment = units(3, 900, 0), units(4, 1_100, 1)
    arms = [
        Arm(sums(each, ratio=True), strata(each, ratio=True))
        for each in (control, treatment)
    ]
    effect, summary = adjust(VALUE, PLAN, arms, 1)
    names = ["y", "d", "x", "w", "m", "FR", "DE", "small", "country?", "size?"]
    rows = [by_row(each, names) for each in (control, treatment)]
    expected = ratio_lin(rows[0], rows[1], confidence=0.95)
    assert effect is not None
    assert effect.value == pytest.approx(expected.difference.value, rel=1e-9)
    assert effect.standard_error == pytest.approx(
        expected.difference.standard_error, rel=1e-9
    )
    assert summary.columns[0] == "before"
    assert "country=FR" in summary.columns


def test_a_rare_level_is_counted_with_the_others_in_all_arms() -> None:
    control, treatment = units(5, 300, 0), units(6, 300, 1)
    control["country"][control["country"] == 1] = 2
    arms = [Arm(sums(each), strata(each)) for each in (control, treatment)]
    _, summary = adjust(OPENED, PLAN, arms, 1)
    assert "country=DE" in summary.folded
    assert "country=DE" not in summary.columns


def test_few_conversions_are_not_adjusted() -> None:
    paid = metric("paid")
    arms = [Arm(conversions(400, 3), {}), Arm(conversions(400, 9), {})]
    effect, summary = adjust(paid, PLAN, arms, 1)
    assert effect is None
    assert "too few conversions" in summary.note


def test_nothing_known_before_leaves_the_unadjusted_estimate() -> None:
    rows = units(7, 400, 0)
    plain = Sums(n=400, y=int(rows["y"].sum()), yy=int((rows["y"] ** 2).sum()))
    arms = [Arm(plain, {}), Arm(replace(plain, y=plain.y + 40), {})]
    effect, summary = adjust(OPENED, PLAN, arms, 1)
    assert effect is not None
    assert effect.method is Method.WELCH
    assert summary.columns == ()
    assert summary.note


def test_the_plan_alone_says_whether_one_adjusts() -> None:
    assert is_adjusted(OPENED, PLAN)
    assert not is_adjusted(OPENED, replace(PLAN, adjustment=Adjustment.NONE))
    assert not is_adjusted(OPENED, None)


def small(n: int = 300) -> tuple[PhaseDesign, PhaseState, UnitValues, list[Columns]]:
    """A phase with small arms, its state and the values behind it."""
    phase = planned(design(OPENED))
    arms = [units(8, n, 0), units(9, n, 1)]
    found = state(
        phase,
        *(
            arm_state(OPENED, key, sums(rows))
            for key, rows in zip(("control", "sixty"), arms, strict=True)
        ),
    )
    return phase, found, values(arms), arms


def values(arms: Sequence[Columns]) -> UnitValues:
    """The rows as the log hands them out."""
    column = {
        key: np.concatenate([rows[key] for rows in arms]).astype(np.int64)
        for key in ("y", "d", "x", "w", "m")
    }
    n = len(column["y"])
    return UnitValues(
        arms=("control", "sixty", "forty")[: len(arms)],
        ids=np.array([f"u{i}" for i in range(n)]),
        arm=np.repeat(range(len(arms)), [len(rows["y"]) for rows in arms]).astype(
            np.int64
        ),
        exposed_at=np.zeros(n, dtype=np.int64),
        capped_y=column["y"],
        y=column["y"],
        d=column["d"],
        x=column["x"],
        w=column["w"],
        m=column["m"],
        accounts=(),
        cluster=np.full(n, ALONE, dtype=np.int64),
    )


def test_small_arms_are_read_by_unit_and_large_ones_by_their_sums() -> None:
    phase, found, rows, _ = small()
    assert metrics_by_unit(phase, found) == (OPENED,)
    assert metrics_by_unit(*small(1_500)[:2]) == ()
    assert agrees(phase, OPENED, found, rows)
    moved = replace(rows, y=rows.y + 1)
    assert not agrees(phase, OPENED, found, moved)


def test_a_look_uses_what_was_read_by_unit() -> None:
    phase, found, rows, _ = small()
    (effect,) = measure(phase, OPENED, rows).values()
    by_sums = attempt_all(phase, OPENED, Kept.of(found))["sixty"].decisive.effect
    kept = Kept.of(found, {(OPENED.metric_id, "sixty"): effect})
    by_unit = attempt_all(phase, OPENED, kept)["sixty"].decisive.effect
    assert by_unit == effect
    assert effect.method is Method.LEVERAGE
    assert by_sums is not None
    assert effect.value == pytest.approx(by_sums.value, rel=1e-9)
    assert effect.standard_error == pytest.approx(by_sums.standard_error, rel=0.1)


def test_a_quantile_is_read_by_unit_or_not_at_all() -> None:
    median = replace(metric("opened", kind=MetricKind.QUANTILE), quantile=0.5, steps=1)
    phase = planned(design(median))
    arms = [units(10, 500, 0), units(11, 500, 3)]
    found = state(
        phase,
        *(
            arm_state(median, key, sums(rows))
            for key, rows in zip(("control", "sixty"), arms, strict=True)
        ),
    )
    without = attempt_all(phase, median, Kept.of(found))["sixty"].decisive
    assert without.effect is None
    (effect,) = measure(phase, median, values(arms)).values()
    assert effect.method is Method.QUANTILE
    assert effect.value == np.median(arms[1]["y"]) - np.median(arms[0]["y"])


def test_small_arms_are_adjusted_for_their_strata_by_unit() -> None:
    phase = replace(design(OPENED), plan=replace(PLAN, lookback_days=0))
    arms = [units(8, 300, 0), units(9, 300, 1)]
    for rows in arms:
        rows["x"], rows["m"] = 0 * rows["x"], 0 * rows["m"]
    arms[0]["country"][arms[0]["country"] == 1] = 2
    parts = [
        arm_state(OPENED, key, sums(rows))
        for key, rows in zip(("control", "sixty"), arms, strict=True)
    ]
    found = state(phase, *parts)
    assert metrics_by_unit(phase, found) == (OPENED,)
    placed = [
        f"{country}.{size}"
        for rows in arms
        for country, size in zip(rows["country"], rows["size"], strict=True)
    ]
    by_unit = replace(values(arms), strata=np.array(placed, dtype=object))
    (effect,) = measure(phase, OPENED, by_unit).values()
    names = ["y", "FR", "small", "size?"]
    tables = [by_column(rows, names) for rows in arms]
    expected = lin_by_unit(tables[0], tables[1], confidence=0.95).difference
    assert effect.method is Method.LEVERAGE
    assert effect.value == pytest.approx(expected.value, rel=1e-9)
    assert effect.standard_error == pytest.approx(expected.standard_error, rel=1e-9)
    assert effect.degrees == pytest.approx(expected.degrees)
    plain = measure(phase, OPENED, values(arms))["sixty"]
    assert effect.standard_error < plain.standard_error


ARMS = (
    arm("control", "100 reports", control=True),
    arm("sixty", "60 reports"),
    arm("forty", "40 reports"),
)
GONE = (DroppedArm("forty", START + timedelta(days=10)),)


def test_an_arm_that_was_dropped_folds_no_level_of_the_others() -> None:
    plan = replace(PLAN, lookback_days=0)
    phase = replace(design(OPENED), plan=plan)
    arms = [units(8, 300, 0), units(9, 300, 1), units(10, 40, 0)]
    arms[2]["country"][:] = 0
    placed = [
        f"{country}.{size}"
        for rows in arms
        for country, size in zip(rows["country"], rows["size"], strict=True)
    ]
    rows = replace(values(arms[:2]), strata=np.array(placed[:600], dtype=object))
    (expected,) = measure(phase, OPENED, rows).values()
    three = replace(design(OPENED, arms=ARMS), plan=plan, dropped=GONE)
    with_third = replace(values(arms), strata=np.array(placed, dtype=object))
    assert measure(three, OPENED, with_third) == {"sixty": expected}


def test_units_of_an_arm_that_was_dropped_are_read_too_and_count_for_the_limit() -> (
    None
):
    median = replace(metric("opened", kind=MetricKind.QUANTILE), quantile=0.5, steps=1)
    phase = replace(design(median, arms=ARMS), dropped=GONE)

    def read(dropped: int) -> tuple[MetricDesign, ...]:
        each = {"control": 1_000, "sixty": 1_000, "forty": dropped}
        parts = [arm_state(median, key, Sums(n=n)) for key, n in each.items()]
        return metrics_by_unit(phase, state(phase, *parts))

    assert read(LIMIT - 2_000) == (median,)
    assert read(LIMIT - 1_999) == ()


def test_uneven_accounts_are_read_by_account_where_nothing_is_adjusted() -> None:
    phase = planned(design(VALUE, unit=UnitKind.ACCOUNT), adjustment=Adjustment.NONE)
    arms = [units(12, 120, 0), units(13, 124, 1)]
    found = state(
        phase,
        *(
            arm_state(VALUE, key, sums(rows, ratio=True))
            for key, rows in zip(("control", "sixty"), arms, strict=True)
        ),
    )
    assert metrics_by_unit(phase, found) == (VALUE,)
    assert metrics_by_unit(planned(phase), found) == ()
    (effect,) = measure(phase, VALUE, values(arms)).values()
    assert effect.method is Method.BELL_MCCAFFREY
    assert effect.accounts is None
    expected = [rows["y"].sum() / rows["d"].sum() for rows in arms]
    assert effect.value == pytest.approx(expected[1] - expected[0])


def test_the_strata_come_from_the_state() -> None:
    phase = replace(design(OPENED), plan=PLAN)
    arms = dict(
        zip(("control", "sixty"), (units(1, 900, 0), units(2, 1_100, 1)), strict=True)
    )
    found = state(
        phase, *(arm_state(OPENED, k, sums(rows)) for k, rows in arms.items())
    )
    segments = tuple(
        _stratum(OPENED, key, level, part)
        for key, rows in arms.items()
        for level, part in strata(rows).items()
    )
    kept = Kept.of(replace(found, segments=segments))
    summary = attempt_all(phase, OPENED, kept)["sixty"].summary
    assert summary is not None
    assert "size=small" in summary.columns


def _stratum(measured: MetricDesign, arm: str, level: str, part: Sums) -> SegmentState:
    return SegmentState(
        arm, measured.metric_id, STRATA, level, part, None, nonzero=part.n
    )
