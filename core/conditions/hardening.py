"""The normal form of a condition, in which every dialect of the language agrees.

The published language has dialects: one compares "1" with 1 and counts what is missing
as 0, another compares only what has the same type. So what is written here says its
types: a bare text becomes `$eq`, an order and a pattern gain `$type`. What cannot be
said alike in all dialects is a flaw, and a part with a flaw holds for nobody: it is
written as a comparison that never holds, or under a negation as one that always does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.conditions.operands import (
    REWRITES,
    Limits,
    Operators,
    Unclear,
    check_text,
    container,
    is_number,
    operand_of,
    scalar,
)
from core.conditions.operators import PATTERNS
from core.conditions.parser import JOINTS

Where = tuple[str, ...]
Entries = list[dict[str, Any]]

PARTS_EACH = 4
"""How many parts a condition may have for each comparison that it may have."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A part of a condition that cannot be evaluated."""

    message: str
    where: Where
    code: str = "CONDITION_INVALID"


class _TooLarge(Exception):
    """It is not read on: what has too many parts has a flaw as a whole."""


class Hardener:
    """Rewrites one condition and collects its flaws."""

    def __init__(self, limits: Limits) -> None:
        self.flaws: list[Flaw] = []
        self._limits = limits
        self._parts = 0
        self._comparisons = 0
        self._patterns = 0

    def form(self, source: object) -> dict[str, Any]:
        """The normal form of a condition; call it once."""
        try:
            return self._condition(source, (), 0, wanted=True)
        except _TooLarge as large:
            self.flaws.append(Flaw(str(large), ()))
            return _flawed_condition(wanted=True)

    def _condition(
        self, source: object, where: Where, depth: int, *, wanted: bool
    ) -> dict[str, Any]:
        """An object of which every entry must hold; `wanted` is false inside a not."""
        if not isinstance(source, Mapping):
            return self._flawed("A condition is an object.", where, wanted=wanted)
        if depth > self._limits.depth:
            return self._flawed("It is nested too deeply.", where, wanted=wanted)
        entries: Entries = []
        self._count(len(source))
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
            inner = self._condition(expected, where, depth + 1, wanted=not wanted)
            return [{"$not": inner}]
        if name == "$savedGroup":
            return [self._flawed(_NOT_WRITTEN_OUT, where, wanted=wanted)]
        if name.startswith("$"):
            message = f"{name} is not an operator."
            return [self._flawed(message, where, wanted=wanted)]
        try:
            check_text(name, self._limits.text)
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
        self._count(len(expected))
        return {
            joint: [
                self._condition(part, (*where, str(index)), depth + 1, wanted=inner)
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
        self._count(len(expected))
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
        self._compare(symbol)
        if symbol == "$elemMatch":
            return {symbol: self._element(operand, where, depth + 1, wanted=wanted)}
        if symbol == "$size":
            return {symbol: self._size(operand, where, depth + 1, wanted=wanted)}
        if symbol in ("$all", "$alli"):
            return {"$all": self._all(symbol, operand, where, depth + 1, wanted=wanted)}
        rewrite = REWRITES.get(symbol)
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
        written = self._condition(operand, where, depth, wanted=wanted)
        if all(key.startswith("$") for key in written):
            raise Unclear("Two of its operators cannot stand together here.")
        return written

    def _size(self, operand: Any, where: Where, depth: int, *, wanted: bool) -> Any:
        if isinstance(operand, Mapping):
            return self._single(operand, where, depth, wanted=wanted)
        if not is_number(operand):
            raise Unclear("$size takes a number or operators.")
        return scalar(operand, "$size takes a number or operators.")

    def _all(
        self, symbol: str, operand: Any, where: Where, depth: int, *, wanted: bool
    ) -> list[Any]:
        if not isinstance(operand, list):
            raise Unclear(f"{symbol} takes a list.")
        self._count(len(operand))
        folding = symbol == "$alli"
        return [
            {"$type": "string", "$ini": [item]}
            if folding and isinstance(item, str)
            else self._single(item, (*where, str(index)), depth, wanted=wanted)
            for index, item in enumerate(operand)
        ]

    def _literal(self, expected: object) -> Any:
        self._compare("$eq")
        if isinstance(expected, list | Mapping):
            return container(expected)
        return {"$eq": operand_of(expected, self._limits)}

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > PARTS_EACH * self._limits.comparisons:
            raise _TooLarge("It has too many parts.")

    def _compare(self, symbol: str) -> None:
        self._comparisons += 1
        if self._comparisons > self._limits.comparisons:
            most = self._limits.comparisons
            raise _TooLarge(f"It has more than {most} comparisons.")
        self._patterns += symbol in PATTERNS
        if self._patterns > self._limits.patterns:
            raise _TooLarge(f"It has more than {self._limits.patterns} patterns.")

    def _note(self, unclear: Unclear, where: Where) -> None:
        self.flaws.append(Flaw(unclear.message, where, unclear.code))

    def _flawed(self, message: str, where: Where, *, wanted: bool) -> dict[str, Any]:
        self.flaws.append(Flaw(message, where))
        return _flawed_condition(wanted=wanted)


_NOT_WRITTEN_OUT = "A saved group has to be written out first."


def _flawed_condition(*, wanted: bool) -> dict[str, Any]:
    """A condition that holds for nobody, or where that is not wanted for everyone."""
    return {"$nor": []} if wanted else {}


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
