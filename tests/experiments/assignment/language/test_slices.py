"""Hash, ranges, weights, namespaces, filters and rollouts."""

from typing import Any

import pytest

from experiments.assignment.language.slices import Filter, Rollout
from experiments.assignment.sdk import (
    Context,
    bucket_ranges,
    choose_variation,
    equal_weights,
    evaluate_feature,
    hash_bucket,
    in_namespace,
)
from tests.experiments.assignment.language.cast import (
    ANN,
    BEN,
    CAT,
    DAN,
    EXPERIMENT,
    LAYER,
    POSITIONS,
    table,
)


@pytest.mark.parametrize(("seed", "subject", "version", "position"), POSITIONS)
def test_a_subject_falls_on_its_position(
    seed: str, subject: str, version: int, position: float
) -> None:
    assert hash_bucket(seed, subject, version) == position


@table(
    "value version position",
    {
        "latin": ("Zoë", 2, 0.1884),
        "latin, version 1": ("Zoë", 1, 0.526),
        "east asian": ("日本", 2, 0.6896),
        "east asian, version 1": ("日本", 1, 0.283),
        "astral": ("😀", 2, 0.7506),
        "astral, version 1": ("😀", 1, 0.655),
        "a number is its text": (1, 2, 0.6075),
        "a whole float is an integer's text": (1.0, 2, 0.6075),
        "version 0": ("a", 0, None),
        "version 3": ("a", 3, None),
        "a negative version": ("a", -1, None),
        "true": (True, 2, None),
        "null": (None, 2, None),
        "a list": (["a"], 2, None),
        "not a number": (float("nan"), 2, None),
        "infinity": (float("inf"), 2, None),
        "zero": (0, 2, None),
    },
)
def test_what_is_hashed(value: object, version: int, position: float | None) -> None:
    assert hash_bucket(EXPERIMENT, value, version) == position


@table(
    "variations coverage weights ranges",
    {
        "halves": (2, 1, None, [(0, 0.5), (0.5, 1)]),
        "a gap at the end of each slot": (2, 0.5, None, [(0, 0.25), (0.5, 0.75)]),
        "nobody": (2, 0, None, [(0, 0), (0.5, 0.5)]),
        "less than nobody": (2, -3, None, [(0, 0), (0.5, 0.5)]),
        "more than everybody": (2, 7, None, [(0, 0.5), (0.5, 1)]),
        "weights": (2, 1, [0.2, 0.8], [(0, 0.2), (0.2, 1)]),
        "weights covered": (2, 0.5, [0.2, 0.8], [(0, 0.1), (0.2, 0.6)]),
        "an arm without weight": (
            3,
            1,
            [0.5, 0, 0.5],
            [(0, 0.5), (0.5, 0.5), (0.5, 1)],
        ),
        "weights below one": (2, 1, [0.2, 0.2], [(0, 0.5), (0.5, 1)]),
        "weights above one": (2, 1, [0.8, 0.8], [(0, 0.5), (0.5, 1)]),
        "weights nearly one": (2, 1, [0.5, 0.495], [(0, 0.5), (0.5, 0.995)]),
        "too few weights": (2, 1, [1.0], [(0, 0.5), (0.5, 1)]),
        "too many weights": (2, 1, [0.2, 0.3, 0.5], [(0, 0.5), (0.5, 1)]),
        "no weights": (2, 1, [], [(0, 0.5), (0.5, 1)]),
        "one arm": (1, 0.4, None, [(0, 0.4)]),
        "no arm": (0, 1, None, []),
        "fewer than no arms": (-2, 1, None, []),
    },
)
def test_ranges(
    variations: int, coverage: float, weights: Any, ranges: list[Any]
) -> None:
    computed = bucket_ranges(variations, coverage, weights)
    assert len(computed) == len(ranges)
    for ours, expected in zip(computed, ranges, strict=True):
        assert ours == pytest.approx(expected)


@pytest.mark.parametrize("coverage", [0.01, 0.1, 0.33, 0.5, 0.9])
def test_more_coverage_moves_nobody_between_arms(coverage: float) -> None:
    before, after = bucket_ranges(3, coverage), bucket_ranges(3, coverage + 0.1)
    for slot in range(10_000):
        arm = choose_variation(slot / 10_000, before)
        assert arm in {-1, choose_variation(slot / 10_000, after)}


@table(
    "position ranges variation",
    {
        "the lower bound is in": (0.5, [(0, 0.5), (0.5, 1)], 1),
        "the upper bound is out": (0.25, [(0, 0.25)], -1),
        "the first that holds it": (0.3, [(0.4, 0.5), (0.2, 0.4), (0, 1)], 1),
        "a gap": (0.3, [(0, 0.3), (0.31, 1)], -1),
        "an empty range": (0.3, [(0.3, 0.3), (0, 1)], 1),
        "no ranges": (0.3, [], -1),
        "a range upside down": (0.3, [(0.5, 0.1)], -1),
    },
)
def test_choices(position: float, ranges: Any, variation: int) -> None:
    assert choose_variation(position, ranges) == variation


