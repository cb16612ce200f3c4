"""The column is bucketed exactly as its subjects are one at a time."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hashing import attribute_text, bucket, fnv32a
from experiments.assignment.columns import (
    Ids,
    arms,
    buckets,
    encoded,
    slots,
)
from experiments.assignment.ranges import Range, bucket_ranges, choose

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
UNUSUAL = [
    "",
    "0",
    "a",
    "user-42",
    "Zoë",
    "ÿ",
    "Ā",
    "日本語",
    "😀smile",
    "\ud83d",
    "\ude00\ud83d",
    "nul\0nul",
    "\0",
    "x" * 300,
    "x" * 2_000,
    "x" * 2_001,
    "😀" * 1_001,
    "😀" * 2_001,
    "é" * 300,
    "x" * 70_000,
]


def one_at_a_time(ids: Sequence[str], seed: str, version: int) -> list[float | None]:
    return [bucket(each, seed, version) for each in ids]


@given(st.lists(ANY_TEXT, max_size=30), ANY_TEXT, st.sampled_from([1, 2]))
def test_any_column_is_bucketed_as_its_texts_are(
    ids: list[str], seed: str, version: int
) -> None:
    assert list(buckets(ids, seed, version)) == one_at_a_time(ids, seed, version)


@given(
    st.lists(st.text(st.characters(max_codepoint=127), max_size=40), max_size=30),
    st.integers(2, 6),
    st.floats(0, 1),
)
def test_any_column_gets_the_arms_that_its_texts_get(
    ids: list[str], variations: int, coverage: float
) -> None:
    ranges = bucket_ranges(variations, coverage)
    assert list(arms(ids, "seed", 2, ranges)) == [
        arm_of(each, "seed", ranges) for each in ids
    ]


def arm_of(text: str, seed: str, ranges: Sequence[Range]) -> int:
    known = attribute_text(text) is not None
    chosen = choose(bucket(text, seed, 2) or 0.0, ranges) if known else None
    return -1 if chosen is None else chosen


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("seed", ["", "seed", "Saat-ü", "種", "🌱", "\udc00"])
def test_unusual_texts_in_one_column(seed: str, version: int) -> None:
    assert list(buckets(UNUSUAL, seed, version)) == one_at_a_time(
        UNUSUAL, seed, version
    )


def test_inner_hashes_of_every_length_are_hashed_as_their_decimals() -> None:
    """Short ones are rare: one id in 400,000 has an inner hash below 10,000."""
    ids = [f"user-{number}" for number in range(400_000, 420_000)]
    assert {len(str(fnv32a(f"s{each}"))) for each in ids} >= {4, 6, 7, 8, 9, 10}
    assert list(buckets(ids, "s", 2)) == one_at_a_time(ids, "s", 2)


@pytest.mark.parametrize(
    "ids",
    [
        np.array(["a", "bcd", "éclair"]),
        np.array(["a", None, "b"], dtype=object)[[0, 2]],
        np.array([], dtype="U8"),
    ],
    ids=["unicode", "objects", "empty"],
)
def test_an_array_of_texts_is_a_column(ids: Ids) -> None:
    listed = [str(each) for each in ids]
    assert list(buckets(ids, "seed", 2)) == one_at_a_time(listed, "seed", 2)


def test_an_array_of_numbers_is_hashed_as_their_texts() -> None:
    numbers = np.array([1, 7, 10**6, -3, 2**62])
    texts = [attribute_text(int(each)) or "" for each in numbers]
    assert list(buckets(numbers, "seed", 2)) == one_at_a_time(texts, "seed", 2)


def test_nobody_without_an_identity_gets_an_arm() -> None:
    everybody = [(0.0, 1.0)]
    assert list(arms(["", "a"], "seed", 2, everybody)) == [-1, 0]
    assert list(arms(UNUSUAL, "seed", 2, everybody)) == [
        arm_of(each, "seed", everybody) for each in UNUSUAL
    ]
    assert list(arms(np.array([0, 1]), "seed", 2, everybody)) == [-1, 0]


@pytest.mark.parametrize(
    "ids", [np.array([1.5]), np.array([True]), np.array([b"a"]), np.array([None])]
)
def test_a_column_of_anything_else_is_refused(ids: Ids) -> None:
    with pytest.raises(TypeError, match="texts or whole numbers"):
        encoded(ids)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version 3"):
        slots(["a"], "seed", 3)
    with pytest.raises(ValueError, match="no version 3"):
        arms(["a"], "seed", 3, [(0.0, 1.0)])


def test_more_ranges_than_an_arm_can_number_are_refused() -> None:
    with pytest.raises(ValueError, match="At most 127"):
        arms(["a"], "seed", 2, [(0.0, 0.001)] * 128)
