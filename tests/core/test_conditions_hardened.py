"""The normal form: what is written here means the same in every dialect."""

from typing import Any

import pytest
from growthbook.core import evalCondition
from hypothesis import given, settings
from hypothesis import strategies as st

from core.conditions import (
    ConditionInvalid,
    compiled,
    explain,
    hardened,
    parsed,
    validated,
)


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ({}, {}),
        ({"plan": "pro"}, {"plan": {"$eq": "pro"}}),
        ({"seats": 3}, {"seats": {"$eq": 3}}),
        ({"beta": False}, {"beta": {"$eq": False}}),
        ({"gone": None}, {"gone": {"$eq": None}}),
        ({"tags": ["a"]}, {"tags": ["a"]}),
        ({"home": {"city": "Oslo"}}, {"home": {"city": "Oslo"}}),
        ({"tags": {"$eq": ["a"]}}, {"tags": {"$not": {"$not": ["a"]}}}),
        ({"tags": {"$ne": ["a"]}}, {"tags": {"$not": ["a"]}}),
        ({"age": {"$gt": 3}}, {"age": {"$gt": 3, "$type": "number"}}),
        ({"name": {"$lte": "m"}}, {"name": {"$lte": "m", "$type": "string"}}),
        (
            {"age": {"$gt": 3, "$lt": 9}},
            {"age": {"$gt": 3, "$type": "number", "$lt": 9}},
        ),
        (
            {"age": {"$gt": 3, "$lt": "m"}},
            {
                "$and": [
                    {"age": {"$gt": 3, "$type": "number"}},
                    {"age": {"$lt": "m", "$type": "string"}},
                ]
            },
        ),
        (
            {"age": {"$not": {"$gt": 3}}},
            {"age": {"$not": {"$gt": 3, "$type": "number"}}},
        ),
        ({"app": {"$vgt": "2.0"}}, {"app": {"$vgt": "2.0", "$type": "string"}}),
        (
            {"app": {"$vne": "2.0"}},
            {"app": {"$not": {"$veq": "2.0", "$type": "string"}}},
        ),
        ({"mail": {"$regex": "^a"}}, {"mail": {"$regex": "^a", "$type": "string"}}),
        ({"tags": {"$all": ["a", 1]}}, {"tags": {"$all": [{"$eq": "a"}, {"$eq": 1}]}}),
        (
            {"tags": {"$alli": ["A"]}},
            {"tags": {"$all": [{"$type": "string", "$ini": ["A"]}]}},
        ),
        (
            {"tags": {"$size": {"$gt": 1}}},
            {"tags": {"$size": {"$gt": 1, "$type": "number"}}},
        ),
        (
            {"cart": {"$elemMatch": {"sku": "k"}}},
            {"cart": {"$elemMatch": {"sku": {"$eq": "k"}}}},
        ),
        ({"$or": [{"a": 1}]}, {"$or": [{"a": {"$eq": 1}}]}),
    ],
)
def test_the_normal_form_says_its_types(
    source: dict[str, Any], form: dict[str, Any]
) -> None:
    assert hardened(source) == form
    assert hardened(form) == form


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ({"a": {"$near": 1}}, {"a": {"$in": []}}),
        ({"a": {"$not": {"$near": 1}}}, {"a": {"$not": {"$nin": []}}}),
        ({"$not": {"a": {"$near": 1}}}, {"$not": {"a": {"$nin": []}}}),
        ({"$nor": [{"$near": 1}]}, {"$nor": [{}]}),
        ({"$near": 1}, {"$nor": []}),
        ("plan", {"$nor": []}),
    ],
)
def test_a_flaw_is_written_so_that_it_holds_for_nobody(
    source: object, form: dict[str, Any]
) -> None:
    assert hardened(source) == form
    assert not parsed(form).holds({"a": 1})


