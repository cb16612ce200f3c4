"""Values computed once by an independent implementation. This file never changes.

A difference here means that people in running experiments would be re-assigned.
"""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.hashing import attribute_text, bucket, bucket_after, fnv32a
from experiments.assignment.ranges import bucket_ranges, choose
from experiments.assignment.seeds import phase_seed

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden.json").read_text(encoding="utf-8")
)


def test_every_bucket_is_the_golden_one() -> None:
    for seed, value, first, second in GOLDEN["buckets"]:
        assert bucket(value, seed, 1) == first, (seed, value)
        assert bucket(value, seed, 2) == second, (seed, value)


def test_every_number_is_printed_as_the_golden_one() -> None:
    for number, text in GOLDEN["numbers"]:
        assert attribute_text(number) == text


def test_every_range_is_the_golden_one() -> None:
    for arms, coverage, weights, ranges in GOLDEN["ranges"]:
        computed = bucket_ranges(arms, coverage, weights)
        assert [list(each) for each in computed] == ranges


@pytest.mark.parametrize("experiment", GOLDEN["experiments"], ids=lambda e: e["key"])
def test_ten_thousand_subjects_keep_their_arms(experiment: dict[str, Any]) -> None:
    seed = phase_seed(UUID(GOLDEN["project"]), experiment["key"], experiment["number"])
    assert seed == experiment["seed"]
    weights = experiment["weights"]
    ranges = bucket_ranges(len(weights), experiment["coverage"], weights)
    state = fnv32a(seed)
    arms = [choose(bucket_after(f"user-{n}", state), ranges) for n in range(10_000)]
    counts = [arms.count(arm) for arm in (*range(len(weights)), None)]
    letters = "".join("-" if arm is None else str(arm) for arm in arms)
    assert letters.startswith(experiment["first"])
    assert counts == experiment["counts"]
    assert hashlib.sha256(letters.encode()).hexdigest() == experiment["digest"]
