"""A condition as nested functions, which is how it is tested on the hot path.

A tree answers true, false or unknown. A closure answers one question: whether the
node is true (`passes`) or whether it is false (`fails`). Asking both kinds of question
of the leaves is what keeps the unknown out of the way without a third value.
"""

from collections.abc import Callable

from core.conditions.tree import (
    Attributes,
    Joint,
    Leaf,
    Negation,
    Node,
    value_along,
)

Closure = Callable[[Attributes], bool]


def passes(node: Node) -> Closure:
    """Whether the node is true for some attributes."""
    return _closure(node, wanted=True)


def _closure(node: Node, *, wanted: bool) -> Closure:
    if isinstance(node, Leaf):
        return _leaf(node, wanted=wanted)
    if isinstance(node, Negation):
        return _closure(node.part, wanted=not wanted)
    if node.joint is Joint.NOR:
        wanted = not wanted
    if not node.parts:
        return _everyone if wanted else _nobody
    parts = [_closure(part, wanted=wanted) for part in node.parts]
    return _all(parts) if (node.joint is Joint.AND) is wanted else _any(parts)


def _leaf(leaf: Leaf, *, wanted: bool) -> Closure:
    name, test = leaf.attribute, leaf.test
    if "." in name:
        names = name.split(".")
        return lambda attributes: test(value_along(attributes, names)) is wanted
    if wanted and leaf.texts is not None:
        return _among(leaf)
    return lambda attributes: test(attributes.get(name)) is wanted


def _among(leaf: Leaf) -> Closure:
    """The common comparison: a text, or one of some texts."""
    name, test = leaf.attribute, leaf.test
    texts = leaf.texts or frozenset()
    if leaf.operator == "$eq":
        (text,) = texts
        return lambda attributes: attributes.get(name) == text

    def listed(attributes: Attributes) -> bool:
        actual = attributes.get(name)
        if actual.__class__ is str:
            return actual in texts
        return actual is not None and test(actual) is True

    return listed


def _all(parts: list[Closure]) -> Closure:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        one, other = parts
        return lambda attributes: one(attributes) and other(attributes)

    def every(attributes: Attributes) -> bool:
        return all(part(attributes) for part in parts)

    return every


def _any(parts: list[Closure]) -> Closure:
    if len(parts) == 1:
        return parts[0]

    def some(attributes: Attributes) -> bool:
        return any(part(attributes) for part in parts)

    return some


def _everyone(_attributes: Attributes) -> bool:
    return True


def _nobody(_attributes: Attributes) -> bool:
    return False
