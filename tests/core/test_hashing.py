"""The bucketing hash against the published function and JavaScript's number format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hashing import (
    MAX_UNIT_TEXT,
    attribute_text,
    bucket,
    bucket_after,
    fnv32a,
    position,
    position_after,
    prehashed,
)


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


def _unit_by_unit(text: str) -> int:
    encoded = text.encode("utf-16-le", "surrogatepass")
    state = 0x811C9DC5
    for low, high in zip(encoded[::2], encoded[1::2], strict=True):
        state = ((state ^ (low | high << 8)) * 0x01000193) & 0xFFFFFFFF
    return state


_ANY_TEXT = st.text(st.characters(exclude_categories=()))
_LATIN_TEXT = st.text(st.characters(max_codepoint=255))


@given(_ANY_TEXT | _LATIN_TEXT)
def test_the_fast_hash_is_the_hash_of_every_code_unit(text: str) -> None:
    assert fnv32a(text) == _unit_by_unit(text)


@given(_LATIN_TEXT)
def test_a_text_of_small_code_units_can_be_prehashed(text: str) -> None:
    assert prehashed(text) == text.encode("latin-1")


@pytest.mark.parametrize("text", ["\u0100", "a\u20ac", "\U0001f600", "\ud800"])
def test_a_text_of_large_code_units_cannot_be_prehashed(text: str) -> None:
    assert prehashed(text) is None


@given(_LATIN_TEXT, _LATIN_TEXT)
def test_a_position_is_the_bucket_in_whole_steps(seed: str, value: str) -> None:
    expected = _unit_by_unit(str(_unit_by_unit(seed + value))) % 10_000
    assert position(seed.encode("latin-1"), value.encode("latin-1")) == expected
    assert position_after(value, fnv32a(seed)) == expected
    assert bucket(value, seed, 2) == expected / 10_000


@given(_ANY_TEXT, _ANY_TEXT)
def test_a_position_of_any_text_continues_from_the_seed(seed: str, value: str) -> None:
    expected = _unit_by_unit(str(_unit_by_unit(seed + value))) % 10_000
    assert position_after(value, fnv32a(seed)) == expected
    assert bucket_after(value, fnv32a(seed)) == expected / 10_000


@given(_ANY_TEXT, _ANY_TEXT)
def test_version_one_has_a_thousand_places(seed: str, value: str) -> None:
    assert bucket(value, seed, 1) == _unit_by_unit(value + seed) % 1_000 / 1_000


def test_a_text_too_long_to_name_a_unit_is_not_hashed() -> None:
    assert attribute_text("x" * MAX_UNIT_TEXT) == "x" * MAX_UNIT_TEXT
    assert attribute_text("x" * (MAX_UNIT_TEXT + 1)) is None


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
