"""Sticky buckets: who keeps which variation, and what is written down."""

from typing import Any

from experiments.assignment.sdk import (
    Context,
    ExperimentResult,
    evaluate_feature,
    run_experiment,
)
from tests.experiments.assignment.language.cast import ANN, DAN, table

EXPERIMENT: dict[str, Any] = {
    "key": "exp",
    "variations": ["a", "b", "c"],
    "meta": [{"key": "A"}, {"key": "B"}, {"key": "C"}],
    "weights": [0.5, 0.5, 0],
    "hashVersion": 2,
    "fallbackAttribute": "device",
    "condition": {"plan": {"$ne": "none"}},
}


def document(attribute: str, value: str, **assignments: str) -> dict[str, Any]:
    return {
        f"{attribute}||{value}": {
            "attributeName": attribute,
            "attributeValue": value,
            "assignments": assignments,
        }
    }


def ran(
    changes: dict[str, Any], attributes: dict[str, Any], documents: Any
) -> ExperimentResult:
    context = Context(attributes=attributes, sticky_documents=documents)
    return run_experiment({**EXPERIMENT, **changes}, context)


KEPT_C = document("id", ANN, exp__0="C")
DEVICE_C = document("device", "d1", exp__0="C")
BOTH = {"id": ANN, "device": "d1"}


@table(
    "changes attributes documents value sticky",
    {
        "nothing stored": ({}, {"id": ANN}, {}, "a", False),
        "sticky buckets are off": ({}, {"id": ANN}, None, "a", False),
        "kept": ({}, {"id": ANN}, KEPT_C, "c", True),
        "another's": ({}, {"id": DAN}, KEPT_C, "b", False),
        "another experiment's": (
            {},
            {"id": ANN},
            document("id", ANN, other__0="C"),
            "a",
            False,
        ),
        "of the device": ({}, BOTH, DEVICE_C, "c", True),
        "of the device alone": ({}, {"device": "d1"}, DEVICE_C, "c", True),
        "the id goes before the device": (
            {},
            BOTH,
            DEVICE_C | document("id", ANN, exp__0="B"),
            "b",
            True,
        ),
        "both are read": (
            {},
            BOTH,
            DEVICE_C | document("id", ANN, other__0="B"),
            "c",
            True,
        ),
        "without a fallback": ({"fallbackAttribute": None}, BOTH, DEVICE_C, "a", False),
        "switched off": (
            {"disableStickyBucketing": True},
            {"id": ANN},
            KEPT_C,
            "a",
            False,
        ),
        "an unknown variation": (
            {},
            {"id": ANN},
            document("id", ANN, exp__0="Z"),
            "a",
            False,
        ),
        "a new version": ({"bucketVersion": 1}, {"id": ANN}, KEPT_C, "a", False),
        "the same version": (
            {"bucketVersion": 2},
            {"id": ANN},
            document("id", ANN, exp__2="C"),
            "c",
            True,
        ),
        "an older version that may stay": (
            {"bucketVersion": 1, "minBucketVersion": 0},
            {"id": ANN},
            KEPT_C,
            "a",
            False,
        ),
        "also out of coverage": ({"coverage": 0}, {"id": ANN}, KEPT_C, "c", True),
        "also out of the condition": (
            {},
            {"id": ANN, "plan": "none"},
            KEPT_C,
            "c",
            True,
        ),
        "also filtered out": (
            {"filters": [{"seed": "s", "ranges": []}]},
            {"id": ANN},
            KEPT_C,
            "c",
            True,
        ),
        "a number is stored as its text": (
            {},
            {"id": 7},
            document("id", "7", exp__0="C"),
            "c",
            True,
        ),
    },
)
def test_who_keeps_what(
    changes: Any, attributes: Any, documents: Any, value: str, sticky: bool
) -> None:
    result = ran(changes, attributes, documents)
    assert result.in_experiment
    assert (result.value, result.sticky_bucket_used) == (value, sticky)


