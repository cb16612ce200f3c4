"""From JSON to a tree of comparisons, collecting what cannot be understood."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.conditions.operators import OPERATORS, never_known
from core.conditions.tree import Group, Joint, Leaf, Negation, Node

MAX_DEPTH = 10
MAX_LEAVES = 500

Where = tuple[str, ...]
_JOINTS = frozenset(Joint)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A part of a condition that cannot be evaluated."""

    message: str
    where: Where


class Parser:
    """Reads one condition."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self._leaves = 0

    def group(self, source: object, where: Where = (), depth: int = 0) -> Node:
        """Every entry of an object, all of which must hold."""
        if not isinstance(source, Mapping):
            return self._flaw("A condition is an object.", where)
        if depth > MAX_DEPTH:
            return self._flaw("It is nested too deeply.", where)
        parts = [
            self._entry(str(name), expected, (*where, str(name)), depth)
            for name, expected in source.items()
        ]
        return _together(parts)

    def _entry(self, name: str, expected: object, where: Where, depth: int) -> Node:
        if name in _JOINTS:
            return self._joined(Joint(name), expected, where, depth)
        if name == "$not":
            return Negation(self.group(expected, where, depth + 1))
        if name.startswith("$"):
            return self._flaw(f"{name} is not an operator.", where)
        return self._value(name, expected, where, depth)

    def _joined(self, joint: Joint, expected: object, where: Where, depth: int) -> Node:
        if not isinstance(expected, list):
            return self._flaw(f"{joint} takes a list of conditions.", where)
        parts = [
            self.group(part, (*where, str(index)), depth + 1)
            for index, part in enumerate(expected)
        ]
        return Group(joint, tuple(parts))

    def _value(self, name: str, expected: object, where: Where, depth: int) -> Node:
        if depth > MAX_DEPTH:
            return self._flaw("It is nested too deeply.", where)
        if not isinstance(expected, Mapping):
            return self._leaf(name, "$eq", expected, where)
        if not expected:
            return self._flaw("An empty object compares with nothing.", where)
        marked = [str(key).startswith("$") for key in expected]
        if not any(marked):
            return self._leaf(name, "$eq", expected, where)
        if not all(marked):
            return self._flaw("Operators and plain keys are mixed.", where)
        parts: list[Node] = [
            Negation(self._value(name, operand, (*where, "$not"), depth + 1))
            if key == "$not"
            else self._leaf(name, str(key), operand, (*where, str(key)))
            for key, operand in expected.items()
        ]
        return _together(parts)

    def _leaf(self, name: str, symbol: str, expected: object, where: Where) -> Leaf:
        self._leaves += 1
        if self._leaves > MAX_LEAVES:
            return self._flaw(f"It has more than {MAX_LEAVES} comparisons.", where)
        build = OPERATORS.get(symbol)
        if build is None:
            return self._flaw(f"{symbol} is not an operator.", where)
        test = build(expected)
        if isinstance(test, str):
            return self._flaw(test, where)
        return Leaf(name, symbol, expected, test)

    def _flaw(self, message: str, where: Where) -> Leaf:
        self.flaws.append(Flaw(message, where))
        return Leaf(".".join(where), "?", None, never_known)


def _together(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Group(Joint.AND, tuple(parts))
