"""Whether answers fit the questions that were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveys.errors import AnswersInvalid
from surveys.questions import Answers, Question, QuestionKind, shown

MAX_TEXT = 5_000


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer that fits its question, in the one column that its kind uses."""

    question: Question
    number: int | None = None
    choice_ids: tuple[str, ...] = ()
    text: str | None = None


def fitted(
    questions: Sequence[Question], answers: Answers, *, completed: bool
) -> tuple[GivenAnswer, ...]:
    """The answers in the order of their questions.

    A partial response may leave required questions out; a completed one may not.

    Raises:
        AnswersInvalid: `path` leads to the answer that does not fit.
    """
    known = {question.key for question in questions}
    visible = shown(questions, answers)
    keys = {question.key for question in visible}
    for key in answers:
        if key not in known:
            raise _refusal("UNKNOWN_QUESTION", "There is no such question.", key)
        if key not in keys:
            raise _refusal(
                "NOT_ASKED", "The answers before do not lead to this question.", key
            )
    given = tuple(
        _fit(question, answers[question.key])
        for question in visible
        if question.key in answers
    )
    if completed:
        _check_required(visible, answers)
    return given


def plain(given: Sequence[GivenAnswer]) -> dict[str, Any]:
    """The answers as JSON values, by question key."""
    return {answer.question.key: value(answer) for answer in given}


def value(answer: GivenAnswer) -> Any:
    """The answer as the JSON value that it came as."""
    return stored_value(
        answer.question.kind, answer.number, answer.choice_ids, answer.text
    )


def stored_value(
    kind: QuestionKind,
    number: int | None,
    choice_ids: Sequence[str] | None,
    text: str | None,
) -> Any:
    """The JSON value in the columns of an answer."""
    if kind is QuestionKind.MULTI:
        return list(choice_ids or ())
    if kind is QuestionKind.SINGLE:
        return choice_ids[0] if choice_ids else None
    return number if text is None else text


def _check_required(visible: Sequence[Question], answers: Mapping[str, Any]) -> None:
    for question in visible:
        if question.required and question.key not in answers:
            raise _refusal("REQUIRED", "This question needs an answer.", question.key)


def _fit(question: Question, answer: object) -> GivenAnswer:
    if question.kind is QuestionKind.TEXT:
        return GivenAnswer(question, text=_text(question.key, answer))
    if question.kind is QuestionKind.SINGLE:
        return GivenAnswer(question, choice_ids=_choices(question, [answer]))
    if question.kind is QuestionKind.MULTI:
        if not isinstance(answer, list) or not answer:
            raise _refusal("WRONG_TYPE", "Give a list of choice ids.", question.key)
        return GivenAnswer(question, choice_ids=_choices(question, answer))
    return GivenAnswer(question, number=_number(question, answer))


def _number(question: Question, answer: object) -> int:
    low, high = question.bounds or (0, 0)
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise _refusal("WRONG_TYPE", "Give a whole number.", question.key)
    if not low <= answer <= high:
        raise _refusal(
            "OUT_OF_RANGE", f"The answer lies within {low} to {high}.", question.key
        )
    return answer


def _choices(question: Question, answer: Sequence[object]) -> tuple[str, ...]:
    ids: list[str] = []
    for chosen in answer:
        if not isinstance(chosen, str) or chosen not in question.choice_ids:
            raise _refusal("UNKNOWN_CHOICE", "There is no such choice.", question.key)
        if chosen in ids:
            raise _refusal("DUPLICATE_CHOICE", "A choice stands twice.", question.key)
        ids.append(chosen)
    return tuple(ids)


def _text(key: str, answer: object) -> str:
    if not isinstance(answer, str):
        raise _refusal("WRONG_TYPE", "Give a text.", key)
    text = answer.strip()
    if not 1 <= len(text) <= MAX_TEXT:
        raise _refusal("INVALID_LENGTH", f"A text has 1 to {MAX_TEXT} characters.", key)
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise _refusal("INVALID_TEXT", "The text has a character nobody can read.", key)
    return text


def _refusal(code: str, message: str, key: str) -> AnswersInvalid:
    return AnswersInvalid(message, code=code, path=("answers", key))
