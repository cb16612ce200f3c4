"""When the one look is due, and the copy of the state that it keeps."""

from dataclasses import replace
from datetime import timedelta

from experiments.analysis.documents import state_document, state_from
from experiments.analysis.inputs import snapshot_hash
from experiments.analysis.looks import information, waiting_for
from experiments.events.state import PhaseState, Sums
from tests.experiments.analysis.designs import (
    START,
    arm_state,
    conversions,
    design,
    ended,
    metric,
    paid,
    state,
)


def test_the_look_is_due_at_the_planned_units() -> None:
    phase, found = paid((10_000, 400), (10_000, 400))
    assert waiting_for(phase, found) is None
    assert information(phase, found) == 1.0


def test_one_unit_fewer_is_not_enough() -> None:
    phase, found = paid((10_000, 400), (9_999, 400))
    assert waiting_for(phase, found) == (
        "19,999 of 20,000 planned users have been observed for long enough"
    )


def test_a_single_unit_has_been_observed() -> None:
    phase, found = paid((1, 0), (0, 0))
    assert "1 of 20,000 planned users has been" in (waiting_for(phase, found) or "")


def test_maturing_units_do_not_count() -> None:
    phase = design()
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        arm_state(phase.primary, "sixty", conversions(9_000, 400), maturing=5_000),
    )
    assert waiting_for(phase, found) is not None


def test_a_look_needs_a_whole_week() -> None:
    phase, found = paid((10_000, 400), (10_000, 400))
    early = replace(found, watermark=START + timedelta(days=6, hours=23))
    assert waiting_for(phase, early) == "less than a full week has passed"
    on_time = replace(found, watermark=START + timedelta(days=7))
    assert waiting_for(phase, on_time) is None


def test_events_that_keep_coming_do_not_put_the_look_off() -> None:
    phase, found = paid((10_000, 400), (10_000, 400))
    assert waiting_for(phase, replace(found, backlog=5)) is None
    few, seen = paid((300, 40), (300, 40))
    assert waiting_for(ended(few), replace(seen, backlog=5)) is None


def test_an_ended_phase_is_read_when_nothing_can_mature_any_more() -> None:
    phase, found = paid((300, 40), (300, 40))
    over = ended(phase)
    assert waiting_for(phase, found) is not None
    assert waiting_for(over, found) is None
    before_the_end = replace(found, watermark=START + timedelta(days=8))
    assert waiting_for(over, before_the_end) is not None


def test_a_finished_import_is_read_at_once() -> None:
    phase, found = paid((300, 40), (300, 40))
    imported = replace(phase, imported=True, finished_import=True)
    assert waiting_for(imported, found) is None
    assert waiting_for(imported, replace(found, backlog=1)) is not None
    open_window = state(
        imported,
        arm_state(phase.primary, "control", conversions(300, 40), maturing=1),
        arm_state(phase.primary, "sixty", conversions(300, 40)),
    )
    assert waiting_for(imported, open_window) is not None


def test_an_import_of_less_than_a_week_is_read_too() -> None:
    phase, found = paid((300, 40), (300, 40), planned_units=600)
    soon = replace(found, watermark=START + timedelta(days=2))
    assert waiting_for(phase, soon) == "less than a full week has passed"
    over = replace(phase, imported=True, finished_import=True)
    assert waiting_for(over, soon) is None


def test_an_import_of_the_planned_size_waits_for_its_end_marker() -> None:
    phase, found = paid((300, 0), (300, 0), planned_units=600)
    arriving = replace(phase, imported=True)
    assert waiting_for(phase, found) is None
    assert waiting_for(arriving, found) == "the import is not finished"
    over = replace(arriving, finished_import=True)
    behind = replace(found, backlog=1)
    assert waiting_for(over, behind) == "the import is not finished"
    assert waiting_for(over, found) is None


def test_a_state_comes_back_from_json_to_the_last_digit() -> None:
    kept = arm_state(
        metric("spend"),
        "sixty",
        Sums(n=3, y=10**15, yy=10**30 + 1, d=-7, dd=49, yd=-(10**16) - 3),
        capped=Sums(n=3, y=1, yy=1),
        maturing=2,
    )
    assert state_from(state_document(kept)) == kept
    uncapped = replace(kept, capped=None)
    assert state_from(state_document(uncapped)) == uncapped


def test_the_hash_follows_every_number_and_neither_clock_nor_order() -> None:
    phase, found = paid((300, 40), (300, 40))

    def hashed(state: PhaseState, waiting: str | None = None) -> str:
        return snapshot_hash(phase, state, looks=[], waiting_for=waiting)

    same = replace(found, metrics=found.metrics[::-1], position=99, backlog=3)
    assert hashed(same) == hashed(found)
    others = [
        replace(found, exposed={"control": 301, "sixty": 300}),
        replace(found, conflicts={"control": 1}),
        replace(found, linked={"control": 1}),
        replace(found, in_gaps={"control": 1}),
        replace(found, metrics=paid((300, 41), (300, 40))[1].metrics),
    ]
    hashes = {hashed(other) for other in others}
    assert len(hashes) == len(others)
    assert hashed(found) not in hashes
    assert hashed(found, "a week") != hashed(found)
    changed = replace(phase, planned_units=5)
    assert snapshot_hash(changed, found, looks=[], waiting_for=None) != hashed(found)
