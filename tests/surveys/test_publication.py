"""What a survey must be before anyone is asked."""

from dataclasses import replace
from typing import Any

import pytest

from surveys.errors import DefinitionInvalid
from surveys.publication import check
from surveys.questions import Choice, Question, QuestionKind, as_document, from_document
from tests.surveys.builders import QUESTIONS, REASON, SCORE, WHY


def refusal(*questions: Question, earlier: tuple[Question, ...] = ()) -> str:
    with pytest.raises(DefinitionInvalid) as refused:
        check(questions, earlier)
    return f"{refused.value.code} {'.'.join(refused.value.path)}"


def asked_if(condition: dict[str, Any]) -> Question:
    return replace(WHY, show_if=condition)


def test_a_branching_survey_passes() -> None:
    check(QUESTIONS)


def test_a_key_stands_once() -> None:
    assert refusal(SCORE, SCORE) == "DUPLICATE_KEY questions.1.key"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (replace(SCORE, key="Bad Key"), "INVALID_KEY questions.0.key"),
        (replace(SCORE, prompt=" "), "INVALID_PROMPT questions.0.prompt"),
        (
            replace(SCORE, kind=QuestionKind.MATRIX),
            "KIND_NOT_AVAILABLE questions.0.kind",
        ),
        (
            replace(SCORE, kind=QuestionKind.RATING),
            "INVALID_SCALE questions.0.scale",
        ),
        (replace(SCORE, scale=(0, 10)), "SCALE_NOT_ALLOWED questions.0.scale"),
        (
            replace(REASON, show_if=None, choices=REASON.choices[:1]),
            "CHOICES_REQUIRED questions.0.choices",
        ),
        (
            replace(REASON, show_if=None, choices=(REASON.choices[0],) * 2),
            "DUPLICATE_CHOICE questions.0.choices",
        ),
        (
            replace(SCORE, choices=REASON.choices),
            "CHOICES_NOT_ALLOWED questions.0.choices",
        ),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(
    question: Question, expected: str
) -> None:
    assert refusal(question) == expected


@pytest.mark.parametrize(
    "condition",
    [
        {"score": {"$gt": 10}},
        {"score": {"$gte": 9, "$lte": 6}},
        {"reason": "prices"},
        {"$and": [{"score": {"$gte": 7}}, {"score": {"$lt": 7}}]},
    ],
)
def test_a_question_that_no_answer_leads_to_is_refused(
    condition: dict[str, Any],
) -> None:
    assert (
        refusal(SCORE, REASON, asked_if(condition)) == "UNREACHABLE questions.2.showIf"
    )


@pytest.mark.parametrize("name", ["nobody", "reason", "why"])
def test_a_condition_may_only_look_back(name: str) -> None:
    why = asked_if({name: {"$exists": True}})
    assert refusal(SCORE, why, REASON) == "UNKNOWN_QUESTION questions.1.showIf"


def test_a_condition_nobody_can_evaluate_is_refused() -> None:
    assert refusal(SCORE, asked_if({"score": {"$near": 3}})).startswith(
        "CONDITION_INVALID questions.1.showIf"
    )


def test_some_sets_of_choices_lead_on() -> None:
    many = Question(
        "many",
        QuestionKind.MULTI,
        "Which?",
        choices=tuple(Choice(one, one) for one in ("a", "b", "c")),
    )
    both = {"$and": [{"many": {"$in": ["a"]}}, {"many": {"$in": ["b"]}}]}
    check((many, asked_if({**both, "$nor": [{"many": {"$in": ["c"]}}]})))


def test_a_key_keeps_its_kind_between_versions() -> None:
    now_text = replace(SCORE, kind=QuestionKind.TEXT)
    assert refusal(now_text, earlier=(SCORE,)) == "KIND_CHANGED questions.0.kind"


def test_questions_survive_storage() -> None:
    assert from_document(as_document(QUESTIONS)) == QUESTIONS
