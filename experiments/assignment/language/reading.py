"""Reading a payload that somebody else wrote: a part is as expected or is refused."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from core.conditions import Condition, parsed
from core.hashing import attribute_text
from experiments.assignment.ranges import Range

T = TypeVar("T")
D = TypeVar("D")

NO_VERSION = -1

Source = Mapping[str, Any]
Groups = Mapping[str, Any]
"""Saved groups by id: lists of values, or typed entries."""


class Unreadable(Exception):
    """A part of a payload has a shape that the language does not know."""


def optional(read: Callable[[object], T], value: object, absent: D) -> T | D:
    """What `read` makes of the value, or `absent` for null and for nothing."""
    return absent if value is None else read(value)


def mapping(value: object) -> Source:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise Unreadable("An object is expected.")
    return value


def sequence(value: object) -> Sequence[Any]:
    """A JSON array."""
    if not isinstance(value, list | tuple):
        raise Unreadable("A list is expected.")
    return value


def text(value: object) -> str:
    """A text; a number stands for its decimals, as it does in JavaScript."""
    if isinstance(value, str):
        return value
    if value == 0 and not isinstance(value, bool):
        return "0"
    printed = attribute_text(value)
    if printed is None:
        raise Unreadable("A text is expected.")
    return printed


def name(value: object, absent: str) -> str:
    """A text that is not empty; nothing, null and an empty text mean `absent`."""
    return optional(text, value, absent) or absent


def number(value: object) -> float:
    """A finite number, never a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable("A number is expected.")
    try:
        read = float(value)
    except OverflowError as error:
        raise Unreadable("The number is too large.") from error
    if not math.isfinite(read):
        raise Unreadable("A finite number is expected.")
    return read


def count(value: object) -> int:
    """A whole number, written in any way; null is 0."""
    read = optional(number, value, 0.0)
    if not read.is_integer():
        raise Unreadable("A whole number is expected.")
    return int(read)


def hash_version(value: object, absent: int) -> int:
    """A version of the hash; one that nobody knows is kept, and hashes nobody."""
    if value is None or value == 0:
        return absent
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if known and value in (1, 2) else NO_VERSION


def numbers(value: object) -> tuple[float, ...]:
    """A list of numbers."""
    return tuple(map(number, sequence(value)))


def span(value: object) -> Range:
    """A slice [a, b)."""
    bounds = numbers(value)
    if len(bounds) != 2:
        raise Unreadable("A range has two bounds.")
    return bounds[0], bounds[1]


def spans(value: object) -> tuple[Range, ...]:
    """A list of slices."""
    return tuple(map(span, sequence(value)))


def condition(value: object, groups: Groups | None) -> Condition | None:
    """A parsed condition; None where there is none, which holds for everybody."""
    return None if value is None or value == {} else parsed(value, groups)
