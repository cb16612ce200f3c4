"""From JSON to a tree of comparisons, as the published language reads it."""

from collections.abc import Callable, Mapping
from typing import Any

from core.conditions.groups import Groups, listed, referred
from core.conditions.measures import is_brief, is_small
from core.conditions.operators import (
    OPERATORS,
    PATTERNS,
    among,
    literal,
    literal_ignoring_case,
    membership,
    never,
    texts_of,
    unknown,
)
from core.conditions.tree import (
    Group,
    Joint,
    Leaf,
    Negation,
    Node,
    Test,
    Truth,
    every,
    fields,
    some,
    together,
)

MAX_DEPTH = 40
MAX_NODES = 10_000
MAX_SEARCHED_TOGETHER = 10_000
"""How many characters of all elements of one list a pattern is tried on."""

MAX_TRIED = 500
"""How many elements `$elemMatch` tries; of a longer list nothing is known."""

MAX_PAIRS = 1_000
"""How many pairs of an element and an expected value `$all` tries."""

JOINTS: Mapping[str, Joint] = {joint.value: joint for joint in Joint}

_ELEMENT = ""


class _TooLarge(Exception):
    """It is not read on."""


class Parser:
    """Reads one condition, with the saved groups that it may name."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._nodes = 0
        self._patterns = 0
        self._visited: tuple[str, ...] = ()
        self._nested: Mapping[str, Callable[[Any, int], Test]] = {
            "$elemMatch": self._some_element,
            "$all": self._every_expected,
            "$alli": self._every_expected_ignoring_case,
            "$size": self._size,
        }

    def root(self, source: object) -> Node:
        """The whole condition; one that is too large is not read."""
        try:
            return self._condition(source, 0)
        except _TooLarge:
            return Leaf("", "?", None, unknown)

    def _condition(self, source: object, depth: int) -> Node:
        """Every entry of an object, all of which must hold."""
        if not isinstance(source, Mapping) or depth > MAX_DEPTH:
            return Leaf("", "?", None, unknown)
        self._count(len(source))
        return together(
            self._entry(str(name), expected, depth) for name, expected in source.items()
        )

    def _entry(self, name: str, expected: object, depth: int) -> Node:
        joint = JOINTS.get(name)
        if joint is not None:
            if not isinstance(expected, (list, tuple)):
                return Leaf(name, name, expected, unknown)
            self._count(len(expected))
            return Group(
                joint, tuple(self._condition(part, depth + 1) for part in expected)
            )
        if name == "$not":
            return Negation(self._condition(expected, depth + 1))
        if name == "$savedGroup":
            return self._saved_group(expected, depth)
        return self._value(name, expected, depth)

    def _value(self, name: str, expected: Any, depth: int) -> Node:
        """One attribute against a literal, or against operators that must all hold."""
        if depth > MAX_DEPTH:
            return Leaf(name, "?", None, unknown)
        if not _has_operators(expected):
            return Leaf(name, "$eq", expected, _literal(expected))
        self._count(len(expected))
        return together(
            self._operator(name, str(symbol), operand, depth)
            for symbol, operand in expected.items()
        )

    def _operator(self, name: str, symbol: str, operand: Any, depth: int) -> Node:
        if symbol == "$not":
            return Negation(self._value(name, operand, depth + 1))
        if symbol in ("$inGroup", "$notInGroup"):
            return self._group_leaf(name, symbol, operand)
        nested = self._nested.get(symbol)
        if nested is not None:
            before = self._patterns
            test = nested(operand, depth + 1)
            searching = self._patterns > before
            return Leaf(name, symbol, operand, _bounded(test) if searching else test)
        self._patterns += symbol in PATTERNS
        texts = texts_of(symbol, operand)
        if texts is not None and symbol == "$in":
            return Leaf(name, symbol, operand, among(texts), texts)
        build = OPERATORS.get(symbol)
        test = unknown if build is None else build(operand)
        return Leaf(name, symbol, operand, test, texts)

    def _group_leaf(self, name: str, symbol: str, operand: object) -> Node:
        values = listed(self._groups, operand)
        if values is None:
            return Leaf(name, symbol, operand, never)
        wanted = symbol == "$inGroup"
        test = membership(values, wanted=wanted)
        texts = texts_of("$in", values) if wanted else None
        return Leaf(name, symbol, operand, test, texts)

    def _saved_group(self, reference: object, depth: int) -> Node:
        """What is unknown, malformed or leads back to itself holds for nobody."""
        found = referred(self._groups, reference)
        if found is None:
            return Leaf("", "$savedGroup", reference, never)
        name, content = found
        if not isinstance(content, Mapping):
            test, texts = membership(content), texts_of("$in", content)
            return Leaf(name, "$in", content, test, texts)
        if name in self._visited:
            return Leaf("", "$savedGroup", reference, never)
        outer, self._visited = self._visited, (*self._visited, name)
        node = self._condition(content, depth + 1)
        self._visited = outer
        return node

    def _some_element(self, expected: object, depth: int) -> Test:
        if _has_operators(expected):
            return _matching_element(self._value_test(expected, depth))
        node = self._condition(expected, depth)
        return _matching_element(lambda item: node.truth(fields(item)))

    def _size(self, expected: object, depth: int) -> Test:
        matches = self._value_test(expected, depth)
        return lambda actual: (
            matches(len(actual)) if isinstance(actual, (list, tuple)) else False
        )

    def _every_expected(self, expected: object, depth: int) -> Test:
        if not isinstance(expected, (list, tuple)):
            return never
        self._count(len(expected))
        return _matching_all([self._value_test(item, depth) for item in expected])

    def _every_expected_ignoring_case(self, expected: object, depth: int) -> Test:
        if not isinstance(expected, (list, tuple)):
            return never
        self._count(len(expected))
        return _matching_all(
            [
                literal_ignoring_case(item)
                if isinstance(item, str)
                else self._value_test(item, depth)
                for item in expected
            ]
        )

    def _value_test(self, expected: object, depth: int) -> Test:
        node = self._value(_ELEMENT, expected, depth)
        if isinstance(node, Leaf):
            return node.test
        return lambda item: node.truth({_ELEMENT: item})

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _TooLarge


def _literal(expected: object) -> Test:
    return literal(expected) if is_small(expected, MAX_DEPTH) else unknown


def _has_operators(expected: object) -> bool:
    """Whether it is an object of operators; any other object is a literal."""
    return (
        isinstance(expected, Mapping)
        and len(expected) > 0
        and all(str(key).startswith("$") for key in expected)
    )


def _bounded(test: Test) -> Test:
    """A test that searches every element; too much text in all is not searched."""

    def bounded(actual: object) -> Truth:
        if not isinstance(actual, (list, tuple)):
            return False
        return test(actual) if is_brief(actual, MAX_SEARCHED_TOGETHER) else None

    return bounded


def _matching_element(matches: Test) -> Test:
    def test(actual: object) -> Truth:
        if not isinstance(actual, (list, tuple)):
            return False
        if len(actual) > MAX_TRIED:
            return None
        return some(matches(item) for item in actual if item is not None)

    return test


def _matching_all(expected: list[Test]) -> Test:
    def test(actual: object) -> Truth:
        if not isinstance(actual, (list, tuple)):
            return False
        if len(actual) * len(expected) > MAX_PAIRS:
            return None
        return every(some(map(matches, actual)) for matches in expected)

    return test
