"""The comparison that kept somebody out, for every operator."""

from typing import Any

import pytest

from core.conditions import explain, parsed, validated


@pytest.mark.parametrize(
    ("operator", "operand", "actual"),
    [
        ("$eq", "a", "b"),
        ("$ne", "a", "a"),
        ("$lt", 3, 3),
        ("$lte", 3, 4),
        ("$gt", 3, 3),
        ("$gte", 3, 2),
        ("$veq", "1.0.0", "1.0.1"),
        ("$vlt", "1.0.0", "1.0.0"),
        ("$vlte", "1.0.0", "1.0.1"),
        ("$vgt", "1.0.0", "1.0.0"),
        ("$vgte", "1.0.0", "1.0.0-rc"),
        ("$exists", True, None),
        ("$in", ["a"], "b"),
        ("$nin", ["a"], "a"),
        ("$ini", ["A"], "b"),
        ("$nini", ["A"], "a"),
        ("$size", 2, ["a"]),
        ("$elemMatch", {"$eq": "a"}, ["b"]),
        ("$type", "string", 3),
        ("$regex", "^a", "b"),
        ("$regexi", "^A", "b"),
    ],
)
def test_a_failure_names_its_operator(operator: str, operand: Any, actual: Any) -> None:
    failure = explain(validated({"x": {operator: operand}}), {"x": actual})
    assert failure is not None
    assert (failure.attribute, failure.operator) == ("x", operator)
    assert failure.actual == actual
    assert not failure.negated


def test_a_version_that_had_to_differ_is_reported_as_negated() -> None:
    failure = explain(validated({"x": {"$vne": "1.0.0"}}), {"x": "v1.0.0"})
    assert failure is not None
    assert (failure.operator, failure.negated) == ("$veq", True)


@pytest.mark.parametrize("operator", ["$all", "$alli"])
def test_a_missing_element_is_reported_with_the_list(operator: str) -> None:
    failure = explain(validated({"x": {operator: ["a"]}}), {"x": ["b"]})
    assert failure is not None
    assert (failure.operator, failure.actual) == ("$all", ["b"])


@pytest.mark.parametrize(
    ("condition", "actual"),
    [
        ({"age": {"$gt": 3}}, None),
        ({"age": {"$gt": 3}}, "9"),
        ({"age": {"$lt": 3}}, []),
    ],
)
def test_an_attribute_of_the_wrong_type_is_named(
    condition: dict[str, Any], actual: object
) -> None:
    failure = explain(validated(condition), {"age": actual})
    assert failure is not None
    assert failure.attribute == "age"
    assert failure.actual == actual


@pytest.mark.parametrize(
    ("condition", "attribute", "operator"),
    [
        ({"user": {"$inGroup": "staff"}}, "user", "$inGroup"),
        ({"$savedGroup": {"id": "listed"}}, "user", "$in"),
        ({"$savedGroup": {"id": "grown"}}, "age", "$gte"),
    ],
)
def test_a_saved_group_is_reported_by_its_comparison(
    condition: dict[str, Any], attribute: str, operator: str
) -> None:
    groups = {
        "staff": ["ann"],
        "listed": {"type": "list", "attributeKey": "user", "values": ["ann"]},
        "grown": {"type": "condition", "condition": {"age": {"$gte": 18}}},
    }
    failure = explain(parsed(condition, groups), {"user": "zoe", "age": 3})
    assert failure is not None
    assert (failure.attribute, failure.operator) == (attribute, operator)


def test_the_first_of_several_failures_is_named() -> None:
    rule = validated({"a": 1, "b": {"$gt": 2, "$lt": 9}, "c": 3})
    failure = explain(rule, {"a": 1, "b": 10, "c": 4})
    assert failure is not None
    assert (failure.attribute, failure.operator) == ("b", "$lt")
