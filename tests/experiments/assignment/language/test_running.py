"""Running an experiment: the steps, and which of two steps comes first."""

from typing import Any

import pytest

from experiments.assignment.sdk import Context, ExperimentResult, run_experiment
from tests.experiments.assignment.language.cast import ANN, BEN, CAT, DAN, table

EXPERIMENT: dict[str, Any] = {"key": "exp", "variations": ["a", "b"], "hashVersion": 2}

NOBODY: dict[str, Any] = {}
WHEN = {"condition": {"plan": "pro"}}
AT_HOME = [{"type": "simple", "pattern": "/home"}]
ASKS_B = "https://shop.example/?exp=1"


def ran(
    changes: dict[str, Any], context: dict[str, Any], **definitions: Any
) -> ExperimentResult:
    known = {"attributes": {"id": ANN}, **context}
    return run_experiment({**EXPERIMENT, **changes}, Context(**known), definitions)


@table(
    "changes context value inside hashed",
    {
        "the first arm": ({}, {}, "a", True, True),
        "the second arm": ({}, {"attributes": {"id": DAN}}, "b", True, True),
        "an id that is a number": ({}, {"attributes": {"id": 1}}, "b", True, True),
        "no id": ({}, {"attributes": {}}, "a", False, False),
        "an empty id": ({}, {"attributes": {"id": ""}}, "a", False, False),
        "null": ({}, {"attributes": {"id": None}}, "a", False, False),
        "zero": ({}, {"attributes": {"id": 0}}, "a", False, False),
        "true": ({}, {"attributes": {"id": True}}, "a", False, False),
        "a list": ({}, {"attributes": {"id": [DAN]}}, "a", False, False),
        "another attribute": (
            {"hashAttribute": "company"},
            {"attributes": {"id": ANN, "company": DAN}},
            "b",
            True,
            True,
        ),
        "a dotted attribute is a plain name": (
            {"hashAttribute": "company.id"},
            {"attributes": {"company": {"id": DAN}}},
            "a",
            False,
            False,
        ),
        "no fallback without sticky buckets": (
            {"hashAttribute": "company", "fallbackAttribute": "id"},
            {},
            "a",
            False,
            False,
        ),
        "another seed": ({"seed": "layer"}, {}, "a", True, True),
        "weights": ({"weights": [0.05, 0.95]}, {}, "b", True, True),
        "coverage": ({"coverage": 0.1}, {}, "a", False, False),
        "coverage reached": ({"coverage": 0.2}, {}, "a", True, True),
        "ranges": ({"ranges": [[0.5, 1], [0, 0.5]]}, {}, "b", True, True),
        "ranges go before coverage": (
            {"ranges": [[0, 0.5], [0.5, 1]], "coverage": 0},
            {},
            "a",
            True,
            True,
        ),
        "ranges that miss": ({"ranges": [[0.5, 1]]}, {}, "a", False, False),
        "more ranges than variations": (
            {"ranges": [[1, 1], [1, 1], [0, 1]]},
            {},
            "a",
            False,
            False,
        ),
        "version 1": (
            {"hashVersion": 1},
            {"attributes": {"id": CAT}},
            "b",
            True,
            True,
        ),
        "an unknown version": ({"hashVersion": 3}, {}, "a", False, False),
        "one variation": ({"variations": ["a"]}, {}, "a", False, False),
        "no variation": ({"variations": []}, {}, None, False, False),
        "disabled": ({}, {"enabled": False}, "a", False, False),
        "a draft": ({"status": "draft"}, {}, "a", False, False),
        "running": ({"status": "running"}, {}, "a", True, True),
        "stopped": ({"status": "stopped"}, {}, "a", False, False),
        "inactive": ({"active": False}, {}, "a", False, False),
        "quality assurance": ({}, {"qa_mode": True}, "a", False, False),
        "targeted": (WHEN, {"attributes": {"id": ANN, "plan": "pro"}}, "a", True, True),
        "not targeted": (WHEN, {}, "a", False, False),
        "in a namespace": ({"namespace": ["space", 0.7, 0.8]}, {}, "a", True, True),
        "out of a namespace": ({"namespace": ["space", 0, 0.7]}, {}, "a", False, False),
        "filtered in": (
            {"filters": [{"seed": "layer", "ranges": [[0, 0.2]]}]},
            {},
            "a",
            True,
            True,
        ),
        "filtered out": (
            {"filters": [{"seed": "layer", "ranges": [[0.2, 1]]}]},
            {},
            "a",
            False,
            False,
        ),
        "filters replace a namespace": (
            {"filters": [], "namespace": ["space", 0, 0]},
            {},
            "a",
            True,
            True,
        ),
        "a group": ({"groups": ["x", "y"]}, {"groups": {"y": True}}, "a", True, True),
        "no group": ({"groups": ["x"]}, {"groups": {"x": False}}, "a", False, False),
        "an empty list of groups": ({"groups": []}, {}, "a", False, False),
        "included": ({"include": lambda: True}, {}, "a", True, True),
        "not included": ({"include": lambda: False}, {}, "a", False, False),
        "an inclusion that fails": ({"include": lambda: 1 / 0}, {}, "a", False, False),
        "an inclusion that cannot be asked": ({"include": 1}, {}, "a", False, False),
        "forced in the experiment": ({"force": 1}, {}, "b", True, False),
        "forced to what is none": ({"force": 2}, {}, "a", False, False),
        "forced to less": ({"force": -1}, {}, "a", False, False),
        "forced to a text": ({"force": "1"}, {}, "a", False, False),
        "forced by the context": (
            {},
            {"forced_variations": {"exp": 1}},
            "b",
            True,
            False,
        ),
        "forced to none": ({}, {"forced_variations": {"exp": 9}}, "a", False, False),
        "forced to true": ({}, {"forced_variations": {"exp": True}}, "a", False, False),
        "another is forced": ({}, {"forced_variations": {"x": 1}}, "a", True, True),
        "asked by the address": ({}, {"url": ASKS_B}, "b", True, False),
        "at its address": ({"urlPatterns": AT_HOME}, {"url": "/home"}, "a", True, True),
        "elsewhere": ({"urlPatterns": AT_HOME}, {"url": "/cart"}, "a", False, False),
        "no address known": ({"urlPatterns": AT_HOME}, {}, "a", False, False),
    },
)
def test_steps(
    changes: Any, context: Any, value: Any, inside: bool, hashed: bool
) -> None:
    result = ran(changes, context)
    assert (result.value, result.in_experiment, result.hash_used) == (
        value,
        inside,
        hashed,
    )


