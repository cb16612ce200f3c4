"""What an SDK computes from the lowered rules is what the server serves."""

import json
import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from growthbook.growthbook import GrowthBook
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    Serving,
    Snapshot,
)
from experiments.assignment.evaluator import Cause, decide
from experiments.assignment.lowering import lowered
from experiments.assignment.payload import date_updated, payload_bytes
from experiments.assignment.sdk import Context, Definitions, evaluate_feature
from tests.experiments.assignment.rulesets import DEFINITION, snapshot, subject


def same(one: object, other: object) -> bool:
    """Equality of JSON values, for which true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def check_language(served: Snapshot, subjects: list[dict[str, Any]]) -> Counter[Cause]:
    """Ask the server and the rule language; returns why things were served."""
    definitions = Definitions.of(lowered(served))
    causes: Counter[Cause] = Counter()
    for attributes in subjects:
        context = Context(attributes=attributes)
        for key, phase in served.phases.items():
            decision = decide(phase, attributes)
            found = evaluate_feature(definitions, key, context)
            assert same(found.value, decision.value), (key, attributes, decision.cause)
            exposed = [each.experiment["key"] for each in found.exposures]
            assert exposed == ([key] if decision.in_experiment else [])
            if decision.in_experiment:
                assert found.experiment_result is not None
                assert found.experiment_result.key == decision.variant.key
            causes[decision.cause] += 1
    return causes


def test_the_language_serves_what_the_server_serves() -> None:
    causes: Counter[Cause] = Counter()
    for seed in range(300):
        chance = Random(seed)  # noqa: S311 - the same every time
        served = snapshot(chance)
        causes += check_language(served, [subject(chance) for _ in range(25)])
    never = {Cause.LINKED, Cause.UNKNOWN_EXPERIMENT}
    assert set(causes) == set(Cause) - never
    assert min(causes.values()) > 100, causes


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False))
def test_no_set_of_definitions_is_lowered_otherwise(chance: Random) -> None:
    check_language(snapshot(chance), [subject(chance) for _ in range(5)])


@pytest.mark.parametrize("seed", range(40))
def test_a_real_sdk_serves_and_reports_what_the_server_serves(seed: int) -> None:
    logging.getLogger("growthbook").setLevel(logging.CRITICAL)
    chance = Random(1_000 + seed)  # noqa: S311
    served = snapshot(chance)
    features = json.loads(json.dumps(lowered(served)["features"]))
    for _ in range(10):
        attributes = subject(chance)
        values, exposures = growthbook_answers(
            features, attributes, list(served.phases)
        )
        expected = []
        for key, phase in served.phases.items():
            decision = decide(phase, attributes)
            assert same(values[key], decision.value), (key, attributes, decision.cause)
            if decision.in_experiment:
                expected.append((key, decision.variant.key))
        assert exposures == expected


def growthbook_answers(
    features: dict[str, Any], attributes: dict[str, Any], keys: list[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of one subject, and the exposures that the client reports."""
    exposures: list[tuple[str, str]] = []

    def viewed(experiment: Any, result: Any, **_: object) -> None:
        exposures.append((experiment.key, result.key))

    # A copy, for a client that is destroyed empties what it was given.
    client = GrowthBook(
        attributes=dict(attributes), features=features, on_experiment_viewed=viewed
    )
    values = {key: client.eval_feature(key).value for key in keys}
    client.destroy()
    return values, exposures


def test_an_sdk_with_sticky_buckets_keeps_the_variant_through_the_sign_up() -> None:
    definition = replace(DEFINITION, coverage=1.0)
    definitions = Definitions.of(lowered(Snapshot.of(1, [definition])))
    for number in range(50):
        visitor = {"anonymousId": f"visitor-{number}"}
        before = Context(attributes=visitor, sticky_documents={})
        seen = evaluate_feature(definitions, "short-form", before)
        after = Context(
            attributes=visitor | {"id": f"user-{number}"},
            sticky_documents=seen.documents,
        )
        assert evaluate_feature(definitions, "short-form", after).value == seen.value


def test_a_holdout_whose_share_changed_has_two_features() -> None:
    small = HoldoutDefinition("global", "a1b2c3d4e5f60718", 0.05)
    first = replace(DEFINITION, holdouts=(small,))
    second = replace(
        DEFINITION, experiment_key="other", holdouts=(replace(small, share=0.1),)
    )
    features = lowered(Snapshot.of(1, [first, second]))["features"]
    assert {"$holdout:global", "$holdout:global:2"} < features.keys()


def test_long_lists_of_overrides_are_several_rules() -> None:
    names = {f"user-{n}": "short" for n in range(12_000)}
    definition = replace(DEFINITION, overrides={"id": names})
    features = lowered(Snapshot.of(1, [definition]))["features"]
    lists = [
        rule["condition"]["id"]["$in"]
        for rule in features["short-form"]["rules"]
        if "force" in rule
    ]
    assert [len(each) for each in lists] == [5_000, 5_000, 2_000]


@pytest.mark.parametrize("serving", [Serving.KILLED, Serving.PAUSED, Serving.STOPPED])
def test_a_phase_that_does_not_split_forces_the_control(serving: Serving) -> None:
    definition = replace(DEFINITION, serving=serving)
    features = lowered(Snapshot.of(1, [definition]))["features"]
    assert features["short-form"] == {"defaultValue": 1, "rules": [{"force": 1}]}


def test_more_coverage_changes_the_coverage_and_nothing_else() -> None:
    def text(coverage: float) -> str:
        served = Snapshot.of(1, [replace(DEFINITION, coverage=coverage)])
        return json.dumps(lowered(served))

    assert text(0.25).replace('"coverage": 0.25', '"coverage": 0.75') == text(0.75)


def test_the_layer_is_a_filter_and_the_hashed_attribute_stays() -> None:
    slots = LayerSlots("checkout", "00ff00ff00ff00ff", ((0.0, 0.25), (0.5, 0.75)))
    definition = replace(DEFINITION, layer=slots)
    user, visitor = lowered(Snapshot.of(1, [definition]))["features"]["short-form"][
        "rules"
    ]
    for rule, attribute in ((user, "id"), (visitor, "anonymousId")):
        assert rule["hashAttribute"] == attribute
        assert "namespace" not in rule
        assert rule["filters"] == [
            {
                "attribute": attribute,
                "seed": slots.seed,
                "hashVersion": 2,
                "ranges": [[0.0, 0.25], [0.5, 0.75]],
            }
        ]


def test_the_document_is_made_once_and_dated_by_its_version() -> None:
    served = Snapshot.of(3, [DEFINITION])
    assert payload_bytes(served) is payload_bytes(served)
    document = json.loads(payload_bytes(served))
    assert document["status"] == 200
    assert document["experiments"] == []
    assert document["savedGroups"] == {}
    assert list(document["features"]) == ["short-form"]
    dates = [date_updated(version) for version in range(200)]
    assert dates == sorted(set(dates))
    assert document["dateUpdated"] == dates[3]
    assert datetime.fromisoformat(dates[3]).tzinfo is UTC
