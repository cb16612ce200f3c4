"""Features: which rule serves the value, and what a result says."""

from typing import Any

import pytest

from experiments.assignment.sdk import Context, Source, evaluate_feature
from tests.experiments.assignment.language.cast import (
    ANN,
    BEN,
    CAT,
    DAN,
    HALVES,
    feature,
    parent,
    split,
    table,
)


def holdout(*ranges: tuple[float, float]) -> dict[str, Any]:
    """The first arm is held out; the second goes on to the next rule."""
    meta = [{}, {"passthrough": True}]
    return split("held", "free", key="holdout", ranges=ranges, meta=meta)


PRO = {"condition": {"plan": "pro"}}
FREE_USER = {"id": ANN, "plan": "free"}
PRO_USER = {"id": DAN, "plan": "pro"}


@table(
    "rules attributes value source",
    {
        "no rule": ([], {}, "default", "defaultValue"),
        "an empty rule": ([{}], {}, "default", "defaultValue"),
        "a forced value": ([{"force": "a"}], {}, "a", "force"),
        "forced null": ([{"force": None}], {}, None, "force"),
        "forced false": ([{"force": False}], {}, False, "force"),
        "the first rule wins": ([{"force": "a"}, {"force": "b"}], {}, "a", "force"),
        "the condition holds": ([{"force": "a", **PRO}], PRO_USER, "a", "force"),
        "the condition fails": (
            [{"force": "a", **PRO}],
            FREE_USER,
            "default",
            "defaultValue",
        ),
        "the next rule": (
            [{"force": "a", **PRO}, {"force": "b"}],
            FREE_USER,
            "b",
            "force",
        ),
        "an empty condition": ([{"force": "a", "condition": {}}], {}, "a", "force"),
        "force goes before variations": (
            [{"force": "a", "variations": ["b", "c"]}],
            PRO_USER,
            "a",
            "force",
        ),
        "the first arm": ([split("a", "b")], {"id": ANN}, "a", "experiment"),
        "the second arm": ([split("a", "b")], {"id": DAN}, "b", "experiment"),
        "an arm of four": ([split(1, 2, 3, 4)], {"id": CAT}, 3, "experiment"),
        "an experiment needs an id": (
            [split("a", "b")],
            {},
            "default",
            "defaultValue",
        ),
        "an experiment with a condition": (
            [split("a", "b", **PRO)],
            FREE_USER,
            "default",
            "defaultValue",
        ),
        "one variation is no experiment": (
            [split("a"), {"force": "b"}],
            {"id": ANN},
            "b",
            "force",
        ),
        "out of coverage": (
            [split("a", "b", coverage=0.1), {"force": "c"}],
            {"id": BEN},
            "c",
            "force",
        ),
        "a filter of a forced value": (
            [{"force": "a", "filters": [{"seed": "layer", "ranges": [[0, 0.2]]}]}],
            {"id": ANN},
            "a",
            "force",
        ),
        "a filter that is missed": (
            [{"force": "a", "filters": [{"seed": "layer", "ranges": [[0, 0.2]]}]}],
            {"id": BEN},
            "default",
            "defaultValue",
        ),
        "all filters must pass": (
            [
                {
                    "force": "a",
                    "filters": [
                        {"seed": "layer", "ranges": [[0, 1]]},
                        {"seed": "exp", "ranges": [[0, 0.05]]},
                    ],
                }
            ],
            {"id": ANN},
            "default",
            "defaultValue",
        ),
        "held out": (
            [holdout((0, 0.1), (0.1, 1)), {"force": "a"}],
            {"id": ANN},
            "held",
            "experiment",
        ),
        "passed through a holdout": (
            [holdout((0, 0.1), (0.1, 1)), {"force": "a"}],
            {"id": BEN},
            "a",
            "force",
        ),
        "a rule of a kind to come": (
            [{"type": "magic", "spell": 1}, {"force": "a"}],
            {},
            "a",
            "force",
        ),
        "unknown keys of a rule": ([{"force": "a", "magic": 1}], {}, "a", "force"),
    },
)
def test_rules(rules: Any, attributes: Any, value: Any, source: str) -> None:
    known = {"features": {"exp": feature(*rules)}}
    answer = evaluate_feature(known, "exp", Context(attributes=attributes))
    assert (answer.value, answer.source) == (value, source)


