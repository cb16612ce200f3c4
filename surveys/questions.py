"""What a survey asks: its questions, and which of them a person gets to see."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.conditions import compiled

Answers = Mapping[str, Any]
"""By question key: a number, a choice's id, a list of choice ids, or a text."""

NPS_SCALE = (0, 10)


class QuestionKind(StrEnum):
    """How a question is answered. Those that are not in BUILT are reserved."""

    NPS = "NPS"
    CSAT = "CSAT"
    CES = "CES"
    RATING = "RATING"
    SINGLE = "SINGLE"
    MULTI = "MULTI"
    TEXT = "TEXT"
    BOOLEAN = "BOOLEAN"
    NUMBER = "NUMBER"
    DATE = "DATE"
    RANKING = "RANKING"
    MATRIX = "MATRIX"
    CONSENT = "CONSENT"
    STATEMENT = "STATEMENT"


ON_A_SCALE = frozenset({QuestionKind.NPS, QuestionKind.RATING})
WITH_CHOICES = frozenset({QuestionKind.SINGLE, QuestionKind.MULTI})
BUILT = ON_A_SCALE | WITH_CHOICES | {QuestionKind.TEXT}


@dataclass(frozen=True, slots=True)
class Choice:
    """One option. Answers keep its id, so its label may be reworded."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question. Its key is its identity in every version of the survey."""

    key: str
    kind: QuestionKind
    prompt: str
    required: bool = False
    choices: tuple[Choice, ...] = ()
    scale: tuple[int, int] | None = None
    """Lowest and highest answer of a RATING."""
    show_if: Mapping[str, Any] | None = None
    """A condition over earlier answers; absent means always shown."""

    @property
    def bounds(self) -> tuple[int, int] | None:
        """Lowest and highest answer, for a question on a scale."""
        return NPS_SCALE if self.kind is QuestionKind.NPS else self.scale

    @property
    def choice_ids(self) -> tuple[str, ...]:
        """The ids an answer may hold."""
        return tuple(choice.id for choice in self.choices)


def shown(questions: Iterable[Question], answers: Answers) -> tuple[Question, ...]:
    """The questions that these answers lead to, in order.

    Only answers to questions that are themselves shown may lead on.
    """
    seen: list[Question] = []
    counted: dict[str, Any] = {}
    for question in questions:
        if question.show_if is not None and not compiled(question.show_if).holds(
            counted
        ):
            continue
        seen.append(question)
        if question.key in answers:
            counted[question.key] = answers[question.key]
    return tuple(seen)


def as_document(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """The questions as JSON, every field written out."""
    return [
        {
            "key": question.key,
            "kind": question.kind.value,
            "prompt": question.prompt,
            "required": question.required,
            "choices": [{"id": c.id, "label": c.label} for c in question.choices],
            "scale": None if question.scale is None else list(question.scale),
            "showIf": None if question.show_if is None else dict(question.show_if),
        }
        for question in questions
    ]


def from_document(document: Iterable[Mapping[str, Any]]) -> tuple[Question, ...]:
    """The questions that `as_document` wrote."""
    return tuple(
        Question(
            key=part["key"],
            kind=QuestionKind(part["kind"]),
            prompt=part["prompt"],
            required=part["required"],
            choices=tuple(Choice(c["id"], c["label"]) for c in part["choices"]),
            scale=None
            if part["scale"] is None
            else (part["scale"][0], part["scale"][1]),
            show_if=part["showIf"],
        )
        for part in document
    )


def content_hash(document: list[dict[str, Any]]) -> str:
    """SHA-256 of what is asked, the same for the same questions."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
