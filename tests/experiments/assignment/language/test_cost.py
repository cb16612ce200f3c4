"""What hostile input costs: next to nothing, however deep, long or circular it is."""

import time
from typing import Any

import pytest

from experiments.assignment.sdk import (
    Context,
    Definitions,
    Source,
    bucket_ranges,
    evaluate_feature,
    run_experiment,
)
from tests.experiments.assignment.language.cast import ANN, table

BOUND = 0.1
"""CPU seconds that only what blows up takes, on however busy a machine."""


def seconds(payload: dict[str, Any], key: str) -> tuple[float, Source]:
    """CPU time of one evaluation, and what it came to."""
    known = Definitions.of(payload)
    started = time.process_time()
    answer = evaluate_feature(known, key, Context(attributes={"id": ANN}))
    return time.process_time() - started, answer.source


def chain(length: int, parents: int = 1) -> dict[str, Any]:
    """Features of which each waits, `parents` times over, for the next."""
    features: dict[str, Any] = {
        f"f{number}": {
            "rules": [
                {"parentConditions": [{"id": f"f{number + 1}"}] * parents, "force": 1}
            ]
        }
        for number in range(length)
    }
    return {"features": features}


def test_a_chain_of_prerequisites_is_followed() -> None:
    assert seconds(chain(40), "f0")[1] is Source.FORCE


def test_a_chain_without_end_is_a_circle() -> None:
    spent, source = seconds(chain(5_000), "f0")
    assert source is Source.CYCLE
    assert spent < BOUND


def test_prerequisites_that_branch_cost_once_each() -> None:
    """Forty levels of eight: asked each time, they would never come to an end."""
    spent, source = seconds(chain(40, parents=8), "f0")
    assert source is Source.FORCE
    assert spent < BOUND


def test_a_bound_on_versions_is_not_counted_up_to() -> None:
    experiment = {
        "key": "exp",
        "variations": [0, 1],
        "bucketVersion": 1,
        "minBucketVersion": 10**15,
    }
    context = Context(attributes={"id": ANN}, sticky_documents={})
    assert run_experiment(experiment, context).in_experiment


def test_deep_values_are_served_and_never_read() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    known = {"features": {"exp": {"defaultValue": 0, "rules": [{"force": deep}]}}}
    context = Context(attributes={"id": ANN, "deep": deep})
    assert evaluate_feature(known, "exp", context).value is deep


def nested(levels: int) -> Any:
    deep: Any = []
    for _ in range(levels):
        deep = [deep]
    return deep


@table(
    "context",
    {
        "a NUL": ({"attributes": {"id": "u\0", "text": "\0"}, "url": "/\0?exp=\0"},),
        "lone surrogates": (
            {"attributes": {"id": "\ud800", "text": "\udfff"}, "url": "/\ud800"},
        ),
        "a megabyte": (
            {
                "attributes": {"id": "x" * 10**6, "text": "a" * 10**6},
                "url": "/" * 10**6,
            },
        ),
        "a megabyte of pictures": (
            {
                "attributes": {"id": "😀" * 10**6, "text": "😀" * 10**6},
                "url": "😀" * 10**6,
            },
        ),
        "a text that makes others backtrack": (
            {
                "attributes": {"id": "u1", "text": "a" * 20_000 + "!"},
                "url": "/" + "a" * 9_999,
            },
        ),
        "a deep object": ({"attributes": {"id": "u1", "text": nested(10_000)}},),
        "not a number": ({"attributes": {"id": float("nan"), "text": float("nan")}},),
        "a number without end": ({"attributes": {"id": 10**4_000, "text": 10**4_000}},),
        "a query of many parts": ({"attributes": {}, "url": "/?" + "&a=1" * 4_000},),
    },
)
def test_bad_input_is_answered_at_once(context: dict[str, Any]) -> None:
    target = {"type": "simple", "pattern": "/*a*a*a*a*b?a=*a*a*a*b"}
    expression = {"type": "regex", "pattern": "(a+)+$"}
    rules = [
        {"force": 1, "condition": {"text": {"$regex": "(a|a)*b$"}}},
        {"force": 1, "condition": {"text": {"$in": ["x"]}}},
        {"force": 1, "condition": {"text": {"$gt": "x"}, "none": 1}},
        {"force": 1, "coverage": 0},
        {"variations": [1, 2], "coverage": 0},
    ]
    known = Definitions.of({"features": {"exp": {"rules": rules}}})
    places = {"urlPatterns": [target, expression], "url": "(a*)*$"}
    experiment = {"key": "exp", "variations": [1, 2], "coverage": 0, **places}
    spent = []
    for _ in range(5):
        started = time.process_time()
        evaluate_feature(known, "exp", Context(**context))
        assert not run_experiment(experiment, Context(**context)).in_experiment
        spent.append(time.process_time() - started)
    assert min(spent) < BOUND


@pytest.mark.parametrize("arms", [0, -5])
def test_no_arms_have_no_ranges(arms: int) -> None:
    assert bucket_ranges(arms, 1.0, [float("nan")]) == ()
