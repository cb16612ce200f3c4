"""Links that come while a snapshot is served count as those it was compiled with."""

from dataclasses import replace
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.assignment.definitions import LinkChange, Snapshot
from experiments.assignment.evaluator import Cause, decide
from tests.experiments.assignment.rulesets import (
    DEFINITION,
    USERS,
    snapshot,
    subject,
)

PHASE = DEFINITION.phase_id


def drawn(chance: Random, served: Snapshot) -> list[LinkChange]:
    """Links made, moved and taken back, of these phases and of one that is gone."""
    phases = [phase.definition.phase_id for phase in served.phases.values()]
    return [
        LinkChange(
            chance.choice([*phases, UUID(int=999)]),
            chance.choice(["id", "anonymousId"]),
            chance.choice(USERS),
            chance.choice(["a", "b", "c", "gone", None]),
        )
        for _ in range(chance.randint(1, 60))
    ]


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False))
def test_a_link_counts_the_same_whenever_it_came(chance: Random) -> None:
    served = snapshot(chance, linked=True)
    people = [subject(chance) for _ in range(10)]
    for person in people:
        served.decide_all(person)
    served.links.take(drawn(chance, served), 7)
    definitions = [phase.as_it_is() for phase in served.phases.values()]
    compiled = Snapshot.of(1, definitions, 7)
    assert served.links.revision == compiled.links.revision == 7
    for person in people:
        assert [
            (decision.variant.key, decision.cause)
            for decision in served.decide_all(person)
        ] == [
            (decision.variant.key, decision.cause)
            for decision in compiled.decide_all(person)
        ]


def test_a_link_is_made_moved_and_taken_back() -> None:
    served = Snapshot.of(1, [replace(DEFINITION, coverage=0.0)])
    phase = served.phases["short-form"]
    causes = []
    for revision, variant in enumerate(["short", "long", None, "short", "gone"]):
        served.links.take([LinkChange(PHASE, "id", "ada", variant)], revision)
        (found,) = served.decide_all({"id": "ada"})
        assert found is decide(phase, {"id": "ada"})
        causes.append((found.cause, found.variant.key))
    outside = (Cause.OUTSIDE_COVERAGE, "long")
    linked = (Cause.LINKED, "short")
    assert causes == [linked, (Cause.LINKED, "long"), outside, linked, outside]


def test_a_link_of_a_visitor_says_nothing_of_the_user() -> None:
    served = Snapshot.of(1, [replace(DEFINITION, coverage=0.0)])
    served.links.take([LinkChange(PHASE, "anonymousId", "cookie", "short")], 1)
    (visitor,) = served.decide_all({"anonymousId": "cookie"})
    (user,) = served.decide_all({"anonymousId": "cookie", "id": "ada"})
    assert (visitor.cause, user.cause) == (Cause.LINKED, Cause.OUTSIDE_COVERAGE)


def test_a_change_of_links_makes_no_new_decision() -> None:
    served = Snapshot.of(1, [DEFINITION])
    before = served.decide_all({"id": "grace"})
    served.links.take([LinkChange(PHASE, "id", "ada", "short")], 1)
    first, again = (served.decide_all({"id": "ada"}) for _ in range(2))
    assert served.decide_all({"id": "grace"})[0] is before[0]
    assert first[0] is again[0]
