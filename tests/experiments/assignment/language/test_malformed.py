"""Bad input is a miss: nothing raises, nothing hangs, nobody gets more than planned."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.assignment.sdk import (
    Context,
    Source,
    decrypt,
    evaluate_condition,
    evaluate_feature,
    in_namespace,
    query_string_override,
    run_experiment,
)
from tests.experiments.assignment.language.cast import ANN, table

TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=5)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(["exp", "id", "$in", "$savedGroup", "simple", "regex", "("]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "value", "$not", "x"]), inner)
    ),
    max_leaves=6,
)

RULE = st.dictionaries(
    st.sampled_from(
        [
            "force",
            "variations",
            "weights",
            "coverage",
            "hashAttribute",
            "fallbackAttribute",
            "hashVersion",
            "seed",
            "ranges",
            "range",
            "meta",
            "filters",
            "namespace",
            "condition",
            "parentConditions",
            "tracks",
            "id",
            "key",
            "bucketVersion",
            "minBucketVersion",
            "disableStickyBucketing",
            "contextualVariations",
            "contextualBanditRef",
            "status",
            "active",
            "urlPatterns",
            "url",
            "groups",
            "include",
            "phase",
            "name",
        ]
    ),
    JSON,
)

PATTERN = st.fixed_dictionaries(
    {"type": st.sampled_from(["simple", "regex"]), "pattern": TEXT}
)


@table(
    "rule",
    {
        "no object": ("magic",),
        "null": (None,),
        "a list": ([{"force": 1}],),
        "a coverage that is a text": ({"force": 1, "coverage": "1"},),
        "a coverage that is true": ({"force": 1, "coverage": True},),
        "a coverage that is no number": ({"force": 1, "coverage": float("nan")},),
        "a range that is a number": ({"force": 1, "range": 1},),
        "a range of one bound": ({"force": 1, "range": [0]},),
        "a range of texts": ({"force": 1, "range": ["0", "1"]},),
        "a seed that is an object": ({"force": 1, "coverage": 1, "seed": {}},),
        "an attribute that is a list": (
            {"force": 1, "coverage": 1, "hashAttribute": ["id"]},
        ),
        "filters that are no list": ({"force": 1, "filters": {"seed": "s"}},),
        "a filter that is no object": ({"force": 1, "filters": ["s"]},),
        "a filter without a seed": ({"force": 1, "filters": [{"ranges": [[0, 1]]}]},),
        "a filter without ranges": ({"force": 1, "filters": [{"seed": "s"}]},),
        "prerequisites that are no list": ({"force": 1, "parentConditions": "p"},),
        "a prerequisite that is no object": ({"force": 1, "parentConditions": ["p"]},),
        "a condition that is a text": ({"force": 1, "condition": "plan=pro"},),
        "a condition that is a list": ({"force": 1, "condition": []},),
        "an operator that nobody knows": (
            {"force": 1, "condition": {"id": {"$x": 1}}},
        ),
        "its negation": ({"force": 1, "condition": {"id": {"$not": {"$x": 1}}}},),
        "an id that is an object": ({"force": 1, "id": {}},),
        "tracks that are no list": ({"force": 1, "tracks": 7},),
        "a track without a result": ({"force": 1, "tracks": [{"experiment": {}}]},),
        "variations that are an object": ({"variations": {"a": 1, "b": 2}},),
        "variations that are a text": ({"variations": "ab"},),
        "weights that are texts": ({"variations": [1, 2], "weights": ["1", "0"]},),
        "weights that are a number": ({"variations": [1, 2], "weights": 1},),
        "a coverage of variations": ({"variations": [1, 2], "coverage": "all"},),
        "ranges that are numbers": ({"variations": [1, 2], "ranges": [0, 1]},),
        "a namespace of one part": ({"variations": [1, 2], "namespace": ["space"]},),
        "meta that is an object": ({"variations": [1, 2], "meta": {"key": "a"}},),
        "meta that are texts": ({"variations": [1, 2], "meta": ["a", "b"]},),
        "a bucket version of text": ({"variations": [1, 2], "bucketVersion": "1"},),
        "a broken bucket version": ({"variations": [1, 2], "minBucketVersion": 1.5},),
        "an endless number": ({"variations": [1, 2], "coverage": 10**400},),
        "a key that is a list": ({"variations": [1, 2], "key": ["exp"]},),
        "a version that is a text": ({"variations": [1, 2], "hashVersion": "2"},),
        "a bandit that is a text": (
            {"contextualVariations": [1, 2], "contextualBanditRef": "text"},
        ),
    },
)
def test_a_rule_that_cannot_be_read_is_skipped(rule: Any) -> None:
    known = {
        "features": {"exp": {"defaultValue": 0, "rules": [rule, {"force": "next"}]}},
        "contextualBandits": {"text": "text"},
    }
    answer = evaluate_feature(known, "exp", Context(attributes={"id": ANN}))
    assert answer.value == "next"


@table(
    "payload source",
    {
        "no features": ({}, Source.UNKNOWN),
        "features that are a list": ({"features": ["exp"]}, Source.UNKNOWN),
        "a feature that is null": ({"features": {"exp": None}}, Source.UNKNOWN),
        "a feature that is true": ({"features": {"exp": True}}, Source.UNKNOWN),
        "rules that are an object": (
            {"features": {"exp": {"rules": {"force": 1}}}},
            Source.DEFAULT,
        ),
        "groups that are a list": (
            {"features": {"exp": {}}, "savedGroups": ["g"]},
            Source.DEFAULT,
        ),
    },
)
def test_a_payload_that_cannot_be_read(payload: Any, source: Source) -> None:
    assert evaluate_feature(payload, "exp", Context()).source is source


@table(
    "experiment",
    {
        "nothing": ({},),
        "variations that are a text": ({"key": "exp", "variations": "ab"},),
        "a key that is an object": ({"key": {}, "variations": [0, 1]},),
        "weights that are texts": (
            {"key": "exp", "variations": [0, 1], "weights": ["a", "b"]},
        ),
        "patterns that are a text": (
            {"key": "exp", "variations": [0, 1], "urlPatterns": "/home"},
        ),
        "a pattern without a kind": (
            {"key": "exp", "variations": [0, 1], "urlPatterns": [{"pattern": "/"}]},
        ),
    },
)
def test_an_experiment_that_cannot_be_read_includes_nobody(experiment: Any) -> None:
    context = Context(attributes={"id": ANN}, url="https://a.example/?exp=9")
    result = run_experiment(experiment, context)
    assert not result.in_experiment
    assert result.variation_id == 0


@given(st.lists(RULE, max_size=4), JSON, JSON, st.booleans())
@settings(max_examples=200)
def test_no_payload_makes_an_evaluation_raise(
    rules: Any, value: Any, group: Any, sticky: bool
) -> None:
    known = {
        "features": {"exp": {"defaultValue": 0, "rules": rules}, "p": value},
        "savedGroups": {"g": group},
        "contextualBandits": {"exp": group},
    }
    documents = {"id||u1": group} if sticky else None
    context = Context(attributes={"id": "u1", "x": value}, sticky_documents=documents)
    for key in ("exp", "p"):
        evaluate_feature(known, key, context).to_json()
    for rule in rules:
        run_experiment(rule, context, known).to_json()


@given(st.lists(PATTERN, min_size=1), TEXT)
def test_no_address_makes_an_evaluation_raise(patterns: Any, url: str) -> None:
    experiment = {"key": "exp", "variations": [0, 1], "urlPatterns": patterns}
    context = Context(attributes={"id": "u1"}, url=f"https://a.example/{url}")
    run_experiment(experiment, context).to_json()


@given(JSON, JSON, JSON)
def test_no_value_makes_a_function_raise(first: Any, second: Any, third: Any) -> None:
    in_namespace("u1", first)
    decrypt(str(first), str(second))
    query_string_override(str(first), str(second), 3)
    evaluate_condition({"x": first}, second, {"g": third})
    context = Context(
        attributes={"id": first, "x": second},
        forced_variations={"exp": third},
        url=str(first),
    )
    run_experiment({"key": "exp", "variations": [0, 1]}, context).to_json()
