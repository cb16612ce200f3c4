"""Steps, holdbacks and what they can see, without a database."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from experiments.assignment.columns import arms
from experiments.assignment.definitions import Snapshot
from experiments.assignment.evaluator import Cause, decide
from experiments.assignment.phases import ShippedDefinition
from experiments.assignment.rollout import Rollout, rolled_out
from experiments.design import UnitKind
from experiments.errors import DesignInvalid
from experiments.shipping.ramps import checked_steps
from experiments.shipping.sight import smallest_effect
from experiments.statistics.power import units_for_means
from tests.experiments.assignment.rulesets import DEFINITION

IDS = [f"user-{n}" for n in range(10_000)]


def width(parts: Rollout) -> float:
    return sum(high - low for low, high in (parts.kept, *parts.added))


def shipped(share: float, holdback: float = 0.05, *, measured: bool) -> Snapshot:
    parts = rolled_out(
        [0.5, 0.5], 1.0, control=0, shipped=1, holdback=holdback, share=share
    )
    definition = ShippedDefinition(
        "short", (parts.held_back,), (parts.kept,), parts.added, measured
    )
    return Snapshot.of(1, [replace(DEFINITION, shipped=definition)])


def test_steps_end_at_the_last_share() -> None:
    assert checked_steps((0.1, 0.5, 1.0), 1.0) == [0.1, 0.5, 1.0]
    assert checked_steps((0.1, 0.5, 1.0), 0.4) == [0.1, 0.4]
    assert checked_steps((), 1.0) == [1.0]


@pytest.mark.parametrize(
    ("steps", "ramp_to"),
    [((0.5, 0.1), 1.0), ((0.1, 0.1), 1.0), ((0.0,), 1.0), ((1.1,), 1.0), ((0.1,), 0.0)],
)
def test_steps_that_do_not_rise_are_refused(
    steps: tuple[float, ...], ramp_to: float
) -> None:
    with pytest.raises(DesignInvalid):
        checked_steps(steps, ramp_to)


def test_a_larger_share_only_adds_and_the_holdback_never_moves() -> None:
    for seed in range(200):
        chance = Random(seed)  # noqa: S311
        weights = chance.choice([(0.5, 0.5), (0.2, 0.3, 0.5), (0.9, 0.1)])
        control, other = chance.sample(range(len(weights)), 2)
        holdback = chance.random() * weights[control]
        shares = sorted([chance.random() for _ in range(4)] + [1.0])
        found = [
            rolled_out(
                weights,
                chance.choice([1.0, 0.4]) if seed % 2 else 1.0,
                control=control,
                shipped=other,
                holdback=holdback,
                share=share,
            )
            for share in shares
        ]
        for share, parts in zip(shares, found, strict=True):
            reached = min(share, 1.0 - holdback)
            assert width(parts) == pytest.approx(reached, abs=1e-6)
        assert len({parts.held_back for parts in found}) == 1
        last = found[-1]
        for low, high in (last.kept, *last.added):
            assert high <= last.held_back[0] or low >= last.held_back[1]


def test_whoever_was_treated_is_reached_first_and_never_held_back() -> None:
    before = Snapshot.of(1, [DEFINITION]).phases["short-form"]
    steps = [shipped(share, measured=False) for share in (0.1, 0.5, 1.0)]
    reached: list[set[str]] = []
    for served in steps:
        phase = served.phases["short-form"]
        has = {i for i in IDS if decide(phase, {"id": i}).variant.key == "short"}
        reached.append(has)
        held = {i for i in IDS if decide(phase, {"id": i}).cause is Cause.HOLDBACK}
        assert all(decide(before, {"id": i}).variant.key == "long" for i in held)
    treated = {i for i in IDS if decide(before, {"id": i}).variant.key == "short"}
    assert reached[0] < treated == reached[1]
    assert all(one < other for one, other in pairwise(reached))


def test_of_ten_thousand_five_hundred_still_have_the_control() -> None:
    phase = shipped(1.0, measured=True).phases["short-form"]
    decisions = [decide(phase, {"id": i}) for i in IDS]
    control = [d for d in decisions if d.variant.key == "long"]
    assert abs(len(control) - 500) <= 44
    assert {(d.cause, d.in_experiment) for d in control} == {(Cause.HOLDBACK, True)}


def test_a_column_is_told_apart_as_one_at_a_time() -> None:
    phase = shipped(0.7, measured=True).phases["short-form"]
    found = arms(IDS, DEFINITION.seed, 2, phase.ranges)
    names = [*(v.key for v in phase.served), "long"]
    assert [names[place] for place in found] == [
        decide(phase, {"id": i}).variant.key for i in IDS
    ]


def test_a_kill_switch_an_override_and_a_missing_id_come_first() -> None:
    served = shipped(1.0, measured=True).phases["short-form"].definition
    named = replace(served, overrides={"id": {"user-1": "long"}})
    phase = Snapshot.of(1, [named]).phases["short-form"]
    assert decide(phase, {"id": "user-1"}).cause is Cause.OVERRIDDEN
    assert decide(phase, {}).cause is Cause.NO_UNIT
    assert decide(phase, {"accountId": "a"}).cause is Cause.NO_UNIT
    assert served.unit is UnitKind.USER


def test_a_linked_id_keeps_what_was_shipped_and_nothing_else() -> None:
    served = shipped(1.0, measured=True).phases["short-form"]
    held = next(i for i in IDS if decide(served, {"id": i}).cause is Cause.HOLDBACK)
    has = next(i for i in IDS if decide(served, {"id": i}).cause is Cause.SHIPPED)
    sticky = {"id": {held: "short", has: "long"}}
    linked = replace(served.definition, sticky=sticky)
    phase = Snapshot.of(1, [linked]).phases["short-form"]
    kept = decide(phase, {"id": held})
    assert (kept.variant.key, kept.in_experiment) == ("short", False)
    assert decide(phase, {"id": has}).variant.key == "short"


def test_the_smallest_effect_is_the_one_that_a_plan_would_need_the_units_for() -> None:
    found = smallest_effect((6_280, 100.0), (6_280, 100.0), alpha=0.05, power=0.8)
    units = units_for_means(
        control_variance=100.0,
        treatment_variance=100.0,
        minimum_effect=found,
        alpha=0.05,
        power=0.8,
        ratio=1.0,
    )
    assert abs(units - 6_280) <= 1
    less = smallest_effect((100, 100.0), (6_280, 100.0), alpha=0.05, power=0.8)
    assert less > found
