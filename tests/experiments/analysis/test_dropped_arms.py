"""An arm that was taken out: its counts stay, and it is compared with nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.analysis.health import examine
from experiments.analysis.inputs import snapshot_hash
from experiments.analysis.labels import HorizonState
from experiments.analysis.looks import DueLook, information
from experiments.analysis.results import Alarm, Report
from experiments.analysis.scorecard import report
from experiments.analysis.taken import Kept, Taken
from experiments.analysis.taking import take
from experiments.arms import DroppedArm
from experiments.design import MetricRole, PhaseDesign, design_hash
from experiments.events.state import PhaseState
from experiments.governance.alarms import ringing
from experiments.plan import HarmAction
from tests.experiments.analysis.designs import (
    MONTH_LATER,
    START,
    arm,
    arm_state,
    conversions,
    design,
    looked,
    metric,
    planned,
    state,
)

ARMS = (
    arm("control", "100 reports", control=True, weight=0.4),
    arm("sixty", "60 reports", weight=0.3),
    arm("forty", "40 reports", weight=0.3),
)
WHOLE = design(arms=ARMS, planned_units=20_000)
GONE = (DroppedArm("forty", START + timedelta(days=10)),)
LEFT = replace(WHOLE, dropped=GONE)


def seen(
    phase: PhaseDesign,
    control: tuple[int, int],
    sixty: tuple[int, int],
    forty: tuple[int, int],
) -> PhaseState:
    """Units, and how many pay, in each arm."""
    counts = dict(
        zip(("control", "sixty", "forty"), (control, sixty, forty), strict=True)
    )
    return state(
        phase,
        *(
            arm_state(phase.primary, key, conversions(*each))
            for key, each in counts.items()
        ),
    )


FEW = ((8_000, 320), (6_000, 300), (1_500, 60))
"""The third arm was dropped when it had a quarter of its units."""


def test_the_design_is_what_it_was() -> None:
    assert design_hash(LEFT) == design_hash(WHOLE)
    assert [each.key for each in LEFT.in_play] == ["control", "sixty"]
    assert (WHOLE.units_in_play, LEFT.units_in_play) == (20_000, 14_000)


def test_its_units_are_shown_and_are_in_no_sum_and_no_test() -> None:
    found = seen(LEFT, *FEW)
    assert examine(WHOLE, found).sample_ratio.failed
    health = examine(LEFT, found)
    assert not health.sample_ratio.warned
    assert health.sequential_ratio is not None
    assert not health.sequential_ratio.warned
    assert [(a.arm, a.exposed, a.dropped_at) for a in health.arms] == [
        ("control", 8_000, None),
        ("sixty", 6_000, None),
        ("forty", 1_500, GONE[0].at),
    ]
    assert (health.matured, health.planned_units) == (14_000, 14_000)


def test_a_split_that_is_off_among_the_others_is_still_found() -> None:
    off = seen(LEFT, (8_000, 320), (6_600, 300), (1_500, 60))
    assert examine(LEFT, off).sample_ratio.failed


def test_the_others_are_read_at_the_numbers_that_were_planned_for_them() -> None:
    found = seen(LEFT, *FEW)
    assert information(LEFT, found) == 1.0
    assert information(WHOLE, found) < 1.0


def test_it_is_compared_no_more_and_the_others_keep_their_share_of_the_error() -> None:
    """Two variants were planned, so the one that is left is judged as one of two."""
    found = seen(LEFT, (8_000, 320), (6_000, 284), (1_500, 60))
    two, one = looked(WHOLE, found), looked(LEFT, found)
    alone = replace(WHOLE, arms=ARMS[:2], planned_units=14_000)
    single = looked(alone, replace(found, metrics=found.metrics[:2]))
    (left,) = one.metrics[0].comparisons
    assert left.arm == "sixty"
    assert left.valid is not None
    assert [c.arm for c in two.metrics[0].comparisons] == ["sixty", "forty"]
    undivided = single.metrics[0].comparisons[0].valid
    assert undivided is not None
    assert undivided.p_value < 0.05 < left.valid.p_value
    assert left.valid.p_value == pytest.approx(2 * undivided.p_value)
    assert left.valid.low < undivided.low


def test_the_report_owns_up_to_the_variants_that_were_tried() -> None:
    found = looked(LEFT, seen(LEFT, (8_000, 320), (6_000, 330), (1_500, 60)))
    assert "One of 2 variants tried." in found.headline


def looks_of(
    phase: PhaseDesign, *states: tuple[PhaseState, PhaseDesign]
) -> tuple[Taken, PhaseDesign]:
    """Daily looks, each with the design as it was then."""
    taken = Taken()
    last = phase
    for number, (found, now) in enumerate(states, 1):
        at = replace(found, watermark=MONTH_LATER + timedelta(days=number))
        due = DueLook(number, at.watermark, HorizonState.BEFORE)
        kept = Kept.of(at)
        lines = take(now, at, kept, taken.lines, due=due, at=at.watermark)
        taken = Taken((*taken.lines, *lines), {**taken.kept, number: kept})
        last = now
    return taken, last


def at_looks(drop: bool) -> tuple[Taken, Report]:
    """Two looks; the third variant is dropped between them, or is not."""
    whole = planned(WHOLE)
    left = replace(whole, dropped=GONE) if drop else whole
    first = seen(whole, (2_000, 80), (1_500, 75), (1_500, 60))
    second = seen(left, (6_000, 240), (4_500, 250), (1_500, 60))
    taken, last = looks_of(whole, (first, whole), (second, left))
    return taken, report(last, second, taken=taken, waiting_for="more")


def test_between_looks_it_leaves_the_bound_of_the_others_where_it_was() -> None:
    (taken, dropped), (_, kept) = at_looks(drop=True), at_looks(drop=False)
    levels = [
        line.level for line in taken.lines if line.number == 2 and line.arm == "sixty"
    ]
    assert levels == [pytest.approx(0.025)]
    blank = [line for line in taken.lines if line.number == 2 and line.arm == "forty"]
    assert [(line.statistic, line.estimate, line.crossed) for line in blank] == [
        (None, None, False)
    ]
    assert [c.arm for c in dropped.metrics[0].comparisons] == ["sixty"]
    assert [c.arm for c in kept.metrics[0].comparisons] == ["sixty", "forty"]
    assert dropped.looks[0].arms[1].arm == "forty"


def test_its_alarm_stands_and_does_not_ring_again() -> None:
    harm = metric("kept", role=MetricRole.GUARDRAIL)
    phase = planned(design(metric("paid"), harm, arms=ARMS, planned_units=20_000))
    left = replace(phase, dropped=GONE)
    found = state(
        left,
        *(
            arm_state(each, key, conversions(4_000, paying))
            for each in left.metrics
            for key, paying in (("control", 400), ("sixty", 400), ("forty", 100))
        ),
    )
    rang = Alarm("kept", "forty", HarmAction.ALERT, -0.01, START)
    said = report(left, found, taken=Taken(), waiting_for="more", alarms=(rang,))
    assert said.alarms == (rang,)
    assert [c.arm for m in said.metrics for c in m.comparisons] == ["sixty", "sixty"]
    assert said.recommendation.arm != "forty"
    assert "forty" in {each.arm for each in ringing(said, phase)}
    assert "forty" not in {each.arm for each in ringing(said, left)}


def test_a_snapshot_is_another_one_once_an_arm_is_dropped() -> None:
    found = seen(LEFT, *FEW)
    hashes = {
        snapshot_hash(each, found, looks=[], waiting_for=None) for each in (WHOLE, LEFT)
    }
    assert len(hashes) == 2
