"""An arm that is taken out: its units get the control, and nobody else moves."""

from dataclasses import replace

import pytest

from experiments.assignment.decisions import CompiledPhase
from experiments.assignment.definitions import Snapshot
from experiments.assignment.evaluator import Cause, compiled_phase, decide
from experiments.assignment.explanation import explained
from experiments.assignment.lowering import lowered
from experiments.assignment.phases import ShippedDefinition, VariantDefinition
from experiments.assignment.rollout import rolled_out
from tests.experiments.assignment.rulesets import DEFINITION

IDS = [f"user-{n}" for n in range(5_000)]
ARMS = (
    VariantDefinition("long", 0.4, is_control=True, payload={}, value=9),
    VariantDefinition("short", 0.3, is_control=False, payload={}, value=3),
    VariantDefinition("none", 0.3, is_control=False, payload={}, value=0),
)
WHOLE = replace(DEFINITION, variants=ARMS, coverage=0.8)
LEFT = replace(WHOLE, dropped=frozenset({"short"}))


def arms(phase: CompiledPhase) -> dict[str, tuple[str, Cause]]:
    """What each id gets, and why."""
    found = {each: decide(phase, {"id": each}) for each in IDS}
    return {each: (d.variant.key, d.cause) for each, d in found.items()}


@pytest.mark.parametrize("dropped", ["short", "none"])
def test_only_the_units_of_the_arm_move_and_they_get_the_control(dropped: str) -> None:
    left = replace(WHOLE, dropped=frozenset({dropped}))
    before, after = arms(compiled_phase(WHOLE)), arms(compiled_phase(left))
    moved = {each for each in IDS if before[each] != after[each]}
    assert moved == {each for each in IDS if before[each][0] == dropped}
    assert len(moved) == pytest.approx(0.8 * 0.3 * len(IDS), abs=4 * 31)
    assert {after[each] for each in moved} == {("long", Cause.ARM_DROPPED)}


def test_nobody_is_exposed_to_it_any_more() -> None:
    phase = compiled_phase(LEFT)
    found = [decide(phase, {"id": each}) for each in IDS]
    assert not any(d.in_experiment for d in found if d.cause is Cause.ARM_DROPPED)
    assert {d.variant.key for d in found if d.in_experiment} == {"long", "none"}


def test_more_coverage_lets_nobody_into_it() -> None:
    narrow, wide = (
        arms(compiled_phase(replace(LEFT, coverage=each))) for each in (0.4, 1.0)
    )
    inside = {each for each, (_, cause) in narrow.items() if cause is Cause.SPLIT}
    assert all(wide[each] == narrow[each] for each in inside)
    assert {key for key, _ in wide.values()} == {"long", "none"}


def test_who_met_it_is_not_dealt_another_variant_by_a_link() -> None:
    other = next(each for each in IDS if arms(compiled_phase(WHOLE))[each][0] == "none")
    phase = compiled_phase(LEFT)
    phase.link("id", other, "short")
    decision = decide(phase, {"id": other})
    assert (decision.variant.key, decision.cause) == ("long", Cause.ARM_DROPPED)
    again = decide(compiled_phase(phase.as_it_is()), {"id": other})
    assert (again.cause, again.in_experiment) == (Cause.ARM_DROPPED, False)


def test_an_override_still_gives_it_for_whoever_must_see_it() -> None:
    phase = compiled_phase(replace(LEFT, overrides={"id": {"user-1": "short"}}))
    assert decide(phase, {"id": "user-1"}).variant.key == "short"


def test_the_rules_for_sdks_have_the_parts_of_those_that_are_left() -> None:
    features = lowered(Snapshot.of(1, [LEFT]))["features"]
    (rule,) = [
        each
        for each in features["short-form"]["rules"]
        if each.get("hashAttribute") == "id"
    ]
    assert rule["variations"] == [9, 0]
    assert rule["meta"] == [{"key": k, "name": k} for k in ("long", "none")]
    assert rule["ranges"] == [
        pytest.approx([0.0, 0.32]),
        pytest.approx([0.7, 0.94]),
    ]
    assert "weights" not in rule


def test_the_explanation_shows_the_gap() -> None:
    dropped = next(
        each
        for each, (_, cause) in arms(compiled_phase(LEFT)).items()
        if cause is Cause.ARM_DROPPED
    )
    found = explained(compiled_phase(LEFT), {"id": dropped})
    assert [key for key, _ in found.ranges] == ["long", "none"]
    assert found.bucket is not None
    assert all(not low <= found.bucket < high for _, (low, high) in found.ranges)


def test_once_another_is_shipped_everyone_gets_that_one() -> None:
    parts = rolled_out(
        [0.4, 0.3, 0.3], 0.8, control=0, shipped=2, holdback=0.0, share=1.0
    )
    shipped = ShippedDefinition("none", (), (parts.kept,), parts.added, measured=False)
    found = arms(compiled_phase(replace(LEFT, shipped=shipped)))
    assert set(found.values()) == {("none", Cause.SHIPPED)}
