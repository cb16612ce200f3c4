"""Which rule sends an insight to the backlog, and what the item is called."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.conditions import compiled, validated
from feedback.errors import RuleInvalid

MAX_TITLE = 200
PLACES = frozenset(
    {"statement", "topic", "tag", "tagName", "experiment", "metric", "recommendation"}
)

_PLACE = re.compile(r"\{([A-Za-z]*)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A routing rule: what it waits for, and what it makes of it."""

    rule_id: UUID
    condition: Mapping[str, Any]
    title: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Destination:
    """The item that an insight belongs to."""

    rule_id: UUID
    dedupe_key: str
    title: str
    owner: str | None


def destination(
    routes: Iterable[Route], *, topic: str, statement: str, facts: Mapping[str, Any]
) -> Destination | None:
    """Where the first rule that matches sends an insight; None if it stays where it is.

    Every insight of one topic that a rule sends on goes to the same item.
    """
    for route in routes:
        if compiled(route.condition).holds(facts):
            return Destination(
                rule_id=route.rule_id,
                dedupe_key=f"{route.rule_id}:{topic}",
                title=title(route.title, {**facts, "statement": statement}),
                owner=route.owner,
            )
    return None


def title(template: str, facts: Mapping[str, Any]) -> str:
    """The template with its places filled; a fact that is missing leaves nothing."""
    filled = _PLACE.sub(lambda place: str(facts.get(place.group(1), "")), template)
    line = " ".join(filled.split())
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "\u2026"


def check(condition: object, template: str) -> None:
    """Refuse a rule that nobody could follow.

    Raises:
        ConditionInvalid: The condition cannot be evaluated.
        RuleInvalid: The title is empty or has a place that nothing fills.
    """
    validated(condition)
    if not 1 <= len(template.strip()) <= MAX_TITLE:
        raise RuleInvalid(f"A title has 1 to {MAX_TITLE} characters.", path=("title",))
    for place in _PLACE.finditer(template):
        if place.group(1) not in PLACES:
            known = ", ".join(sorted(PLACES))
            raise RuleInvalid(f"A title may hold {known} in braces.", path=("title",))
