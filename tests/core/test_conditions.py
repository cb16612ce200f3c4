"""What each operator of the condition language means, and what it refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conditions import ConditionInvalid, compiled, explain, validated

PERSON: dict[str, Any] = {
    "id": "u1",
    "plan": "free",
    "age": 30,
    "score": 1.0,
    "admin": True,
    "tags": ["a", "b"],
    "address": {"country": "FR", "city": {"name": "Lyon"}},
    "nothing": None,
}


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"plan": "free"},
        {"plan": "free", "age": 30},
        {"score": 1},
        {"admin": True},
        {"tags": ["a", "b"]},
        {"address": {"country": "FR", "city": {"name": "Lyon"}}},
        {"address.city.name": "Lyon"},
        {"missing": None},
        {"nothing": None},
        {"plan": {"$eq": "free"}},
        {"plan": {"$ne": "paid"}},
        {"missing": {"$ne": 10}},
        {"plan": {"$in": ["free", "paid"]}},
        {"age": {"$in": [30.0]}},
        {"tags": {"$in": ["b", "z"]}},
        {"plan": {"$nin": ["paid"]}},
        {"missing": {"$nin": ["paid"]}},
        {"tags": {"$nin": ["z"]}},
        {"plan": {"$exists": True}},
        {"nothing": {"$exists": False}},
        {"missing": {"$exists": False}},
        {"age": {"$gt": 29, "$lt": 31}},
        {"age": {"$gte": 30, "$lte": 30}},
        {"plan": {"$gt": "a", "$lt": "g"}},
        {"age": {"$not": {"$gt": 30}}},
        {"$not": {"plan": "paid"}},
        {"$or": [{"plan": "paid"}, {"age": 30}]},
        {"$or": []},
        {"$and": []},
        {"$and": [{"plan": "free"}, {"age": 30}]},
        {"$nor": [{"plan": "paid"}, {"age": 31}]},
    ],
)
def test_a_condition_that_holds(condition: object) -> None:
    assert validated(condition).holds(PERSON)
    assert explain(validated(condition), PERSON) is None


@pytest.mark.parametrize(
    ("condition", "attribute", "actual"),
    [
        ({"plan": "paid"}, "plan", "free"),
        ({"admin": 1}, "admin", True),
        ({"score": True}, "score", 1.0),
        ({"age": "30"}, "age", 30),
        ({"plan": {"$eq": None}}, "plan", "free"),
        ({"plan": {"$in": []}}, "plan", "free"),
        ({"admin": {"$in": [1]}}, "admin", True),
        ({"tags": {"$nin": ["a"]}}, "tags", ["a", "b"]),
        ({"missing": {"$exists": True}}, "missing", None),
        ({"missing": {"$gt": -10}}, "missing", None),
        ({"missing": {"$lt": 10}}, "missing", None),
        ({"age": {"$gt": "3"}}, "age", 30),
        ({"plan": {"$gt": 3}}, "plan", "free"),
        ({"admin": {"$gte": 1}}, "admin", True),
        ({"address.city.name": "Paris"}, "address.city.name", "Lyon"),
        ({"plan.name": "x"}, "plan.name", None),
        ({"$or": [{"plan": "paid"}, {"age": 31}]}, "plan", "free"),
        ({"$and": [{"plan": "free"}, {"age": 31}]}, "age", 30),
    ],
)
def test_a_condition_that_fails_names_the_comparison(
    condition: object, attribute: str, actual: object
) -> None:
    rule = validated(condition)
    failure = explain(rule, PERSON)
    assert not rule.holds(PERSON)
    assert failure is not None
    assert (failure.attribute, failure.actual) == (attribute, actual)
    assert not failure.negated


@pytest.mark.parametrize(
    "condition",
    [
        {"$not": {"plan": "free"}},
        {"$nor": [{"age": 1}, {"plan": "free"}]},
        {"plan": {"$not": {"$in": ["free"]}}},
    ],
)
def test_a_comparison_that_had_to_fail_is_reported_as_negated(
    condition: object,
) -> None:
    failure = explain(validated(condition), PERSON)
    assert failure is not None
    assert failure.attribute == "plan"
    assert failure.negated


def test_an_empty_nor_keeps_everyone_out() -> None:
    assert not validated({"$nor": []}).holds(PERSON)


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({"plan": {"$like": "f"}}, ("plan", "$like")),
        ({"$any": []}, ("$any",)),
        ({"$or": {"plan": "free"}}, ("$or",)),
        ({"$or": [{"age": 1}, "free"]}, ("$or", "1")),
        ({"$and": [{"age": {"$in": 3}}]}, ("$and", "0", "age", "$in")),
        ({"age": {"$exists": 1}}, ("age", "$exists")),
        ({"age": {"$gt": None}}, ("age", "$gt")),
        ({"age": {"$gt": True}}, ("age", "$gt")),
        ({"age": {}}, ("age",)),
        ({"age": {"$gt": 1, "b": 2}}, ("age",)),
        ([], ()),
        ("plan", ()),
        (None, ()),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_its_path(
    condition: object, path: tuple[str, ...]
) -> None:
    with pytest.raises(ConditionInvalid) as refused:
        validated(condition)
    assert refused.value.path == path
    assert refused.value.code == "CONDITION_INVALID"


@pytest.mark.parametrize(
    "condition",
    [
        {"plan": {"$like": "f"}},
        {"plan": {"$not": {"$like": "f"}}},
        {"$not": {"plan": {"$like": "f"}}},
        {"$nor": [{"plan": {"$like": "f"}}]},
        [],
    ],
)
def test_what_cannot_be_evaluated_holds_for_nobody(condition: object) -> None:
    assert not compiled(condition).holds(PERSON)


def test_an_alternative_that_is_understood_still_counts() -> None:
    rule = compiled({"$or": [{"plan": {"$like": "f"}}, {"age": 30}]})
    assert rule.holds(PERSON)


def test_a_condition_is_bounded_in_depth_and_in_size() -> None:
    deep: object = {"plan": "free"}
    for _ in range(12):
        deep = {"$and": [deep]}
    wide = {"$or": [{"age": number} for number in range(501)]}
    long = {"id": {"$in": [str(number) for number in range(5_001)]}}
    for condition in (deep, wide, long):
        with pytest.raises(ConditionInvalid):
            validated(condition)


def test_text_is_ordered_by_utf_16_code_unit_as_in_javascript() -> None:
    assert validated({"name": {"$lt": "\uff5e"}}).holds({"name": "\U0001f600"})


def test_a_condition_names_the_attributes_it_reads() -> None:
    rule = validated({"plan": "free", "$or": [{"a.b": 1}, {"$not": {"c": 2}}]})
    assert rule.names() == {"plan", "a", "c"}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "$not", "$or", "$and", "$in", "$gt", "$eq", "$x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(_json, _json)
def test_no_condition_and_no_attribute_raises(source: object, value: object) -> None:
    rule = compiled(source)
    holds = rule.holds({"a": value})
    assert (explain(rule, {"a": value}) is None) is holds
