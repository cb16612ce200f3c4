"""A parsed condition: comparisons joined by Kleene's three-valued logic."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Attributes = Mapping[str, Any]
Truth = bool | None
Test = Callable[[object], Truth]


class Joint(StrEnum):
    """How the parts of a group make one answer."""

    AND = "$and"
    OR = "$or"
    NOR = "$nor"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison of one attribute."""

    attribute: str
    operator: str
    expected: object
    test: Test
    texts: frozenset[str] | None = None
    """Where it holds for no other plain value than one of some texts: these texts."""

    def truth(self, attributes: Attributes) -> Truth:
        """Whether the attribute passes."""
        return self.test(value_at(attributes, self.attribute))


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that are answered together; an empty `$or` holds, as an empty `$and`."""

    joint: Joint
    parts: tuple["Node", ...]

    def truth(self, attributes: Attributes) -> Truth:
        """An unknown part decides nothing by itself."""
        truths = (part.truth(attributes) for part in self.parts)
        if self.joint is Joint.AND:
            return every(truths)
        any_holds = some(truths) if self.parts else True
        return any_holds if self.joint is Joint.OR else opposite(any_holds)


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a part."""

    part: "Node"

    def truth(self, attributes: Attributes) -> Truth:
        """What is unknown stays unknown."""
        return opposite(self.part.truth(attributes))


Node = Leaf | Group | Negation


@dataclass(frozen=True, slots=True)
class Failure:
    """The comparison that kept a subject out, and what the subject had."""

    attribute: str
    operator: str
    expected: object
    actual: object
    negated: bool
    """Whether the comparison held and was required not to."""


def together(parts: Iterable[Node]) -> Node:
    """Parts that must all hold, as one."""
    joined = tuple(parts)
    return joined[0] if len(joined) == 1 else Group(Joint.AND, joined)


def value_at(attributes: Attributes, path: str) -> object:
    """The value at a dotted path; None where a part of the path is missing.

    A list has its places ("0", "1", ...) and its "length", as in JavaScript.
    """
    if "." not in path:
        return attributes.get(path)
    return value_along(attributes, path.split("."))


def value_along(attributes: Attributes, names: Sequence[str]) -> object:
    """`value_at` of a path that is in its parts already."""
    found: object = attributes
    for name in names:
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, (list, tuple)):
            found = _of_list(found, name)
        else:
            return None
    return found


def fields(element: object) -> Attributes:
    """What a path can reach in an element of a list."""
    if isinstance(element, Mapping):
        return element
    if isinstance(element, (list, tuple)):
        places = {str(index): value for index, value in enumerate(element)}
        return places | {"length": len(element)}
    return {}


def leaves(node: Node) -> Iterator[Leaf]:
    """Every comparison below a node."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Negation):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)


def first_failure(
    node: Node, attributes: Attributes, *, wanted: bool
) -> Failure | None:
    """Follow the parts that are not as wanted, down to one comparison."""
    if node.truth(attributes) is wanted:
        return None
    if isinstance(node, Negation):
        return first_failure(node.part, attributes, wanted=not wanted)
    if isinstance(node, Leaf):
        actual = value_at(attributes, node.attribute)
        return Failure(
            node.attribute, node.operator, node.expected, actual, negated=not wanted
        )
    inner = wanted if node.joint is not Joint.NOR else not wanted
    for part in node.parts:
        failure = first_failure(part, attributes, wanted=inner)
        if failure is not None:
            return failure
    return Failure(node.joint, node.joint, [], None, negated=not wanted)


def every(truths: Iterable[Truth]) -> Truth:
    """Whether all are true."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def some(truths: Iterable[Truth]) -> Truth:
    """Whether one is true."""
    unknown = False
    for truth in truths:
        if truth is True:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


def opposite(truth: Truth) -> Truth:
    """What is unknown stays unknown."""
    return None if truth is None else not truth


def _of_list(found: Sequence[Any], name: str) -> object:
    if name == "length":
        return len(found)
    # A place has at most ten digits; longer texts never become numbers here.
    if len(name) <= 10 and name.isascii() and name.isdigit():
        index = int(name)
        if index < len(found) and name == str(index):
            return found[index]
    return None