@table(
    "value on",
    {
        "true": (True, True),
        "false": (False, False),
        "null": (None, False),
        "zero": (0, False),
        "zero as a float": (0.0, False),
        "one": (1, True),
        "an empty text": ("", False),
        "a text": ("false", True),
        "an empty list": ([], True),
        "an empty object": ({}, True),
    },
)
def test_on(value: Any, on: bool) -> None:
    answer = evaluate_feature(
        {"features": {"exp": feature(default=value)}}, "exp", Context()
    )
    assert answer.on is on
    assert answer.to_json()["off"] is not on


def test_an_unknown_feature_is_null() -> None:
    answer = evaluate_feature({}, "exp", Context())
    assert answer.to_json() == {
        "value": None,
        "on": False,
        "off": True,
        "source": "unknownFeature",
        "ruleId": "",
    }


@pytest.mark.parametrize("value", ["forced", None, 0])
def test_a_forced_feature_is_served_whatever_its_rules(value: Any) -> None:
    context = Context(forced_features={"exp": value, "new": value})
    known = {"features": {"exp": feature({"force": "a"})}}
    for key in ("exp", "new"):
        answer = evaluate_feature(known, key, context)
        assert (answer.value, answer.source) == (value, Source.OVERRIDE)


def test_a_forced_parent_counts() -> None:
    rule = {"force": "a", "parentConditions": [parent("p", 1)]}
    known = {"features": {"exp": feature(rule), "p": feature(default=0)}}
    answer = evaluate_feature(known, "exp", Context(forced_features={"p": 1}))
    assert answer.value == "a"


def test_a_result_names_its_rule_and_its_experiment() -> None:
    rule = split(
        "a", "b", id="rule-1", meta=[{"key": "A"}, {"key": "B", "name": "Bee"}]
    )
    known = {"features": {"exp": feature({**rule, "unknown": 1})}}
    answer = evaluate_feature(known, "exp", Context(attributes={"id": DAN}))
    published = {name: rule[name] for name in ("meta", "seed", "hashVersion")}
    assert answer.rule_id == "rule-1"
    assert answer.experiment == {**published, "key": "exp", "variations": ["a", "b"]}
    assert answer.experiment_result is not None
    assert answer.experiment_result.to_json() == {
        "key": "B",
        "variationId": 1,
        "value": "b",
        "inExperiment": True,
        "hashUsed": True,
        "hashAttribute": "id",
        "hashValue": DAN,
        "featureId": "exp",
        "stickyBucketUsed": False,
        "bucket": 0.8425,
        "name": "Bee",
    }


def test_every_experiment_on_the_way_is_reported_once() -> None:
    rules = [holdout((0, 0.1), (0.1, 1)), split("a", "b")]
    twice = {"parentConditions": [parent("exp", "b"), parent("exp", "b")], "force": 1}
    known = {"features": {"exp": feature(*rules), "child": feature(twice)}}
    answer = evaluate_feature(known, "child", Context(attributes={"id": DAN}))
    assert [each.experiment["key"] for each in answer.exposures] == ["holdout", "exp"]
    assert [each.result["variationId"] for each in answer.exposures] == [1, 1]


def test_a_forced_rule_reports_what_it_tracks() -> None:
    track = {"experiment": {"key": "old"}, "result": {"key": "1", "variationId": 1}}
    known = {"features": {"exp": feature({"force": 1, "tracks": [track, track]})}}
    (exposure,) = evaluate_feature(known, "exp", Context()).exposures
    assert exposure.experiment == {"key": "old"}
    assert exposure.result["variationId"] == 1


def test_a_bandit_without_contexts_runs_by_its_own_weights() -> None:
    rule = {
        **HALVES,
        "contextualVariations": ["a", "b"],
        "weights": [0, 1],
        "contextualBanditRef": "bandit",
    }
    bandits = {"bandit": {"banditVersion": 3, "contexts": []}}
    known = {"features": {"exp": feature(rule)}, "contextualBandits": bandits}
    answer = evaluate_feature(known, "exp", Context(attributes={"id": ANN}))
    reported = {"leafId": -1, "variationWeights": [0, 1], "banditVersion": 3}
    assert answer.value == "b"
    assert answer.experiment is not None
    assert answer.experiment["contextualBandit"] == reported
    assert answer.to_json()["experimentResult"].items() >= reported.items()


def test_a_bandit_with_contexts_is_passed_over() -> None:
    rule = {"contextualVariations": ["a", "b"], "contextualBanditRef": "bandit"}
    context = {"leafId": 1, "condition": {}, "weights": [1, 0]}
    bandits = {"bandit": {"contexts": [context]}}
    known = {"features": {"exp": feature(rule)}, "contextualBandits": bandits}
    answer = evaluate_feature(known, "exp", Context(attributes={"id": ANN}))
    assert answer.value == "default"