@pytest.mark.parametrize(
    ("condition", "attributes", "expected"),
    [
        ({"zip": "150"}, {"zip": 150}, False),
        ({"seats": 0}, {}, False),
        ({"beta": False}, {"beta": 0}, False),
        ({"age": {"$lt": 10}}, {}, False),
        ({"age": {"$gt": 9}}, {"age": "10"}, False),
        ({"age": {"$not": {"$gt": 9}}}, {}, True),
        ({"app": {"$vlt": "2.0.0"}}, {}, False),
        ({"app": {"$vne": "2.0.0"}}, {}, True),
        ({"app": {"$veq": "2"}}, {"app": 2}, False),
        ({"mail": {"$regex": "null"}}, {}, False),
        ({"mail": {"$not": {"$regex": "null"}}}, {}, True),
        ({"tags": {"$all": ["1"]}}, {"tags": [1]}, False),
        ({"tags": {"$alli": ["ONE"]}}, {"tags": ["one"]}, True),
        ({"tags": {"$eq": ["a"]}}, {"tags": ["a"]}, True),
        ({"tags": {"$ne": ["a"]}}, {"tags": ["a"]}, False),
        ({"tags": {"$elemMatch": {"$gt": 3}}}, {"tags": [None, "5", 4]}, True),
        ({"tags": {"$elemMatch": {"$gt": 3}}}, {"tags": [None, "5"]}, False),
        ({"plan": {"$ini": ["PRO"]}}, {"plan": "pro"}, True),
    ],
)
def test_what_is_written_here_compares_no_two_types(
    condition: dict[str, Any], attributes: dict[str, Any], expected: bool
) -> None:
    assert validated(condition).holds(attributes) is expected
    assert parsed(hardened(condition)).holds(attributes) is expected
    assert evalCondition(attributes, hardened(condition)) is expected


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({"a": {"$notRegex": "x"}}, ("a", "$notRegex")),
        ({"a": {"$notRegexi": "x"}}, ("a", "$notRegexi")),
        ({"a": {"$inGroup": "staff"}}, ("a", "$inGroup")),
        ({"$savedGroup": {"id": "staff"}}, ("$savedGroup",)),
        ({"a": {"$in": [["x"]]}}, ("a", "$in")),
        ({"a": {"$in": [{"x": 1}]}}, ("a", "$in")),
        ({"a": {"$nini": "x"}}, ("a", "$nini")),
        ({"a": {"$eq": {}}}, ("a", "$eq")),
        ({"a": {"$type": "undefined"}}, ("a", "$type")),
        ({"a": {"$type": ["string"]}}, ("a", "$type")),
        ({"a": {"$veq": 2}}, ("a", "$veq")),
        ({"a": {"$vgt": "1.\u0660"}}, ("a", "$vgt")),
        ({"a": {"$size": "2"}}, ("a", "$size")),
        ({"a": {"$size": {"$near": 1}}}, ("a", "$size", "$near")),
        ({"a": {"$all": "x"}}, ("a", "$all")),
        ({"a": {"$all": [{"$near": 1}]}}, ("a", "$all", "0", "$near")),
        ({"a": {"$elemMatch": "x"}}, ("a", "$elemMatch")),
        ({"a": {"$elemMatch": {}}}, ("a", "$elemMatch")),
        ({"a": {"$elemMatch": {"$or": [{"b": 1}]}}}, ("a", "$elemMatch")),
        ({"a": {"$elemMatch": {"b": {"$near": 1}}}}, ("a", "$elemMatch", "b", "$near")),
        ({"a": {"$not": {"$gt": 1, "$lt": "x"}}}, ("a", "$not")),
        ({"a": {"$eq": float("nan")}}, ("a", "$eq")),
        ({"a": {"$lt": float("inf")}}, ("a", "$lt")),
        ({"a": 2**53 + 1}, ("a",)),
        ({"a": "x\0"}, ("a",)),
        ({"a": {"$in": ["x", "\ud800"]}}, ("a", "$in")),
        ({"a\0": 1}, ("a\0",)),
        ({"a": [{"b": "\0"}]}, ("a",)),
        ({"a": "x" * 10_001}, ("a",)),
        ({1: 2}, ("1",)),
    ],
)
def test_what_is_not_the_same_everywhere_is_refused(
    condition: object, path: tuple[str, ...]
) -> None:
    with pytest.raises(ConditionInvalid) as refused:
        validated(condition)
    assert refused.value.path == path
    assert refused.value.code == "CONDITION_INVALID"
    assert not compiled(condition).holds({"a": "x"})


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "*",
        "a{1001}",
        "(?=a)",
        "(?<!a)b",
        "(a)\\1",
        "(?i)a",
        "(?P<name>a)",
        "\\pL",
        "\\Aa\\z",
        "[[:alpha:]]",
        "[]a]",
        "a{,3}",
        "\\x{41}",
        "((a{100}){100}){100}",
        "a" * 1_001,
    ],
)
@pytest.mark.parametrize("operator", ["$regex", "$regexi"])
def test_a_pattern_that_cannot_run_everywhere_in_linear_time_is_refused(
    operator: str, pattern: str
) -> None:
    condition = {"mail": {operator: pattern}}
    with pytest.raises(ConditionInvalid) as refused:
        validated(condition)
    assert refused.value.code == "REGEX_UNSUPPORTED"
    assert refused.value.path == ("mail", operator)
    assert not compiled(condition).holds({"mail": "a"})
    assert not compiled({"$not": condition}).holds({"mail": "a"})


@pytest.mark.parametrize(
    "pattern",
    [
        "^a+$",
        "[^@]+@[\\w.-]+",
        "(?:de|fr)-\\d{2,4}",
        "a\\/b",
        "\\u00e9",
        "[a\\]]",
        "\\\\",
    ],
)
def test_an_ordinary_pattern_is_taken(pattern: str) -> None:
    validated({"mail": {"$regex": pattern}})


def test_the_number_of_patterns_is_bounded() -> None:
    with pytest.raises(ConditionInvalid, match="20 patterns"):
        validated({"$or": [{"mail": {"$regex": "a"}}] * 21})


