"""The normal form of a condition, in which every dialect of the language agrees.

The published language has dialects: one compares "1" with 1 and counts what is missing
as 0, another compares only what has the same type. So what is written here says its
types: a bare text becomes `$eq`, an order and a pattern gain `$type`. What cannot be
said alike in all dialects is a flaw, and a part with a flaw holds for nobody: it is
written as a comparison that never holds, or under a negation as one that always does.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.conditions.parser import JOINTS, is_shallow
from core.conditions.patterns import Pattern, PatternRefused, check_portable
from core.conditions.versions import MAX_VERSION

Where = tuple[str, ...]
Operators = dict[str, Any]
Entries = list[dict[str, Any]]

TYPES = frozenset({"string", "number", "boolean", "array", "object", "null"})
MAX_LITERAL_DEPTH = 10
_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Flaw:
    """A part of a condition that cannot be evaluated."""

    message: str
    where: Where
    code: str = "CONDITION_INVALID"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a condition may be."""

    depth: int
    comparisons: int
    listed: int
    text: int


AUTHORED = Limits(depth=10, comparisons=500, listed=5_000, text=10_000)
"""What a person writes."""

STORED = Limits(depth=30, comparisons=5_000, listed=100_000, text=20_000)
"""What is kept: normal forms, with saved segments written out."""


