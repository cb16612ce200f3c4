"""Where two states differ is told by name, never by how much."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.state_audits.differences import MAX_NAMED, are_equal, differences

PHASE, METRIC = UUID(int=1), UUID(int=2)
STATE = PhaseState(
    phase_id=PHASE,
    position=7,
    watermark=datetime(2026, 4, 1, tzinfo=UTC),
    exposed={"a": 4, "b": 5},
    in_gaps={"a": 0, "b": 0},
    conflicts={"a": 0, "b": 0},
    linked={"a": 0, "b": 0},
    joined={"a": 0, "b": 0},
    metrics=tuple(
        ArmMetricState(arm, METRIC, Sums(4, 2, 2), None, nonzero=2, maturing=0)
        for arm in "ab"
    ),
)


def test_equal_states_differ_nowhere() -> None:
    same = replace(STATE, exposed={"b": 5, "a": 4}, metrics=STATE.metrics[::-1])
    assert are_equal(STATE, same)
    assert differences(STATE, same) == ()


def test_a_number_that_differs_is_named_by_arm_and_metric() -> None:
    other = replace(STATE.metrics[1], raw=Sums(4, 3, 3))
    found = replace(STATE, metrics=(STATE.metrics[0], other), exposed={"a": 4, "b": 6})
    assert not are_equal(STATE, found)
    assert differences(STATE, found) == (
        "exposed.b",
        f"metrics[b {METRIC}].raw.y",
        f"metrics[b {METRIC}].raw.yy",
    )


def test_a_part_that_is_missing_differs() -> None:
    assert "exposed.b" in differences(STATE, replace(STATE, exposed={"a": 4}))


def test_many_differences_are_counted() -> None:
    found = replace(STATE, exposed={f"arm {n}": n for n in range(30)})
    named = differences(STATE, found)
    assert (len(named), named[-1]) == (MAX_NAMED + 1, "and 12 more")
