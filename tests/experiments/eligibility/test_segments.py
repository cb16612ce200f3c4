"""Segments written out of conditions, without a database."""

from typing import Any

import pytest

from core.conditions import ConditionInvalid, compiled, validated
from experiments.eligibility.segments import SegmentRule, named, written_out
from experiments.eligibility.values import told_apart
from experiments.errors import SegmentCycle, SegmentUnknown

BETA = SegmentRule("beta", 1, attribute="id", listed=("u1", "u2"))
FREE = SegmentRule("free", 1, condition={"plan": "free"})
SMALL = SegmentRule(
    "small", 1, condition={"$savedGroup": {"id": "free"}, "seats": {"$lt": 5}}
)
SEGMENTS = {rule.key: rule for rule in (BETA, FREE, SMALL)}


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ({"id": {"$inGroup": "beta"}}, {"id": {"$in": ["u1", "u2"]}}),
        ({"id": {"$notInGroup": "beta"}}, {"id": {"$nin": ["u1", "u2"]}}),
        (
            {"id": {"$not": {"$inGroup": "beta"}}},
            {"id": {"$not": {"$in": ["u1", "u2"]}}},
        ),
        ({"$savedGroup": {"id": "beta"}}, {"id": {"$in": ["u1", "u2"]}}),
        (
            {"$savedGroup": {"id": "beta", "attributeKey": "accountId"}},
            {"accountId": {"$in": ["u1", "u2"]}},
        ),
        ({"$savedGroup": {"id": "free"}}, {"plan": "free"}),
        (
            {"$savedGroup": {"id": "free"}, "country": "de"},
            {"$and": [{"country": "de"}, {"plan": "free"}]},
        ),
        (
            {"$savedGroup": {"id": "small"}},
            {"$and": [{"seats": {"$lt": 5}}, {"plan": "free"}]},
        ),
        (
            {
                "$or": [
                    {"id": {"$inGroup": "beta"}},
                    {"$not": {"$savedGroup": {"id": "free"}}},
                ]
            },
            {"$or": [{"id": {"$in": ["u1", "u2"]}}, {"$not": {"plan": "free"}}]},
        ),
        ({"plan": "free", "n": 3}, {"plan": "free", "n": 3}),
        ({"settings": {"beta": True}}, {"settings": {"beta": True}}),
    ],
)
def test_a_segment_stands_for_what_it_lists(
    source: dict[str, Any], written: dict[str, Any]
) -> None:
    assert written_out(source, SEGMENTS) == written


def test_what_is_written_out_holds_for_who_is_in_the_segment() -> None:
    source = {"$savedGroup": {"id": "small"}, "id": {"$notInGroup": "beta"}}
    condition = validated(written_out(source, SEGMENTS))
    inside = {"id": "u3", "plan": "free", "seats": 2}
    assert condition.holds(inside)
    for change in ({"id": "u1"}, {"plan": "paid"}, {"seats": 5}):
        assert not condition.holds(inside | change)


def test_the_names_are_found_wherever_they_stand() -> None:
    source = {
        "$or": [{"id": {"$inGroup": "a"}}, {"$not": {"$savedGroup": {"id": "b"}}}],
        "accountId": {"$not": {"$notInGroup": "c"}},
        "plan": "d",
    }
    assert named(source) == {"a", "b", "c"}


def test_a_name_of_nothing_is_refused_where_it_stands() -> None:
    with pytest.raises(SegmentUnknown, match="gone") as refused:
        written_out({"$and": [{"id": {"$inGroup": "gone"}}]}, SEGMENTS)
    assert refused.value.path == ("$and", "0", "id", "$inGroup")


def test_a_circle_is_refused() -> None:
    one = SegmentRule("one", 1, condition={"$savedGroup": {"id": "two"}})
    two = SegmentRule("two", 1, condition={"$not": {"$savedGroup": {"id": "one"}}})
    with pytest.raises(SegmentCycle, match="one > two > one"):
        written_out({"$savedGroup": {"id": "one"}}, {"one": one, "two": two})


def test_segments_that_double_each_other_are_stopped() -> None:
    segments = {"0": SegmentRule("0", 1, attribute="id", listed=("u",) * 5_000)}
    for number in range(1, 30):
        inner = {"$savedGroup": {"id": str(number - 1)}}
        segments[str(number)] = SegmentRule(
            str(number), 1, condition={"$or": [inner, inner]}
        )
    with pytest.raises(ConditionInvalid):
        written_out({"$savedGroup": {"id": "29"}}, segments)


@pytest.mark.parametrize(
    "source",
    [
        {"id": {"$inGroup": "free"}},
        {"$savedGroup": "beta"},
        {"$savedGroup": {"id": "beta", "more": 1}},
        {"id": {"$in": ["u1"], "$inGroup": "beta"}},
        {"$savedGroup": {"id": "beta", "attributeKey": 7}},
    ],
)
def test_a_segment_named_in_another_way_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(ConditionInvalid):
        written_out(source, SEGMENTS)


@pytest.mark.parametrize("wrap", ["$not", "$and", "value", "plain"])
def test_what_is_nested_without_end_is_refused(wrap: str) -> None:
    source: dict[str, Any] = {"id": {"$inGroup": "beta"}}
    if wrap == "value":
        source = {"$inGroup": "beta"}
    for _ in range(20_000):
        source = {wrap: [source]} if wrap == "$and" else {wrap: source}
        if wrap == "value":
            source = {"$not": source["value"]}
    source = {"id": source} if wrap == "value" else source
    assert named(source) == {"beta"}
    if wrap == "plain":
        assert "plain" in written_out(source, SEGMENTS)
        return
    with pytest.raises(ConditionInvalid, match="deeply"):
        written_out(source, SEGMENTS)


def test_nothing_that_is_written_out_names_a_segment() -> None:
    source = {"$nor": [{"$savedGroup": {"id": "small"}}, {"x": {"$inGroup": "beta"}}]}
    written = written_out(source, SEGMENTS)
    assert named(written) == frozenset()
    assert compiled(written).flaws == ()


def test_variants_that_serve_one_value_are_one_treatment() -> None:
    values = {"a": 1, "b": 2, "c": 1.0, "d": True, "e": {"x": [1, 2]}}
    assert told_apart(values, ["b"])
    assert told_apart(values, ["d", "e"])
    assert told_apart(values, ["a", "c"])
    assert not told_apart(values, ["a"])
    assert not told_apart(values, ["b", "c"])