class Unclear(Exception):
    """An operand that not every dialect reads alike."""

    def __init__(self, message: str, code: str = "CONDITION_INVALID") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Hardener:
    """Rewrites one condition and collects its flaws."""

    def __init__(self, limits: Limits) -> None:
        self.flaws: list[Flaw] = []
        self._limits = limits
        self._comparisons = 0

    def condition(
        self, source: object, where: Where = (), depth: int = 0, *, wanted: bool = True
    ) -> dict[str, Any]:
        """An object of which every entry must hold; `wanted` is false inside a not."""
        if not isinstance(source, Mapping):
            return self._flawed("A condition is an object.", where, wanted=wanted)
        if depth > self._limits.depth:
            return self._flawed("It is nested too deeply.", where, wanted=wanted)
        entries: Entries = []
        for name, expected in source.items():
            here = (*where, str(name))
            if isinstance(name, str):
                entries += self._entry(name, expected, here, depth, wanted=wanted)
            else:
                entries.append(self._flawed("A name is a text.", here, wanted=wanted))
        return _merged(entries)

    def _entry(
        self, name: str, expected: object, where: Where, depth: int, *, wanted: bool
    ) -> Entries:
        if name in JOINTS:
            return [self._joined(name, expected, where, depth, wanted=wanted)]
        if name == "$not":
            inner = self.condition(expected, where, depth + 1, wanted=not wanted)
            return [{"$not": inner}]
        if name == "$savedGroup":
            return [self._flawed(_NOT_WRITTEN_OUT, where, wanted=wanted)]
        if name.startswith("$"):
            message = f"{name} is not an operator."
            return [self._flawed(message, where, wanted=wanted)]
        try:
            _check_text(name, self._limits.text)
            values = self._value(expected, where, depth, wanted=wanted)
        except Unclear as unclear:
            self._note(unclear, where)
            values = [_constant(wanted=wanted)]
        return [{name: value} for value in values]

    def _joined(
        self, joint: str, expected: object, where: Where, depth: int, *, wanted: bool
    ) -> dict[str, Any]:
        if not isinstance(expected, list):
            message = f"{joint} takes a list of conditions."
            return self._flawed(message, where, wanted=wanted)
        inner = wanted if joint != "$nor" else not wanted
        return {
            joint: [
                self.condition(part, (*where, str(index)), depth + 1, wanted=inner)
                for index, part in enumerate(expected)
            ]
        }

    def _value(
        self, expected: object, where: Where, depth: int, *, wanted: bool
    ) -> Sequence[Any]:
        """What one attribute is compared with, in as many parts as it takes."""
        if depth > self._limits.depth:
            raise Unclear("It is nested too deeply.")
        if not isinstance(expected, Mapping):
            return [self._literal(expected)]
        if not expected:
            raise Unclear("An empty object compares with nothing.")
        marked = [str(key).startswith("$") for key in expected]
        if not any(marked):
            return [self._literal(expected)]
        if not all(marked):
            raise Unclear("Operators and plain keys are mixed.")
        parts: list[Operators] = [{}]
        for symbol, operand in expected.items():
            here = (*where, str(symbol))
            try:
                written = self._operator(symbol, operand, here, depth, wanted=wanted)
            except Unclear as unclear:
                self._note(unclear, here)
                written = _constant(wanted=wanted)
            _add(parts, written)
        return parts

    def _operator(
        self, symbol: str, operand: Any, where: Where, depth: int, *, wanted: bool
    ) -> Operators:
        if symbol == "$not":
            inner = self._single(operand, where, depth + 1, wanted=not wanted)
            return {"$not": inner}
        self._count()
        if symbol == "$elemMatch":
            return {symbol: self._element(operand, where, depth + 1, wanted=wanted)}
        if symbol == "$size":
            return {symbol: self._size(operand, where, depth + 1, wanted=wanted)}
        if symbol in ("$all", "$alli"):
            return {"$all": self._all(symbol, operand, where, depth + 1, wanted=wanted)}
        rewrite = _REWRITES.get(symbol)
        if rewrite is None:
            raise Unclear(
                _NOT_WRITTEN_OUT
                if symbol in ("$inGroup", "$notInGroup")
                else f"{symbol} is not an operator."
            )
        return rewrite(symbol, operand, self._limits)

    def _single(
        self, operand: object, where: Where, depth: int, *, wanted: bool
    ) -> Any:
        """A value that must be said in one part, as there is no attribute to repeat."""
        parts = self._value(operand, where, depth, wanted=wanted)
        if len(parts) > 1:
            raise Unclear("Two of its operators cannot stand together here.")
        return parts[0]

    def _element(
        self, operand: Any, where: Where, depth: int, *, wanted: bool
    ) -> dict[str, Any]:
        if not isinstance(operand, Mapping) or not operand:
            raise Unclear("$elemMatch takes operators or a condition.")
        if not all(str(key).startswith("$") for key in operand):
            return self._fields(operand, where, depth, wanted=wanted)
        if any(key in JOINTS for key in operand):
            raise Unclear("$elemMatch takes no $and, $or or $nor by itself.")
        return dict(self._single(operand, where, depth, wanted=wanted))

    def _fields(
        self, operand: Any, where: Where, depth: int, *, wanted: bool
    ) -> dict[str, Any]:
        """A condition on elements that are objects; a bare joint is read otherwise."""
        written = self.condition(operand, where, depth, wanted=wanted)
        if all(key.startswith("$") for key in written):
            raise Unclear("Two of its operators cannot stand together here.")
        return written

    def _size(self, operand: Any, where: Where, depth: int, *, wanted: bool) -> Any:
        if isinstance(operand, Mapping):
            return self._single(operand, where, depth, wanted=wanted)
        if not _is_number(operand):
            raise Unclear("$size takes a number or operators.")
        return _scalar(operand, "$size takes a number or operators.")

    def _all(
        self, symbol: str, operand: Any, where: Where, depth: int, *, wanted: bool
    ) -> list[Any]:
        if not isinstance(operand, list):
            raise Unclear(f"{symbol} takes a list.")
        if len(operand) > self._limits.comparisons:
            raise Unclear(f"A list holds at most {self._limits.comparisons} values.")
        folding = symbol == "$alli"
        return [
            {"$type": "string", "$ini": [item]}
            if folding and isinstance(item, str)
            else self._single(item, (*where, str(index)), depth, wanted=wanted)
            for index, item in enumerate(operand)
        ]

    def _literal(self, expected: object) -> Any:
        self._count()
        if isinstance(expected, list | Mapping):
            return _container(expected)
        return {"$eq": _operand(expected, self._limits)}

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > self._limits.comparisons:
            raise Unclear(f"It has more than {self._limits.comparisons} comparisons.")

    def _note(self, unclear: Unclear, where: Where) -> None:
        self.flaws.append(Flaw(unclear.message, where, unclear.code))

    def _flawed(self, message: str, where: Where, *, wanted: bool) -> dict[str, Any]:
        self.flaws.append(Flaw(message, where))
        return {"$nor": []} if wanted else {}


