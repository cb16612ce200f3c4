"""Rules that suggest tags: phrases in a text, never patterns that could run wild."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from feedback.errors import RuleInvalid
from feedback.text import Span, Text, pattern, read

MAX_PHRASES = 50
MAX_PHRASE = 100


class FeedbackSource(StrEnum):
    """Where a comment came from."""

    SURVEY = "SURVEY"
    WIDGET = "WIDGET"
    API = "API"
    IMPORT = "IMPORT"
    TICKET = "TICKET"


class TicketStatus(StrEnum):
    """Whether a ticket still waits."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class TagOrigin(StrEnum):
    """Who put a tag on a comment first."""

    HUMAN = "HUMAN"
    RULE = "RULE"
    MODEL = "MODEL"


class TagState(StrEnum):
    """What was decided about a tag on a comment."""

    SUGGESTED = "SUGGESTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class PhraseMatch(StrEnum):
    """How many of a rule's phrases a text needs."""

    ANY = "ANY"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a tag rule looks for."""

    rule_id: UUID
    tag_id: UUID
    phrases: tuple[str, ...]
    match: PhraseMatch
    sources: frozenset[FeedbackSource]
    """Empty for every source."""
    accepts: bool
    """Whether a match is accepted at once, without a person."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag that a rule would put on a text, and why."""

    tag_id: UUID
    rule_id: UUID
    span: Span
    reason: str
    accepted: bool


def suggest(
    body: str, source: FeedbackSource, rules: Iterable[Rule]
) -> tuple[Suggestion, ...]:
    """At most one suggestion a tag; the first rule that matches gives its reason."""
    text = read(body)
    suggestions: dict[UUID, Suggestion] = {}
    for rule in rules:
        if rule.tag_id in suggestions or (rule.sources and source not in rule.sources):
            continue
        found = _matched(rule, text)
        if found is not None:
            suggestions[rule.tag_id] = found
    return tuple(suggestions.values())


def check(phrases: Sequence[str]) -> tuple[str, ...]:
    """The phrases without outer space.

    Raises:
        RuleInvalid: There are none or too many, or one holds no word.
    """
    if not 1 <= len(phrases) <= MAX_PHRASES:
        raise RuleInvalid(f"Give 1 to {MAX_PHRASES} phrases.", path=("phrases",))
    for position, phrase in enumerate(phrases):
        if len(phrase) > MAX_PHRASE or not pattern(phrase):
            raise RuleInvalid(
                f"A phrase has a word and at most {MAX_PHRASE} characters.",
                path=("phrases", str(position)),
            )
    return tuple(phrase.strip() for phrase in phrases)


def _matched(rule: Rule, text: Text) -> Suggestion | None:
    spans: dict[str, Span] = {}
    for phrase in rule.phrases:
        span = next(text.occurrences(phrase), None)
        if span is not None:
            spans[phrase] = span
        elif rule.match is PhraseMatch.ALL:
            return None
        if spans and rule.match is PhraseMatch.ANY:
            break
    if not spans:
        return None
    said = ", ".join(f"\u201c{phrase}\u201d" for phrase in spans)
    return Suggestion(
        tag_id=rule.tag_id,
        rule_id=rule.rule_id,
        span=next(iter(spans.values())),
        reason=f"The text says {said}.",
        accepted=rule.accepts,
    )