@table(
    "changes context value inside",
    {
        "disabled before asked": ({}, {"enabled": False, "url": ASKS_B}, "a", False),
        "place before asked": (
            {"urlPatterns": AT_HOME},
            {"url": "/cart?exp=1"},
            "a",
            False,
        ),
        "asked before forced": (
            {},
            {"url": ASKS_B, "forced_variations": {"exp": 0}},
            "b",
            True,
        ),
        "asked before draft": ({"status": "draft"}, {"url": ASKS_B}, "b", True),
        "asked before an id": ({}, {"url": ASKS_B, "attributes": {}}, "b", True),
        "asked before the condition": (WHEN, {"url": ASKS_B}, "b", True),
        "forced before draft": (
            {"status": "draft"},
            {"forced_variations": {"exp": 1}},
            "b",
            True,
        ),
        "forced before quality assurance": (
            {},
            {"qa_mode": True, "forced_variations": {"exp": 1}},
            "b",
            True,
        ),
        "asked before quality assurance": (
            {},
            {"qa_mode": True, "url": ASKS_B},
            "b",
            True,
        ),
        "coverage before force": ({"force": 1, "coverage": 0}, {}, "a", False),
        "condition before force": ({"force": 1, **WHEN}, {}, "a", False),
        "force before quality assurance": ({"force": 1}, {"qa_mode": True}, "b", True),
        "force before stopped": ({"force": 1, "status": "stopped"}, {}, "b", True),
        "version before force": ({"force": 1, "hashVersion": 9}, {}, "a", False),
    },
)
def test_one_step_comes_before_another(
    changes: Any, context: Any, value: Any, inside: bool
) -> None:
    result = ran(changes, context)
    assert (result.value, result.in_experiment) == (value, inside)


@table(
    "parents features inside",
    {
        "met": ([{"id": "p", "condition": {"value": 1}}], {"p": 1}, True),
        "not met": ([{"id": "p", "condition": {"value": 1}}], {"p": 2}, False),
        "a gate is no more": (
            [{"id": "p", "condition": {"value": 1}, "gate": True}],
            {"p": 2},
            False,
        ),
        "unknown": ([{"id": "p", "condition": {"value": 1}}], {}, False),
        "one of two": (
            [
                {"id": "p", "condition": {"value": 1}},
                {"id": "q", "condition": {"value": 1}},
            ],
            {"p": 1, "q": 0},
            False,
        ),
    },
)
def test_prerequisites(parents: Any, features: dict[str, Any], inside: bool) -> None:
    known = {key: {"defaultValue": value} for key, value in features.items()}
    result = ran({"parentConditions": parents}, {}, features=known)
    assert result.in_experiment is inside


def test_a_circle_of_prerequisites_keeps_everybody_out() -> None:
    on_itself = {"rules": [{"parentConditions": [{"id": "p"}]}]}
    parents = {"parentConditions": [{"id": "p"}]}
    assert not ran(parents, {}, features={"p": on_itself}).in_experiment


def test_saved_groups_come_with_the_definitions() -> None:
    condition = {"condition": {"id": {"$inGroup": "g"}}}
    assert ran(condition, {}, savedGroups={"g": [ANN]}).in_experiment
    assert not ran(condition, {}, savedGroups={"g": [BEN]}).in_experiment


def test_a_result_out_of_the_experiment_still_says_what_was_hashed() -> None:
    assert ran({"coverage": 0}, {}).to_json() == {
        "key": "0",
        "variationId": 0,
        "value": "a",
        "inExperiment": False,
        "hashUsed": False,
        "hashAttribute": "id",
        "hashValue": ANN,
        "featureId": None,
        "stickyBucketUsed": False,
    }


def test_a_result_keeps_the_attribute_as_it_came() -> None:
    result = ran({}, {"attributes": {"id": 1}})
    assert result.hash_value == 1
    assert result.bucket == 0.6075


@pytest.mark.parametrize("meta", [[{}], [{"key": ""}], [{"name": "A"}], []])
def test_a_variation_without_a_key_has_its_index_for_one(meta: Any) -> None:
    assert ran({"meta": meta}, {}).key == "0"