_NOT_WRITTEN_OUT = "A saved group has to be written out first."


def _constant(*, wanted: bool) -> Operators:
    """A comparison that never holds, or where that is not wanted always does."""
    return {"$in": []} if wanted else {"$nin": []}


def _merged(entries: Entries) -> dict[str, Any]:
    """Entries of one object; those whose name is taken go into an `$and`."""
    merged: dict[str, Any] = {}
    apart: Entries = []
    for entry in entries:
        if merged.keys().isdisjoint(entry):
            merged |= entry
        else:
            apart.append(entry)
    if not apart:
        return merged
    return {"$and": [merged, *apart]}


def _add(parts: list[Operators], written: Operators) -> None:
    """Put operators where none of them says something else already."""
    for part in parts:
        shared = part.keys() & written.keys()
        if not shared or (shared == {"$type"} and part["$type"] == written["$type"]):
            part.update(written)
            return
    parts.append(written)


def _equality(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, list | Mapping):
        return {symbol: _operand(operand, limits)}
    # `$eq` finds no two lists the same; a bare list compares what they hold.
    unequal = {"$not": _container(operand)}
    return unequal if symbol == "$ne" else {"$not": unequal}


def _membership(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, list):
        raise Unclear(f"{symbol} takes a list.")
    if len(operand) > limits.listed:
        raise Unclear(f"A list holds at most {limits.listed} values.")
    return {symbol: [_operand(item, limits) for item in operand]}


def _existence(symbol: str, operand: Any, _limits: Limits) -> Operators:
    if not isinstance(operand, bool):
        raise Unclear("$exists takes true or false.")
    return {symbol: operand}


def _order(symbol: str, operand: Any, limits: Limits) -> Operators:
    if isinstance(operand, str):
        return {symbol: _operand(operand, limits), "$type": "string"}
    if not _is_number(operand):
        raise Unclear("An order compares numbers or texts.")
    return {symbol: _operand(operand, limits), "$type": "number"}


def _version(symbol: str, operand: Any, _limits: Limits) -> Operators:
    if not isinstance(operand, str):
        raise Unclear("A version is a text.")
    _check_text(operand, MAX_VERSION)
    if symbol == "$vne":
        return {"$not": {"$veq": operand, "$type": "string"}}
    return {symbol: operand, "$type": "string"}


def _pattern(symbol: str, operand: Any, limits: Limits) -> Operators:
    if not isinstance(operand, str):
        raise Unclear("A pattern is a text.")
    _check_text(operand, limits.text)
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


_REWRITES: Mapping[str, Callable[[str, Any, Limits], Operators]] = {
    **dict.fromkeys(("$eq", "$ne"), _equality),
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini"), _membership),
    **dict.fromkeys(("$lt", "$lte", "$gt", "$gte"), _order),
    **dict.fromkeys(("$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte"), _version),
    **dict.fromkeys(("$regex", "$regexi"), _pattern),
    "$exists": _existence,
    "$type": _type,
}


def _operand(value: Any, limits: Limits) -> Any:
    if isinstance(value, str):
        _check_text(value, limits.text)
        return value
    return _scalar(value, "A list or an object cannot be compared here.")


def _scalar(value: Any, otherwise: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if not _is_number(value):
        raise Unclear(otherwise)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unclear("A number is finite.")
    if isinstance(value, int) and abs(value) > _EXACT_INTEGER:
        raise Unclear("A whole number beyond 2^53 is not the same everywhere.")
    return value


def _container(value: Any) -> Any:
    """A list or an object that is compared as a whole."""
    if not is_shallow(value, MAX_LITERAL_DEPTH):
        raise Unclear("It is nested too deeply.")
    _check_inside(value)
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
        _operand(value, STORED)


def _check_text(value: str, longest: int) -> None:
    if len(value) > longest:
        raise Unclear(f"A text has at most {longest} characters.")
    if "\0" in value or not _is_whole(value):
        raise Unclear("A text has no NUL and no half of a character.")


def _is_whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
