"""A parsed condition: comparisons joined by Kleene's three-valued logic."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.conditions.operators import Test, Truth

Attributes = Mapping[str, Any]


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
            return _all(truths)
        any_holds = _any(truths) if self.parts else True
        return any_holds if self.joint is Joint.OR else _opposite(any_holds)


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a part."""

    part: "Node"

    def truth(self, attributes: Attributes) -> Truth:
        """What is unknown stays unknown."""
        return _opposite(self.part.truth(attributes))


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


def value_at(attributes: Attributes, path: str) -> object:
    """The value at a dotted path; None where a part of the path is missing."""
    if "." not in path:
        return attributes.get(path)
    found: object = attributes
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


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


def _all(truths: Iterable[Truth]) -> Truth:
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def _any(truths: Iterable[Truth]) -> Truth:
    unknown = False
    for truth in truths:
        if truth is True:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


def _opposite(truth: Truth) -> Truth:
    return None if truth is None else not truth
