"""What must hold of the questions before anyone is asked them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from math import prod
from typing import Any

from core.conditions import Condition, ConditionInvalid, validated
from surveys.errors import DefinitionInvalid
from surveys.questions import (
    BUILT,
    ON_A_SCALE,
    WITH_CHOICES,
    Question,
    QuestionKind,
)

MAX_QUESTIONS = 50
MAX_CHOICES = 50
MAX_PROMPT = 1_000
MAX_COMBINATIONS = 20_000
ENUMERABLE_CHOICES = 8
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_UNANSWERED = object()
Values = tuple[object, ...]


def check(questions: Sequence[Question], earlier: Sequence[Question] = ()) -> None:
    """Refuse questions that could not be asked, answered or compared.

    Args:
        questions: What is about to be published.
        earlier: The questions of the version before, whose kinds are kept.

    Raises:
        DefinitionInvalid: `code` says what is wrong and `path` where.
    """
    if not 1 <= len(questions) <= MAX_QUESTIONS:
        raise DefinitionInvalid(
            f"A survey has 1 to {MAX_QUESTIONS} questions.", path=("questions",)
        )
    kinds = {question.key: question.kind for question in earlier}
    asked: dict[str, Question] = {}
    answers: dict[str, Values | None] = {}
    for position, question in enumerate(questions):
        where = ("questions", str(position))
        if question.key in asked:
            raise _refusal("DUPLICATE_KEY", "The key stands twice.", *where, "key")
        _check_alone(question, where)
        if kinds.get(question.key, question.kind) is not question.kind:
            raise _refusal(
                "KIND_CHANGED",
                f"{question.key} was a {kinds[question.key]} in the version before; "
                "a new kind of question needs a new key.",
                *where,
                "kind",
            )
        if question.show_if is not None:
            _check_reachable(question, where, asked, answers)
        asked[question.key] = question
        answers[question.key] = _possible(question)


def _check_alone(question: Question, where: tuple[str, ...]) -> None:
    if KEY.fullmatch(question.key) is None:
        raise _refusal(
            "INVALID_KEY",
            "A key has lower-case letters, digits, - and _.",
            *where,
            "key",
        )
    if question.kind not in BUILT:
        raise _refusal(
            "KIND_NOT_AVAILABLE",
            f"{question.kind} questions cannot be published yet.",
            *where,
            "kind",
        )
    if not 1 <= len(question.prompt.strip()) <= MAX_PROMPT:
        raise _refusal(
            "INVALID_PROMPT",
            f"A prompt has 1 to {MAX_PROMPT} characters.",
            *where,
            "prompt",
        )
    _check_choices(question, where)
    _check_scale(question, where)


def _check_choices(question: Question, where: tuple[str, ...]) -> None:
    ids = question.choice_ids
    if question.kind not in WITH_CHOICES:
        if ids:
            raise _refusal(
                "CHOICES_NOT_ALLOWED",
                f"A {question.kind} question has no choices.",
                *where,
                "choices",
            )
        return
    if not 2 <= len(ids) <= MAX_CHOICES:
        raise _refusal(
            "CHOICES_REQUIRED", f"Give 2 to {MAX_CHOICES} choices.", *where, "choices"
        )
    if len(set(ids)) < len(ids):
        raise _refusal(
            "DUPLICATE_CHOICE", "A choice's id stands twice.", *where, "choices"
        )
    for position, choice in enumerate(question.choices):
        if KEY.fullmatch(choice.id) is None or not choice.label.strip():
            raise _refusal(
                "INVALID_CHOICE",
                "A choice has an id of lower-case letters, digits, - and _, "
                "and a label.",
                *where,
                "choices",
                str(position),
            )


def _check_scale(question: Question, where: tuple[str, ...]) -> None:
    if question.kind is QuestionKind.RATING:
        low, high = question.scale or (0, 0)
        if not 0 <= low < high <= 10:
            raise _refusal(
                "INVALID_SCALE",
                "A rating's scale lies within 0 to 10.",
                *where,
                "scale",
            )
    elif question.scale is not None:
        raise _refusal(
            "SCALE_NOT_ALLOWED", "Only a RATING has its own scale.", *where, "scale"
        )


def _check_reachable(
    question: Question,
    where: tuple[str, ...],
    asked: Mapping[str, Question],
    answers: Mapping[str, Values | None],
) -> None:
    """An earlier answer must exist that makes the question appear."""
    where = (*where, "showIf")
    try:
        condition = validated(question.show_if)
    except ConditionInvalid as error:
        raise DefinitionInvalid(
            error.message, code=error.code, path=(*where, *error.path)
        ) from error
    names = sorted(condition.names())
    for name in names:
        if name not in asked:
            raise _refusal(
                "UNKNOWN_QUESTION",
                f"{name} is not a question that comes before {question.key}.",
                *where,
            )
    if not _can_hold(condition, names, [answers[name] for name in names]):
        raise _refusal(
            "UNREACHABLE", f"No answer ever leads to {question.key}.", *where
        )


def _can_hold(
    condition: Condition, names: Sequence[str], values: Sequence[Values | None]
) -> bool:
    """Try every combination of answers; too many to try are taken as possible."""
    known = [possible for possible in values if possible is not None]
    if len(known) < len(values) or prod(map(len, known)) > MAX_COMBINATIONS:
        return True
    return any(
        condition.holds(_given(names, combination)) for combination in product(*known)
    )


def _given(names: Sequence[str], values: Sequence[object]) -> dict[str, Any]:
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if value is not _UNANSWERED
    }


def _possible(question: Question) -> Values | None:
    """Every answer the question can get, or None where they cannot be listed."""
    if question.kind in ON_A_SCALE and question.bounds is not None:
        low, high = question.bounds
        return (_UNANSWERED, *range(low, high + 1))
    if question.kind is QuestionKind.SINGLE:
        return (_UNANSWERED, *question.choice_ids)
    few = len(question.choices) <= ENUMERABLE_CHOICES
    if question.kind is QuestionKind.MULTI and few:
        return (_UNANSWERED, *_subsets(question.choice_ids))
    return None


def _subsets(ids: Sequence[str]) -> Iterator[list[str]]:
    for size in range(1, len(ids) + 1):
        yield from map(list, combinations(ids, size))


def _refusal(code: str, message: str, *path: str) -> DefinitionInvalid:
    return DefinitionInvalid(message, code=code, path=path)
