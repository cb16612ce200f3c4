"""One comparison in the normal form, said so that every dialect reads it alike."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.conditions.measures import is_small
from core.conditions.operators import PATTERNS
from core.conditions.patterns import Pattern, PatternRefused, check_portable
from core.conditions.versions import MAX_VERSION

Operators = dict[str, Any]

TYPES = frozenset({"string", "number", "boolean", "array", "object", "null"})
MAX_LITERAL_DEPTH = 10
_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a condition may be."""

    depth: int
    comparisons: int
    patterns: int
    listed: int
    text: int


AUTHORED = Limits(depth=10, comparisons=500, patterns=20, listed=5_000, text=10_000)
"""What a person writes."""

STORED = Limits(depth=30, comparisons=2_000, patterns=200, listed=100_000, text=20_000)
"""What is kept: normal forms, with saved segments written out."""


class Unclear(Exception):
    """An operand that not every dialect reads alike."""

    def __init__(self, message: str, code: str = "CONDITION_INVALID") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def _equality(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, list | Mapping):
        return {symbol: operand_of(operand, limits)}
    # `$eq` finds no two lists the same; a bare list compares what they hold.
    unequal = {"$not": container(operand)}
    return unequal if symbol == "$ne" else {"$not": unequal}


def _membership(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, list):
        raise Unclear(f"{symbol} takes a list.")
    if len(operand) > limits.listed:
        raise Unclear(f"A list holds at most {limits.listed} values.")
    if all(item.__class__ is str for item in operand):
        _check_length(max(operand, key=len, default=""), limits.text)
        _check_characters("".join(operand))
    else:
        operand = [operand_of(item, limits) for item in operand]
    return {symbol: list(operand)}


def _existence(symbol: str, operand: Any, _limits: Limits) -> Operators:
    if not isinstance(operand, bool):
        raise Unclear("$exists takes true or false.")
    return {symbol: operand}


def _order(symbol: str, operand: Any, limits: Limits) -> Operators:
    if isinstance(operand, str):
        return {symbol: operand_of(operand, limits), "$type": "string"}
    if not is_number(operand):
        raise Unclear("An order compares numbers or texts.")
    return {symbol: operand_of(operand, limits), "$type": "number"}


def _version(symbol: str, operand: Any, _limits: Limits) -> Operators:
    if not isinstance(operand, str):
        raise Unclear("A version is a text.")
    check_text(operand, MAX_VERSION)
    if not operand.isascii():
        raise Unclear("A version is written in ASCII.")
    if symbol == "$vne":
        return {"$not": {"$veq": operand, "$type": "string"}}
    return {symbol: operand, "$type": "string"}


def _pattern(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, str):
        raise Unclear("A pattern is a text.")
    check_text(operand, limits.text)
    try:
        check_portable(operand)
        Pattern(operand, ignoring_case=symbol == "$regexi")
    except PatternRefused as refused:
        raise Unclear(str(refused), "REGEX_UNSUPPORTED") from refused
    return {symbol: operand, "$type": "string"}


def _type(symbol: str, operand: Any, _limits: Limits) -> Operators:
    if not isinstance(operand, str) or operand not in TYPES:
        raise Unclear(f"$type takes one of {', '.join(sorted(TYPES))}.")
    return {symbol: operand}


REWRITES: Mapping[str, Callable[[str, Any, Limits], Operators]] = {
    **dict.fromkeys(("$eq", "$ne"), _equality),
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini"), _membership),
    **dict.fromkeys(("$lt", "$lte", "$gt", "$gte"), _order),
    **dict.fromkeys(("$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"), _version),
    **dict.fromkeys(PATTERNS, _pattern),
    "$exists": _existence,
    "$type": _type,
}


def operand_of(value: Any, limits: Limits) -> Any:
    """A text, a number, true, false or null, which every dialect compares alike.

    Raises:
        Unclear: It is something else, or cannot be kept.
    """
    if isinstance(value, str):
        check_text(value, limits.text)
        return value
    return scalar(value, "A list or an object cannot be compared here.")


def scalar(value: Any, otherwise: str) -> Any:
    """`operand_of` of what is no text; `otherwise` says what it should have been."""
    if value is None or isinstance(value, bool):
        return value
    if not is_number(value):
        raise Unclear(otherwise)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unclear("A number is finite.")
    if isinstance(value, int) and abs(value) > _EXACT_INTEGER:
        raise Unclear("A whole number beyond 2^53 is not the same everywhere.")
    return value


def container(value: Any) -> Any:
    """A list or an object that is compared as a whole.

    Raises:
        Unclear: It could be taken for operators, or cannot be kept.
    """
    if not is_small(value, MAX_LITERAL_DEPTH):
        raise Unclear("It is nested too deeply, or too long.")
    _check_inside(value)
    if isinstance(value, Mapping) and not value:
        raise Unclear("An empty object compares with nothing.")
    if isinstance(value, Mapping) and any(name.startswith("$") for name in value):
        raise Unclear("Operators and plain keys are mixed.")
    return value


def _check_inside(value: Any) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise Unclear("A name is a text.")
            _check_inside(name)
            _check_inside(item)
    elif isinstance(value, list):
        for item in value:
            _check_inside(item)
    else:
        operand_of(value, STORED)


def check_text(value: str, longest: int) -> None:
    """Refuse what a database or a client cannot keep.

    Raises:
        Unclear: It is too long, or has characters that are not everywhere the same.
    """
    _check_length(value, longest)
    _check_characters(value)


def _check_length(value: str, longest: int) -> None:
    if len(value) > longest:
        raise Unclear(f"A text has at most {longest} characters.")


def _check_characters(value: str) -> None:
    if "\0" in value or not _is_whole(value):
        raise Unclear("A text has no NUL and no half of a character.")


def _is_whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_number(value: object) -> bool:
    """Whether it is a number in JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)
