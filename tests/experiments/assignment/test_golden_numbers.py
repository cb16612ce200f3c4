"""Hashes, printed numbers and slices, value by value, as they were first computed.

`test_golden_arms` says what became of ten thousand subjects; these say which step it
was that moved, on both versions of the hash and on weights and coverages out of range.
An independent implementation computed them once: a difference means that people in
running experiments would be assigned anew.
"""

import json
from typing import Any

from core.hashing import attribute_text, bucket
from experiments.assignment.ranges import bucket_ranges
from tests.experiments.assignment.golden.definitions import HERE

GOLDEN: dict[str, Any] = json.loads((HERE / "numbers.json").read_text(encoding="utf-8"))


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