@table(
    "changes documents sticky",
    {
        "an old version is blocked": (
            {"bucketVersion": 3, "minBucketVersion": 3},
            document("id", ANN, exp__2="C"),
            True,
        ),
        "a version just old enough to block": (
            {"bucketVersion": 1, "minBucketVersion": 1},
            KEPT_C,
            True,
        ),
        "old and new together": (
            {"bucketVersion": 3, "minBucketVersion": 3},
            document("id", ANN, exp__0="A", exp__3="B"),
            True,
        ),
        "a bound that nobody could count to": (
            {"bucketVersion": 0, "minBucketVersion": 10**15},
            KEPT_C,
            True,
        ),
        "not even kept in a draft": ({"status": "draft"}, KEPT_C, False),
        "not even kept in quality assurance": ({"status": "stopped"}, KEPT_C, False),
        "an unknown version of the hash": ({"hashVersion": 9}, KEPT_C, False),
    },
)
def test_who_is_out(changes: Any, documents: Any, sticky: bool) -> None:
    result = ran(changes, {"id": ANN}, documents)
    assert not result.in_experiment
    assert result.sticky_bucket_used is sticky
    assert result.documents == {}


@table(
    "changes attributes documents written",
    {
        "the first time": ({}, {"id": ANN}, {}, document("id", ANN, exp__0="A")),
        "nothing new": ({}, {"id": ANN}, KEPT_C, {}),
        "under the device": (
            {},
            {"device": "d1"},
            {},
            document("device", "d1", exp__0="A"),
        ),
        "from the device to the id": (
            {},
            BOTH,
            DEVICE_C,
            document("id", ANN, exp__0="C"),
        ),
        "beside others": (
            {},
            {"id": ANN},
            document("id", ANN, other__0="B"),
            document("id", ANN, other__0="B", exp__0="A"),
        ),
        "a new version beside the old": (
            {"bucketVersion": 2},
            {"id": ANN},
            KEPT_C,
            document("id", ANN, exp__0="C", exp__2="A"),
        ),
        "in place of an unknown variation": (
            {},
            {"id": ANN},
            document("id", ANN, exp__0="Z"),
            document("id", ANN, exp__0="A"),
        ),
        "not when sticky buckets are off": ({}, {"id": ANN}, None, {}),
        "not when switched off": (
            {"disableStickyBucketing": True},
            {"id": ANN},
            {},
            {},
        ),
        "not out of the experiment": ({"coverage": 0}, {"id": ANN}, {}, {}),
        "not when forced": ({"force": 1}, {"id": ANN}, {}, {}),
        "over a damaged document": (
            {},
            {"id": ANN},
            {f"id||{ANN}": "damaged"},
            document("id", ANN, exp__0="A"),
        ),
        "over damaged assignments": (
            {},
            {"id": ANN},
            {f"id||{ANN}": {"assignments": ["damaged"]}},
            document("id", ANN, exp__0="A"),
        ),
    },
)
def test_what_is_written(
    changes: Any, attributes: Any, documents: Any, written: Any
) -> None:
    changes = {"weights": [1, 0, 0], **changes} if "device" in attributes else changes
    assert ran(changes, attributes, documents).documents == written


def test_the_documents_that_were_given_stay_as_they_are() -> None:
    documents = document("id", ANN, other__0="B")
    ran({}, {"id": ANN}, documents)
    assert documents == document("id", ANN, other__0="B")


def test_two_experiments_of_one_feature_are_written_into_one_document() -> None:
    holdout = {
        "key": "holdout",
        "variations": [0, 1],
        "meta": [{"key": "held"}, {"key": "free", "passthrough": True}],
        "weights": [0, 1],
    }
    rules = [holdout, {"key": "exp", "variations": ["a", "b"], "weights": [1, 0]}]
    context = Context(attributes={"id": ANN}, sticky_documents={})
    answer = evaluate_feature({"features": {"f": {"rules": rules}}}, "f", context)
    written = document("id", ANN, holdout__0="free", exp__0="0")
    assert answer.documents == written


def test_a_rollout_falls_back_to_another_attribute_where_buckets_are_sticky() -> None:
    rule = {"force": 1, "coverage": 1, "fallbackAttribute": "device"}
    known = {"features": {"f": {"defaultValue": 0, "rules": [rule]}}}
    device = {"device": "d1"}
    sticky = Context(attributes=device, sticky_documents={})
    assert evaluate_feature(known, "f", sticky).value == 1
    assert evaluate_feature(known, "f", Context(attributes=device)).value == 0
