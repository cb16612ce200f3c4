"""The one language of conditions: parsed once, tested often, explained on demand.

It has two doors. `compiled` is for what is written here: the source is first brought
into the normal form in which every dialect of the language agrees (`hardened`), and
what cannot be understood holds for nobody. `parsed` reads the published language as it
is, with its conversions between types, for definitions that come from elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.conditions.closures import Closure, passes
from core.conditions.groups import Groups
from core.conditions.hardening import Flaw, Hardener, Where
from core.conditions.operands import AUTHORED, STORED, Limits
from core.conditions.parser import Parser
from core.conditions.requirements import required_texts
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
    "Groups",
    "compiled",
    "explain",
    "hardened",
    "parsed",
    "validated",
    "value_at",
]


class ConditionInvalid(Invalid):
    """A condition has a part that nobody can evaluate; `path` says which."""

    def __init__(
        self, message: str, *, path: Where = (), code: str = "CONDITION_INVALID"
    ) -> None:
        super().__init__(message, code=code, path=path)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition ready to be tested; one with flaws holds for nobody they touch."""

    root: Node
    flaws: tuple[Flaw, ...]
    holds: Closure = field(repr=False, compare=False)
    """Whether the attributes pass."""

    def names(self) -> frozenset[str]:
        """The top-level attributes that the answer depends on."""
        return frozenset(leaf.attribute.partition(".")[0] for leaf in leaves(self.root))

    def required(self) -> Mapping[str, frozenset[str]]:
        """The attributes that must be one of some texts, for an index of conditions.

        Where such an attribute is any other plain value, or is missing, the condition
        does not hold; where it is a list, one of its elements must be one of the texts.
        """
        return required_texts(self.root)


def parsed(source: object, groups: Groups | None = None) -> Condition:
    """Read a condition of the published language; `groups` are the saved groups by id.

    An operator that nobody knows holds for nobody, nor does its negation.
    """
    return _ready(Parser(groups or {}).root(source), ())


def compiled(source: object) -> Condition:
    """Read a condition that was written here; its flaws are kept, not raised."""
    return _compiled(source, STORED)


def hardened(source: object) -> dict[str, Any]:
    """The source in the form that every dialect reads alike, as it is published.

    A part that has a flaw is written so that it holds for nobody. Hardening twice
    changes nothing more.
    """
    return Hardener(STORED).form(source)


def validated(source: object) -> Condition:
    """Read a condition that is about to be published.

    Raises:
        ConditionInvalid: It has an unknown operator, a wrong shape, a pattern that has
            no linear-time form (code REGEX_UNSUPPORTED), or is too large.
    """
    condition = _compiled(source, AUTHORED)
    if condition.flaws:
        flaw = condition.flaws[0]
        raise ConditionInvalid(flaw.message, path=flaw.where, code=flaw.code)
    return condition


def explain(condition: Condition, attributes: Attributes) -> Failure | None:
    """The first comparison that kept the attributes out, or None if they pass."""
    return first_failure(condition.root, attributes, wanted=True)


def _compiled(source: object, limits: Limits) -> Condition:
    hardener = Hardener(limits)
    form = hardener.form(source)
    return _ready(Parser({}).root(form), tuple(hardener.flaws))


def _ready(root: Node, flaws: tuple[Flaw, ...]) -> Condition:
    return Condition(root=root, flaws=flaws, holds=passes(root))
