"""What a condition cannot do without: the texts that an index can look up."""

from collections.abc import Iterator, Mapping

from core.conditions.tree import Group, Joint, Leaf, Node


def required_texts(root: Node) -> Mapping[str, frozenset[str]]:
    """For each attribute the fewest texts of which one comparison needs one.

    Two comparisons of one attribute are not intersected: a list may have an element
    for each.
    """
    required: dict[str, frozenset[str]] = {}
    for leaf in _needed(root):
        if leaf.texts is None or "." in leaf.attribute:
            continue
        known = required.get(leaf.attribute)
        if known is None or len(leaf.texts) < len(known):
            required[leaf.attribute] = leaf.texts
    return required


def _needed(node: Node) -> Iterator[Leaf]:
    """The comparisons without which the whole cannot hold."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Group) and (
        node.joint is Joint.AND or (node.joint is Joint.OR and len(node.parts) == 1)
    ):
        for part in node.parts:
            yield from _needed(part)
