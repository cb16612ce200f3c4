"""The bucketing hash that every SDK of the protocol computes alike."""

import math
import struct

from fnv_hash_fast import fnv1a_32

POSITIONS = 10_000
"""How many places version 2 of the hash tells apart."""

MAX_UNIT_TEXT = 2_000

_OFFSET = 0x811C9DC5
_PRIME = 0x01000193
_MASK = 0xFFFFFFFF
_EXACT_INTEGER = 2**53
_LONGEST_PLAIN_NUMBER = 21


def fnv32a(text: str, start: int = _OFFSET) -> int:
    """FNV-1a over UTF-16 code units; `start` continues the hash of a prefix."""
    if start == _OFFSET:
        data = prehashed(text)
        if data is not None:
            return fnv1a_32(data)
    state = start
    for unit in text.encode() if text.isascii() else _code_units(text):
        state = ((state ^ unit) * _PRIME) & _MASK
    return state


def prehashed(text: str) -> bytes | None:
    """The text as bytes that hash alike, or None where a code unit needs 16 bits.

    A seed and a value are joined as `seed + value` before they are hashed.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def position(seed: bytes, value: bytes) -> int:
    """Version 2 of `bucket` in whole steps of 1/10,000, of `prehashed` texts."""
    return fnv1a_32(b"%d" % fnv1a_32(seed + value)) % POSITIONS


def position_after(value: str, seed_state: int) -> int:
    """`position` of any text, with the hash of the seed already computed."""
    return _position_of(fnv32a(value, seed_state))


def bucket(value: str, seed: str, version: int) -> float | None:
    """Where a unit falls in [0, 1), or None for a version that nobody knows.

    Version 1 has 1,000 buckets and a bias; it is kept for clients that still ask for
    it. Version 2 has 10,000.
    """
    if version == 2:
        return _position_of(fnv32a(seed + value)) / POSITIONS
    if version == 1:
        return (fnv32a(value + seed) % 1_000) / 1_000
    return None


def bucket_after(value: str, seed_state: int) -> float:
    """Version 2 of `bucket`, with the hash of the seed already computed."""
    return position_after(value, seed_state) / POSITIONS


def attribute_text(value: object) -> str | None:
    """An attribute as JavaScript would print it, or None where it cannot be hashed.

    Only text and finite numbers identify a unit; an empty text and zero do not, nor
    does a text so long that hashing it for every experiment would hold up others.
    """
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_UNIT_TEXT else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value == 0 or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return number_text(value)


def number_text(value: float) -> str | None:
    """The shortest decimal of the nearest double, laid out by JavaScript's rules.

    None where no double is near. The value is finite and not zero.
    """
    if isinstance(value, int) and abs(value) <= _EXACT_INTEGER:
        return str(value)
    try:
        shortest = repr(float(value))
    except OverflowError:
        return None
    sign = "-" if shortest.startswith("-") else ""
    mantissa, _, power = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    digits = (whole + fraction).strip("0")
    point = len(whole) + int(power or 0) - leading
    return sign + _lay_out(digits, point)


def _position_of(inner: int) -> int:
    return fnv1a_32(b"%d" % inner) % POSITIONS


def _code_units(text: str) -> tuple[int, ...]:
    encoded = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(encoded) // 2}H", encoded)


def _lay_out(digits: str, point: int) -> str:
    if len(digits) <= point <= _LONGEST_PLAIN_NUMBER:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _LONGEST_PLAIN_NUMBER:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent)}"
