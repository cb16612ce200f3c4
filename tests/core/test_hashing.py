"""The bucketing hash against the published function and JavaScript's number format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hashing import attribute_text, bucket, bucket_after, fnv32a


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0x811C9DC5),
        ("a", 0xE40C292C),
        ("b", 0xE70C2DE5),
        ("foobar", 0xBF9CF968),
    ],
)
def test_ascii_text_has_the_published_fnv_1a_value(text: str, expected: int) -> None:
    assert fnv32a(text) == expected


def test_a_character_outside_ascii_is_hashed_by_code_unit_not_by_byte() -> None:
    by_unit = ((0x811C9DC5 ^ 0x00E9) * 0x01000193) & 0xFFFFFFFF
    assert fnv32a("é") == by_unit


def test_a_character_beyond_the_basic_plane_is_two_code_units() -> None:
    state = 0x811C9DC5
    for unit in (0xD83D, 0xDE00):
        state = ((state ^ unit) * 0x01000193) & 0xFFFFFFFF
    assert fnv32a("😀") == state


@given(st.text(), st.text())
def test_a_hash_continues_from_its_prefix(prefix: str, rest: str) -> None:
    assert fnv32a(rest, fnv32a(prefix)) == fnv32a(prefix + rest)


def test_version_two_puts_the_seed_first_and_hashes_twice() -> None:
    twice = fnv32a(str(fnv32a("seeduser"))) % 10_000 / 10_000
    assert bucket("user", "seed", 2) == twice
    assert bucket_after("user", fnv32a("seed")) == twice


def test_version_one_puts_the_value_first() -> None:
    assert bucket("user", "seed", 1) == fnv32a("userseed") % 1_000 / 1_000


def test_an_unknown_version_gives_no_bucket() -> None:
    assert bucket("user", "seed", 3) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("u1", "u1"),
        (1, "1"),
        (1.0, "1"),
        (-12, "-12"),
        (0.1, "0.1"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        (123456.789, "123456.789"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e21, "1.25e+21"),
        (-1e-10, "-1e-10"),
        (10**21, "1e+21"),
        (2**53 + 1, "9007199254740992"),
        (120.0, "120"),
    ],
)
def test_a_number_is_printed_as_javascript_prints_it(
    value: str | float, text: str
) -> None:
    assert attribute_text(value) == text


@pytest.mark.parametrize(
    "value",
    ["", 0, 0.0, None, True, False, [1], {"a": 1}, float("nan"), float("inf"), 10**400],
)
def test_what_cannot_identify_a_unit_is_not_hashed(value: object) -> None:
    assert attribute_text(value) is None


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0))
def test_a_printed_number_reads_back_as_itself(value: float) -> None:
    assert float(attribute_text(value) or "nan") == value
