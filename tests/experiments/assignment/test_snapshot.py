"""All experiments decided at once, and what they may not do to each other."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hashing import bucket
from core.subjects import ID_ATTRIBUTES
from experiments.assignment.decisions import CompiledPhase, Decision
from experiments.assignment.definitions import (
    MAX_PREREQUISITE_DEPTH,
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    Serving,
    Snapshot,
)
from experiments.assignment.evaluator import Cause, Reason, decide
from experiments.assignment.explanation import explained
from experiments.assignment.ranges import choose, membership, table
from experiments.design import UnitKind
from tests.experiments.assignment.rulesets import DEFINITION, snapshot, subject


def one_by_one(
    served: Snapshot, sent: Mapping[str, Any], stored: Mapping[str, Any]
) -> list[Decision]:
    return [
        decide(phase, sent if phase.sent_first else stored)
        for phase in served.phases.values()
    ]


def check_all_at_once(chance: Random) -> None:
    served = snapshot(chance, linked=True)
    for _ in range(10):
        sent, other = subject(chance), subject(chance)
        stored = {name: v for name, v in other.items() if name not in ID_ATTRIBUTES}
        stored |= {name: v for name, v in sent.items() if name in ID_ATTRIBUTES}
        assert served.decide_all(sent) == one_by_one(served, sent, sent)
        assert served.decide_all(sent, stored) == one_by_one(served, sent, stored)


def test_all_at_once_is_one_by_one() -> None:
    for seed in range(300):
        check_all_at_once(Random(seed))  # noqa: S311 - the same every time


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False))
def test_all_at_once_is_one_by_one_for_any_definitions(chance: Random) -> None:
    check_all_at_once(chance)


def test_the_same_decision_is_the_same_object() -> None:
    served = Snapshot.of(1, [DEFINITION])
    given_ = {id(d) for n in range(200) for d in served.decide_all({"id": f"u{n}"})}
    assert len(given_) == 2


def test_only_experiments_that_may_reach_the_subject_are_evaluated() -> None:
    definitions = [
        replace(
            DEFINITION,
            experiment_key=f"e{n}",
            condition={"market": f"m{n % 100}", "plan": {"$in": ["free", "team"]}},
        )
        for n in range(2_000)
    ]
    served = Snapshot.of(1, definitions)
    found = served.relevant({"id": "u1", "market": "m7", "plan": "free"})
    assert len(found.places) == 20
    assert {each.phase.definition.experiment_key for each in found.decisions} == {
        f"e{n}" for n in range(7, 2_000, 100)
    }
    assert {each.cause for each in found.base.decisions} == {Cause.NOT_TARGETED}
    several = served.relevant({"id": "u1", "market": ["m7", "m8"], "plan": "free"})
    assert len(several.places) == 40
    again = served.relevant({"id": "u2", "plan": "free"})
    assert (again.base, again.places) == (found.base, [])


@given(
    st.lists(
        st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), min_size=1, max_size=6
    )
)
def test_a_table_of_positions_is_the_comparison_of_floats(
    ranges: list[tuple[float, float]],
) -> None:
    slices = tuple(ranges)
    chosen, inside = table(slices), membership(slices)
    for place in range(10_000):
        expected = choose(place / 10_000, slices)
        assert chosen[place] == (len(slices) if expected is None else expected)
        assert inside[place] == (expected is not None)


def test_nobody_is_in_two_experiments_of_one_layer() -> None:
    slots = (((0.0, 0.4),), ((0.4, 0.7), (0.9, 1.0)), ((0.7, 0.9),))
    definitions = [
        replace(
            DEFINITION,
            experiment_key=f"e{n}",
            seed=f"{n:016x}",
            layer=LayerSlots("checkout", "5ca1ab1e5ca1ab1e", ranges),
        )
        for n, ranges in enumerate(slots)
    ]
    served = Snapshot.of(1, definitions)
    inside = [0, 0, 0]
    for n in range(20_000):
        given_ = [d.in_experiment for d in served.decide_all({"id": f"user-{n}"})]
        assert sum(given_) == 1
        inside[given_.index(True)] += 1
    for count, share in zip(inside, (0.4, 0.4, 0.2), strict=True):
        assert abs(count - 20_000 * share) < 4 * (20_000 * share * (1 - share)) ** 0.5


def test_a_holdout_keeps_its_share_out_of_everything() -> None:
    holdout = HoldoutDefinition("global", "decade00decade00", 0.05)
    definitions = [
        replace(
            DEFINITION, experiment_key=f"e{n}", seed=f"{n:016x}", holdouts=(holdout,)
        )
        for n in range(3)
    ]
    served = Snapshot.of(1, definitions)
    held_out = 0
    for n in range(20_000):
        causes = {d.cause for d in served.decide_all({"id": f"user-{n}"})}
        assert causes in ({Cause.HELD_OUT}, {Cause.SPLIT})
        held_out += causes == {Cause.HELD_OUT}
    assert abs(held_out - 1_000) < 4 * (20_000 * 0.05 * 0.95) ** 0.5


ALL: dict[str, Any] = {
    "overrides": {"id": {"u1": "short"}},
    "serving": Serving.KILLED,
    "sticky": {"id": {"u1": "short"}},
    "holdouts": (HoldoutDefinition("global", "decade00decade00", 1.0),),
    "condition": {"plan": "free"},
    "prerequisites": (Prerequisite("gone", frozenset({"b"})),),
    "layer": LayerSlots("checkout", "5ca1ab1e5ca1ab1e", ()),
    "coverage": 0.0,
}


@pytest.mark.parametrize(
    ("lifted", "cause", "reason"),
    [
        ((), Cause.OVERRIDDEN, Reason.OVERRIDE),
        (("overrides",), Cause.KILLED, Reason.KILL_SWITCH),
        (("serving",), Cause.LINKED, Reason.IDENTITY_LINK),
        (("sticky",), Cause.HELD_OUT, Reason.HOLDOUT),
        (("holdouts",), Cause.NOT_TARGETED, Reason.STATIC),
        (("condition",), Cause.PREREQUISITE_UNMET, Reason.STATIC),
        (("prerequisites",), Cause.OUTSIDE_LAYER, Reason.SPLIT),
        (("layer",), Cause.OUTSIDE_COVERAGE, Reason.SPLIT),
        (("coverage",), Cause.SPLIT, Reason.SPLIT),
    ],
)
def test_the_first_step_that_settles_it_wins(
    lifted: tuple[str, ...], cause: Cause, reason: Reason
) -> None:
    steps = list(ALL)
    last = steps.index(lifted[0]) + 1 if lifted else 0
    kept = {name: ALL[name] for name in steps[last:]}
    served = Snapshot.of(1, [replace(DEFINITION, **kept)])
    (decision,) = served.decide_all({"id": "u1"})
    assert (decision.cause, decision.reason) == (cause, reason)
    assert decision.in_experiment is (cause in {Cause.LINKED, Cause.SPLIT})
    if cause in {Cause.OVERRIDDEN, Cause.LINKED}:
        assert decision.variant.key == "short"
    elif cause is not Cause.SPLIT:
        assert decision.variant.key == "long"


def parent_and_child(*variants: str, **parent: Any) -> tuple[Snapshot, CompiledPhase]:
    definitions = [
        replace(DEFINITION, experiment_key="parent", **parent),
        replace(
            DEFINITION,
            experiment_key="child",
            seed="0123456789abcdef",
            prerequisites=(Prerequisite("parent", frozenset(variants)),),
        ),
    ]
    served = Snapshot.of(1, definitions)
    return served, served.phases["child"]


@pytest.mark.parametrize("kinds", [("FEATURE", "LIMIT"), ("LIMIT", "FEATURE")])
def test_what_requires_each_other_is_asked_with_the_same_attributes(
    kinds: tuple[str, str],
) -> None:
    treatments = {"FEATURE": "FEATURE", "LIMIT": "FREEMIUM_LIMIT"}
    parent = replace(
        DEFINITION,
        experiment_key="parent",
        treatment=treatments[kinds[0]],
        condition={"plan": "pro"},
    )
    child = replace(
        DEFINITION,
        experiment_key="child",
        treatment=treatments[kinds[1]],
        seed="0123456789abcdef",
        prerequisites=(Prerequisite("parent", frozenset({"long", "short"})),),
    )
    alone = replace(DEFINITION, experiment_key="zzz", treatment="FEATURE")
    served = Snapshot.of(1, [parent, child, replace(alone, condition={"plan": "pro"})])
    said, known = {"id": "u1", "plan": "pro"}, {"id": "u1", "plan": "free"}
    outcomes = [each.cause for each in served.decide_all(said, known)]
    assert outcomes == [Cause.PREREQUISITE_UNMET, Cause.NOT_TARGETED, Cause.SPLIT]
    outcomes = [each.cause for each in served.decide_all(known, said)]
    assert outcomes == [Cause.SPLIT, Cause.SPLIT, Cause.NOT_TARGETED]


def test_a_prerequisite_is_a_variant_by_chance_of_the_other_experiment() -> None:
    served, child = parent_and_child("short")
    for n in range(200):
        has = decide(served.phases["parent"], {"id": f"u{n}"}).variant.key
        found = decide(child, {"id": f"u{n}"})
        assert found.in_experiment is (has == "short")
        (parent,) = explained(child, {"id": f"u{n}"}).prerequisites
        assert parent.met is found.in_experiment


@pytest.mark.parametrize(
    "parent",
    [
        {"overrides": {"id": {"u1": "short"}}},
        {"serving": Serving.PAUSED},
        {"coverage": 0.0},
        {"condition": {"plan": "free"}},
    ],
)
def test_who_has_a_variant_but_not_by_chance_does_not_meet_it(
    parent: dict[str, Any],
) -> None:
    _, child = parent_and_child("long", "short", **parent)
    assert decide(child, {"id": "u1"}).cause is Cause.PREREQUISITE_UNMET


def test_a_parent_reads_attributes_for_its_child() -> None:
    _, child = parent_and_child("short", condition={"plan": "free"})
    assert child.attribute_names == {"plan"}


def chain(length: int, *, closed: bool) -> Snapshot:
    definitions: list[PhaseDefinition] = []
    for n in range(length):
        before = (n - 1) % length if closed or n else None
        needs = (
            ()
            if before is None
            else (Prerequisite(f"e{before}", frozenset({"long", "short"})),)
        )
        definitions.append(
            replace(DEFINITION, experiment_key=f"e{n}", prerequisites=needs)
        )
    return Snapshot.of(1, definitions)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_circle_of_prerequisites_gives_everyone_the_control(length: int) -> None:
    found = chain(length, closed=True).decide_all({"id": "u1"})
    assert {decision.cause for decision in found} == {Cause.PREREQUISITE_UNMET}


def test_a_chain_that_is_too_long_is_not_met() -> None:
    served = chain(MAX_PREREQUISITE_DEPTH + 2, closed=False)
    last = f"e{MAX_PREREQUISITE_DEPTH}"
    assert decide(served.phases[last], {"id": "u1"}).in_experiment
    beyond = served.phases[f"e{MAX_PREREQUISITE_DEPTH + 1}"]
    assert decide(beyond, {"id": "u1"}).cause is Cause.PREREQUISITE_UNMET


def test_an_explanation_tells_every_step() -> None:
    definition = replace(
        DEFINITION,
        condition={"plan": "free"},
        layer=LayerSlots("checkout", "5ca1ab1e5ca1ab1e", ((0.25, 0.5),)),
        holdouts=(HoldoutDefinition("global", "decade00decade00", 1.0),),
    )
    phase = Snapshot.of(1, [definition]).phases["short-form"]
    why = explained(phase, {"id": "u1", "plan": "pro"})
    assert why.decision.cause is Cause.HELD_OUT
    assert why.failure is not None
    assert why.bucket == bucket("u1", definition.seed, 2)
    assert why.layer is not None
    assert why.layer.bucket == bucket("u1", "5ca1ab1e5ca1ab1e", 2)
    assert why.layer.slots == ((0.25, 0.5),)
    (holdout,) = why.holdouts
    assert (holdout.bucket, holdout.held_out) == (
        bucket("u1", "decade00decade00", 2),
        True,
    )
    nobody = explained(phase, {})
    assert nobody.bucket is None
    assert nobody.layer is not None
    assert nobody.layer.bucket is None


def test_an_account_and_a_user_are_held_out_by_their_own_ids() -> None:
    holdout = HoldoutDefinition("global", "decade00decade00", 0.5)
    by_user = replace(DEFINITION, holdouts=(holdout,))
    by_account = replace(by_user, experiment_key="other", unit=UnitKind.ACCOUNT)
    served = Snapshot.of(1, [by_user, by_account])
    for n in range(100):
        attributes = {"id": f"u{n}", "accountId": f"a{n % 7}"}
        account, user = served.decide_all(attributes)
        for decision, text in ((account, f"a{n % 7}"), (user, f"u{n}")):
            inside = (bucket(text, holdout.seed, 2) or 0) < holdout.share
            assert (decision.cause is Cause.HELD_OUT) is inside


def test_snapshots_of_one_environment_share_no_decision() -> None:
    first, second = (Snapshot.of(version, [DEFINITION]) for version in (1, 2))
    before, after = first.decide_all({"id": "u1"}), second.decide_all({"id": "u1"})
    assert before[0] is not after[0]
    assert before[0].variant == after[0].variant
    assert UUID(int=2) == before[0].phase.definition.phase_id