_TEXTS = st.sampled_from(["", "a", "b", "ab", "A", "1", "10", "1.2.3", "v1.10.0-rc.1"])
_NUMBERS = st.sampled_from([0, 1, 2, 10, -1, 2.5, 1.0])
_SCALARS = st.one_of(_TEXTS, _NUMBERS, st.booleans(), st.none())
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=2)
    ),
    max_leaves=6,
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "b", "c"]), _VALUES, max_size=3)
_PATHS = st.sampled_from(["a", "b", "c", "a.b", "b.0", "c.length", "missing"])


def _operators(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    listed = st.lists(_SCALARS, max_size=3)
    ordered = st.one_of(_TEXTS, _NUMBERS)
    patterns = st.sampled_from(["^a", "b$", "[0-9]+", "a|b", "^$", "\\d"])
    operands: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(["$eq", "$ne"], _SCALARS | st.lists(_SCALARS, max_size=2)),
        **dict.fromkeys(["$lt", "$lte", "$gt", "$gte"], ordered),
        **dict.fromkeys(["$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"], _TEXTS),
        **dict.fromkeys(["$in", "$nin", "$ini", "$nini"], listed),
        **dict.fromkeys(["$regex", "$regexi"], patterns),
        "$exists": st.booleans(),
        "$type": st.sampled_from(["string", "number", "array", "object", "null"]),
        "$size": st.sampled_from([0, 1, 2, {"$gt": 1}, {"$in": [0, 3]}]),
        "$all": st.lists(inner, max_size=2),
        "$alli": listed,
        "$elemMatch": inner.filter(lambda value: isinstance(value, dict)),
        "$not": inner,
        "$near": _SCALARS,
    }
    pairs = st.sampled_from(sorted(operands)).flatmap(
        lambda symbol: st.tuples(st.just(symbol), operands[symbol])
    )
    return st.lists(pairs, min_size=1, max_size=3).map(dict)


_COMPARED = st.recursive(_VALUES, _operators, max_leaves=4)
_CONDITIONS = st.recursive(
    st.dictionaries(_PATHS, _COMPARED, max_size=2),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$or": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"$and": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"$nor": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"$not": inner}),
    ),
    max_leaves=4,
)


@settings(max_examples=400)
@given(_CONDITIONS, _ATTRIBUTES)
def test_the_normal_form_means_the_same_everywhere(
    source: dict[str, Any], attributes: dict[str, Any]
) -> None:
    form = hardened(source)
    rule = compiled(source)
    holds = rule.holds(attributes)
    assert parsed(form).holds(attributes) is holds
    assert compiled(form).holds(attributes) is holds
    assert evalCondition(attributes, form) is holds
    assert rule.flaws or hardened(form) == form


@settings(max_examples=400)
@given(_CONDITIONS, _ATTRIBUTES)
def test_a_closure_answers_as_the_tree_does(
    source: dict[str, Any], attributes: dict[str, Any]
) -> None:
    for rule in (compiled(source), parsed(source)):
        holds = rule.holds(attributes)
        assert (rule.root.truth(attributes) is True) is holds
        assert (explain(rule, attributes) is None) is holds


@settings(max_examples=400)
@given(_CONDITIONS, _ATTRIBUTES)
def test_nobody_passes_without_a_text_that_is_required(
    source: dict[str, Any], attributes: dict[str, Any]
) -> None:
    for rule in (compiled(source), parsed(source)):
        if not rule.holds(attributes):
            continue
        for name, texts in rule.required().items():
            actual = attributes.get(name)
            found = actual if isinstance(actual, list) else [actual]
            assert any(item in texts for item in found if isinstance(item, str))


@pytest.mark.parametrize(
    ("condition", "required"),
    [
        ({}, {}),
        ({"plan": "pro"}, {"plan": {"pro"}}),
        ({"plan": {"$in": ["pro", "team"]}}, {"plan": {"pro", "team"}}),
        ({"plan": {"$in": ["pro", 3]}}, {}),
        ({"plan": {"$in": []}}, {"plan": set()}),
        ({"plan": {"$ini": ["pro"]}}, {}),
        ({"plan": {"$nin": ["pro"]}}, {}),
        ({"home.city": "Oslo"}, {}),
        ({"$and": [{"plan": "pro"}, {"age": {"$gt": 3}}]}, {"plan": {"pro"}}),
        ({"$or": [{"plan": "pro"}, {"plan": "team"}]}, {}),
        ({"$or": [{"plan": "pro"}]}, {"plan": {"pro"}}),
        ({"$not": {"plan": "pro"}}, {}),
        ({"$and": [{"t": {"$in": ["a", "b"]}}, {"t": "c"}]}, {"t": {"c"}}),
    ],
)
def test_a_condition_tells_an_index_what_it_requires(
    condition: dict[str, Any], required: dict[str, set[str]]
) -> None:
    assert validated(condition).required() == required


def test_a_bare_text_of_the_published_language_requires_nothing() -> None:
    assert parsed({"seats": "3"}).holds({"seats": 3})
    assert parsed({"seats": "3"}).required() == {}
