"""The one language of conditions: parsed once, tested often, explained on demand.

A condition that cannot be understood is refused where it is published, and where one
is met all the same it holds for nobody: what is unknown stays unknown through `$not`.
"""

from dataclasses import dataclass

from core.conditions.operators import same
from core.conditions.parser import Flaw, Parser, Where
from core.conditions.tree import (
    Attributes,
    Failure,
    Node,
    first_failure,
    leaves,
    value_at,
)
from core.problems import Invalid

__all__ = [
    "Attributes",
    "Condition",
    "ConditionInvalid",
    "Failure",
    "Flaw",
    "compiled",
    "explain",
    "same",
    "validated",
    "value_at",
]


class ConditionInvalid(Invalid):
    """A condition has a part that nobody can evaluate; `path` says which."""

    def __init__(self, message: str, *, path: Where = ()) -> None:
        super().__init__(message, code="CONDITION_INVALID", path=path)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition ready to be tested; one with flaws holds for nobody they touch."""

    root: Node
    flaws: tuple[Flaw, ...]

    def holds(self, attributes: Attributes) -> bool:
        """Whether the attributes pass."""
        return self.root.truth(attributes) is True

    def names(self) -> frozenset[str]:
        """The top-level attributes that the answer depends on."""
        return frozenset(leaf.attribute.partition(".")[0] for leaf in leaves(self.root))


def compiled(source: object) -> Condition:
    """Parse a stored condition; its flaws are kept, not raised."""
    parser = Parser()
    root = parser.group(source)
    return Condition(root=root, flaws=tuple(parser.flaws))


def validated(source: object) -> Condition:
    """Parse a condition that is about to be published.

    Raises:
        ConditionInvalid: It has an unknown operator, a wrong shape or is too large.
    """
    condition = compiled(source)
    if condition.flaws:
        flaw = condition.flaws[0]
        raise ConditionInvalid(flaw.message, path=flaw.where)
    return condition


def explain(condition: Condition, attributes: Attributes) -> Failure | None:
    """The first comparison that kept the attributes out, or None if they pass."""
    return first_failure(condition.root, attributes, wanted=True)