@pytest.mark.parametrize("variations", [-1, 0, 1, 2, 3, 7])
def test_equal_weights_share_everything(variations: int) -> None:
    weights = equal_weights(variations)
    assert len(weights) == max(variations, 0)
    assert len(set(weights)) <= 1
    assert not weights or sum(weights) == pytest.approx(1)


@table(
    "subject namespace inside",
    {
        "in": (ANN, ["space", 0.5, 1], True),
        "below": (CAT, ["space", 0.5, 1], False),
        "above": (ANN, ["space", 0, 0.5], False),
        "the lower bound is in": (BEN, ["space", 0.542, 1], True),
        "the upper bound is out": (BEN, ["space", 0, 0.542], False),
        "all": (DAN, ["space", 0, 1], True),
        "none": (DAN, ["space", 0, 0], False),
        "two parts": (DAN, ["space", 0], False),
        "a text for a bound": (DAN, ["space", "0", 1], False),
        "a list for a name": (DAN, [["space"], 0, 1], False),
        "no list": (DAN, "space", False),
    },
)
def test_namespaces(subject: str, namespace: Any, inside: bool) -> None:
    assert in_namespace(subject, namespace) is inside


@table(
    "source attributes passes",
    {
        "in": ({"ranges": [[0.1, 0.2]]}, {"id": ANN}, True),
        "out": ({"ranges": [[0.2, 0.9]]}, {"id": ANN}, False),
        "in the second range": ({"ranges": [[0.5, 1], [0, 0.2]]}, {"id": ANN}, True),
        "no range": ({"ranges": []}, {"id": ANN}, False),
        "by another attribute": (
            {"ranges": [[0.8, 0.9]], "attribute": "company"},
            {"id": ANN, "company": DAN},
            True,
        ),
        "an empty attribute is the id": (
            {"ranges": [[0.1, 0.2]], "attribute": ""},
            {"id": ANN},
            True,
        ),
        "nobody": ({"ranges": [[0, 1]]}, {}, False),
        "an empty id": ({"ranges": [[0, 1]]}, {"id": ""}, False),
        "null": ({"ranges": [[0, 1]]}, {"id": None}, False),
        "zero": ({"ranges": [[0, 1]]}, {"id": 0}, False),
        "true": ({"ranges": [[0, 1]]}, {"id": True}, False),
        "version 2 unless said": (
            {"ranges": [[0.15, 0.2]], "hashVersion": None},
            {"id": ANN},
            True,
        ),
        "version 0 is none said": (
            {"ranges": [[0.15, 0.2]], "hashVersion": 0},
            {"id": ANN},
            True,
        ),
        "version 1": (
            {"ranges": [[0, 0.1]], "hashVersion": 1, "seed": EXPERIMENT},
            {"id": ANN},
            False,
        ),
        "an unknown version": (
            {"ranges": [[0, 1]], "hashVersion": 9},
            {"id": ANN},
            False,
        ),
    },
)
def test_filters(
    source: dict[str, Any], attributes: dict[str, Any], passes: bool
) -> None:
    assert Filter.of({"seed": LAYER, **source}).passes(attributes) is passes


@table(
    "rule subject reached",
    {
        "everybody": ({}, ANN, True),
        "everybody, also without an id": ({}, None, True),
        "within the coverage": ({"coverage": 0.5}, BEN, True),
        "beyond the coverage": ({"coverage": 0.5}, CAT, False),
        "the coverage takes its bound in": ({"coverage": 0.4099}, BEN, True),
        "just below": ({"coverage": 0.4098}, BEN, False),
        "all covered": ({"coverage": 1}, DAN, True),
        "none covered": ({"coverage": 0}, ANN, False),
        "a coverage needs an id": ({"coverage": 1}, None, False),
        "in the range": ({"range": [0.4, 0.5]}, BEN, True),
        "out of the range": ({"range": [0.5, 1]}, BEN, False),
        "a range takes its bound not in": ({"range": [0, 0.4099]}, BEN, False),
        "a range goes before coverage": ({"range": [0, 1], "coverage": 0}, BEN, True),
        "a range needs an id": ({"range": [0, 1]}, None, False),
        "another seed": ({"seed": LAYER, "coverage": 0.6}, CAT, False),
        "an empty seed is the key": ({"seed": "", "coverage": 0.66}, CAT, True),
        "an unknown version": ({"coverage": 1, "hashVersion": 9}, ANN, False),
        "a text for a version": ({"coverage": 1, "hashVersion": "2"}, ANN, False),
    },
)
def test_rollouts(rule: dict[str, Any], subject: str | None, reached: bool) -> None:
    force = {"force": "forced", "hashVersion": 2, **rule}
    features = {EXPERIMENT: {"defaultValue": "default", "rules": [force]}}
    context = Context(attributes={"id": subject})
    answer = evaluate_feature({"features": features}, EXPERIMENT, context)
    assert (answer.value == "forced") is reached


def test_a_rollout_without_a_version_hashes_by_the_first() -> None:
    rollout = Rollout.of({"coverage": 0.5}, EXPERIMENT)
    assert rollout.version == 1
    assert rollout.seed == EXPERIMENT
