"""Which answers fit the questions."""

from typing import Any

import pytest

from surveys.errors import AnswersInvalid
from surveys.questions import Choice, Question, QuestionKind
from surveys.validation import fitted, plain
from tests.surveys.builders import QUESTIONS

RATING = Question("stars", QuestionKind.RATING, "How was it?", scale=(1, 5))
MANY = Question(
    "many",
    QuestionKind.MULTI,
    "Which?",
    choices=(Choice("a", "A"), Choice("b", "B")),
)


def refusal(questions: tuple[Question, ...], answers: dict[str, Any]) -> str:
    with pytest.raises(AnswersInvalid) as refused:
        fitted(questions, answers, completed=True)
    return f"{refused.value.code} {'.'.join(refused.value.path)}"


def test_answers_come_back_as_they_were_given() -> None:
    answers = {"score": 10, "why": "fast"}
    assert plain(fitted(QUESTIONS, answers, completed=True)) == answers
    many = {"stars": 4, "many": ["b", "a"]}
    assert plain(fitted((RATING, MANY), many, completed=True)) == many


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"scores": 10}, "UNKNOWN_QUESTION answers.scores"),
        ({"score": 10, "reason": "price"}, "NOT_ASKED answers.reason"),
        ({"score": 7, "why": "fast"}, "NOT_ASKED answers.why"),
        ({}, "REQUIRED answers.score"),
        ({"score": 11}, "OUT_OF_RANGE answers.score"),
        ({"score": -1}, "OUT_OF_RANGE answers.score"),
        ({"score": True}, "WRONG_TYPE answers.score"),
        ({"score": "9"}, "WRONG_TYPE answers.score"),
        ({"score": 9.5}, "WRONG_TYPE answers.score"),
        ({"score": float("nan")}, "WRONG_TYPE answers.score"),
        ({"score": 3, "reason": "colour"}, "UNKNOWN_CHOICE answers.reason"),
        ({"score": 3, "reason": ["price"]}, "UNKNOWN_CHOICE answers.reason"),
        ({"score": 9, "why": "  "}, "INVALID_LENGTH answers.why"),
        ({"score": 9, "why": "x" * 5_001}, "INVALID_LENGTH answers.why"),
        ({"score": 9, "why": "a\0b"}, "INVALID_TEXT answers.why"),
        ({"score": 9, "why": "a\ud800"}, "INVALID_TEXT answers.why"),
        ({"score": 9, "why": 3}, "WRONG_TYPE answers.why"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(
    answers: dict[str, Any], expected: str
) -> None:
    assert refusal(QUESTIONS, answers) == expected


@pytest.mark.parametrize(
    ("answer", "code"),
    [("a", "WRONG_TYPE"), ([], "WRONG_TYPE"), (["a", "a"], "DUPLICATE_CHOICE")],
)
def test_several_choices_are_a_list_without_repeats(answer: object, code: str) -> None:
    assert refusal((MANY,), {"many": answer}) == f"{code} answers.many"


def test_a_partial_response_may_lack_what_is_required() -> None:
    assert fitted(QUESTIONS, {}, completed=False) == ()
