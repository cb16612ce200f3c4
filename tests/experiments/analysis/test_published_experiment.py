"""A real, published experiment, from exact sums of its rows to its sentence."""

import csv
from pathlib import Path

import numpy as np
import pytest

from experiments.analysis.results import Outcome, Verdict
from experiments.design import MetricKind, MetricRole, PhaseDesign
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.statistics.caps import quantile_cap
from tests.experiments.analysis.designs import (
    arm,
    arm_state,
    conversions,
    design,
    looked,
    metric,
    state,
)

STEPS = 1_000_000
ARMS = ("gate_30", "gate_40")
SEVEN = metric("retention_7", kind=MetricKind.RETENTION, name="7-day retention")
ONE = metric(
    "retention_1",
    kind=MetricKind.RETENTION,
    role=MetricRole.SECONDARY,
    name="1-day retention",
)

Rows = list[dict[str, str]]


def players(folder: Path) -> Rows:
    """One row per player."""
    with (folder / "experiments" / "cookie_cats.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def summed(values: list[int]) -> Sums:
    """Exact sums of totals in steps."""
    steps = [value * STEPS for value in values]
    return Sums(n=len(steps), y=sum(steps), yy=sum(v * v for v in steps))


def counted(rows: Rows) -> tuple[PhaseDesign, PhaseState]:
    """The experiment as the event log would hand it over."""
    everybody = np.array([int(row["sum_gamerounds"]) for row in rows], dtype=np.int64)
    cap = quantile_cap(everybody, quantile=0.999)
    rounds = metric(
        "rounds",
        kind=MetricKind.SUM,
        role=MetricRole.SECONDARY,
        cap=cap * STEPS,
        name="rounds played",
        unit="rounds",
    )
    phase = design(
        SEVEN,
        ONE,
        rounds,
        arms=(
            arm("gate_30", "Gate at level 30", control=True),
            arm("gate_40", "Gate at level 40"),
        ),
        planned_units=len(rows),
    )
    found: list[ArmMetricState] = []
    for key in ARMS:
        chosen = [row for row in rows if row["version"] == key]
        played = [int(row["sum_gamerounds"]) for row in chosen]
        for retained in (SEVEN, ONE):
            came_back = sum(row[retained.key] == "TRUE" for row in chosen)
            found.append(arm_state(retained, key, conversions(len(chosen), came_back)))
        found.append(
            arm_state(
                rounds,
                key,
                summed(played),
                capped=summed([min(total, cap) for total in played]),
                nonzero=sum(total > 0 for total in played),
            )
        )
    return phase, state(phase, *found)


def test_the_published_numbers_come_out(shared_data: Path) -> None:
    report = looked(*counted(players(shared_data)))
    seven, one, rounds = (m.comparisons[0] for m in report.metrics)
    ratio = report.health.sample_ratio

    assert [a.exposed for a in report.health.arms] == [44_700, 45_489]
    assert ratio.p_value == pytest.approx(0.0086, abs=5e-5)
    assert (ratio.warned, ratio.failed) == (True, False)

    assert seven.raw.control.mean == pytest.approx(0.19020, abs=5e-6)
    assert seven.raw.treatment.mean == pytest.approx(0.18200, abs=5e-6)
    assert seven.raw.absolute == pytest.approx(-0.00820, abs=5e-6)
    assert (seven.raw.low, seven.raw.high) == pytest.approx(
        (-0.01328, -0.00312), abs=5e-6
    )
    assert seven.raw.p_value == pytest.approx(0.00156, abs=5e-6)
    assert seven.valid is not None
    assert seven.valid.p_value == seven.raw.p_value
    assert seven.verdict is Verdict.LOSS

    assert one.raw.absolute == pytest.approx(-0.00591, abs=5e-6)
    assert (one.raw.low, one.raw.high) == pytest.approx((-0.01239, 0.00058), abs=5e-6)
    assert one.raw.p_value == pytest.approx(0.0744, abs=5e-5)

    assert rounds.raw.p_value == pytest.approx(0.376, abs=5e-4)
    assert rounds.capped is not None
    assert rounds.capped.p_value == pytest.approx(0.883, abs=5e-4)
    assert report.metrics[2].cap == 1_074.0


def test_the_sentence_says_not_to_move_the_gate(shared_data: Path) -> None:
    report = looked(*counted(players(shared_data)))
    assert report.recommendation.outcome is Outcome.DONT_SHIP
    assert report.headline == (
        "Gate at level 40 instead of 30: 7-day retention 19.0% -> 18.2% "
        "(-1.3 to -0.3 points). Caution: a split of 44,700 and 45,489 users is "
        "unlikely by chance (p = 0.0086). Do not ship it."
    )
