"""What a phase freezes of its population is read as it was written."""

import json

import pytest

from experiments.assignment.phases import (
    HoldoutDefinition,
    LayerSlots,
    Prerequisite,
)
from experiments.eligibility.frozen import Eligibility, FrozenSegment

EVERYTHING = Eligibility(
    condition={"plan": {"$eq": "free"}},
    layer=LayerSlots("checkout", "5ca1ab1e5ca1ab1e", ((0.0, 0.1), (0.7, 1.0))),
    holdouts=(HoldoutDefinition("global", "decade00decade00", 0.05),),
    prerequisites=(Prerequisite("other", frozenset({"c", "a", "b"})),),
)


@pytest.mark.parametrize("written", [EVERYTHING, Eligibility()])
def test_a_document_is_read_as_it_was_written(written: Eligibility) -> None:
    document = json.loads(json.dumps(written.document()))
    assert Eligibility.of(document) == written


def test_a_row_that_froze_nothing_has_no_rules() -> None:
    assert Eligibility.of({}) == Eligibility()


def test_the_same_rules_give_the_same_design() -> None:
    """Else two starts of one draft would differ in the hash of their designs."""
    design = EVERYTHING.design()
    assert design is not None
    assert design["prerequisites"][0]["variants"] == ["a", "b", "c"]


def test_a_design_has_the_versions_of_segments_and_nothing_where_nothing_is() -> None:
    assert Eligibility(condition={"plan": "free"}).design() is None
    named = Eligibility(segments=(FrozenSegment("trial", 3),)).design()
    assert named is not None
    assert named["segments"] == [["trial", 3]]
