"""What steps a ramp may have, and what keeps one from going on."""

from datetime import timedelta
from typing import Any

import pytest

from experiments.governance.errors import RampInvalid
from experiments.governance.ramps import (
    HoldReason,
    RampFacts,
    RampStep,
    checked_steps,
    holds,
    passed,
    reached,
    steps_document,
    steps_of,
)
from tests.experiments.governance.people import at

START = at("2026-10-26T09:00")
STEPS = (RampStep(0.1, 24, 500), RampStep(0.25, 24, 500), RampStep(0.5))


def facts(**changes: Any) -> RampFacts:
    """A first step that has been held for a day, with enough units."""
    known: dict[str, Any] = {
        "steps": STEPS,
        "step": 0,
        "entered_at": START,
        "at": START + timedelta(hours=24),
        "pauses": (),
        "exposed": 500,
        "split_fits": True,
        "alarms": 0,
        "approved": frozenset(),
    }
    return RampFacts(**known | changes)


def test_a_step_begins_when_nothing_holds_it() -> None:
    assert holds(facts()) == ()
    assert passed(facts()) == (
        "Step 2 of 3: held for 24.0 h, 500 units exposed, no alarm, and the split fits."
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"at": START + timedelta(hours=23, minutes=59)}, HoldReason.HOLD_TIME),
        ({"exposed": 499}, HoldReason.SAMPLE),
        ({"split_fits": None}, HoldReason.NO_RESULTS),
        ({"split_fits": False}, HoldReason.SRM),
        ({"alarms": 1}, HoldReason.ALARM),
        (
            {"steps": (STEPS[0], RampStep(0.5, needs_approval=True))},
            HoldReason.APPROVAL,
        ),
        (
            {
                "pauses": [(START + timedelta(hours=24), None)],
                "at": START + timedelta(hours=30),
            },
            HoldReason.PAUSED,
        ),
        # A pause stops the clock of the hold too.
        (
            {
                "pauses": [
                    (START + timedelta(hours=1), START + timedelta(hours=3)),
                ]
            },
            HoldReason.HOLD_TIME,
        ),
    ],
)
def test_each_thing_holds_a_step_for_itself(
    changes: dict[str, Any], reason: HoldReason
) -> None:
    (found,) = holds(facts(**changes))
    assert found.reason is reason
    assert found.message.endswith(".")


def test_an_approved_step_waits_no_longer() -> None:
    steps = (STEPS[0], RampStep(0.5, needs_approval=True))
    assert holds(facts(steps=steps, approved=frozenset({1}))) == ()


def test_a_pause_before_the_step_does_not_count() -> None:
    earlier = [(START - timedelta(days=2), START - timedelta(days=1))]
    across = [(START - timedelta(hours=2), START + timedelta(hours=1))]
    assert facts(pauses=earlier).held_for == timedelta(hours=24)
    assert facts(pauses=across).held_for == timedelta(hours=23)


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ([RampStep(0.5), RampStep(0.5)], ("steps", "1", "coverage")),
        ([RampStep(0.0)], ("steps", "0", "coverage")),
        ([RampStep(1.01)], ("steps", "0", "coverage")),
        ([RampStep(float("nan"))], ("steps", "0", "coverage")),
        ([RampStep(0.1, -1)], ("steps", "0", "holdHours")),
        ([RampStep(0.1, float("inf"))], ("steps", "0", "holdHours")),
        ([RampStep(0.1, 0, -1)], ("steps", "0", "minimumUnits")),
        ([RampStep(0.1, needs_approval=True)], ("steps", "0", "needsApproval")),
        ([RampStep(n / 11) for n in range(1, 12)], ("steps",)),
    ],
)
def test_steps_rise_and_are_bounded(
    steps: list[RampStep], path: tuple[str, ...]
) -> None:
    with pytest.raises(RampInvalid) as refused:
        checked_steps(steps)
    assert refused.value.path == path


def test_steps_are_read_back_as_they_were_stored() -> None:
    assert steps_of(steps_document(checked_steps(STEPS))) == STEPS


@pytest.mark.parametrize(
    ("coverage", "index"), [(0.05, None), (0.1, 0), (0.3, 1), (1.0, 2)]
)
def test_coverage_has_come_to_a_step(coverage: float, index: int | None) -> None:
    assert reached(STEPS, coverage) == index
