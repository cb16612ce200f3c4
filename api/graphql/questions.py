"""Questions as they are asked and as they are written."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import strawberry

from api.graphql.scalars import JSON
from api.graphql.survey_enums import QuestionKind
from api.policies import Policy, policed
from core.problems import Invalid
from surveys import questions


@policed(Policy.PUBLIC)
@strawberry.type(description="One option of a question.")
class Choice:
    """An option."""

    id: str = strawberry.field(description="What answers hold.")
    label: str = strawberry.field(description="What people read.")


@policed(Policy.PUBLIC)
@strawberry.type(description="One question.")
class Question:
    """A question."""

    key: str = strawberry.field(description="Its identity in every version.")
    kind: QuestionKind = strawberry.field(description="How it is answered.")
    prompt: str = strawberry.field(description="What people read.")
    required: bool = strawberry.field(
        description="Whether a completed response needs an answer where it is shown."
    )
    choices: list[Choice] = strawberry.field(
        description="The options of SINGLE and MULTI."
    )
    lowest: int | None = strawberry.field(description="The scale's lower end.")
    highest: int | None = strawberry.field(description="The scale's upper end.")
    show_if: JSON | None = strawberry.field(
        description="The condition on earlier answers under which it is shown."
    )

    @classmethod
    def of(cls, question: questions.Question) -> "Question":
        """From the domain's question."""
        lowest, highest = question.bounds or (None, None)
        return cls(
            key=question.key,
            kind=question.kind,
            prompt=question.prompt,
            required=question.required,
            choices=[Choice(id=one.id, label=one.label) for one in question.choices],
            lowest=lowest,
            highest=highest,
            show_if=None if question.show_if is None else JSON(question.show_if),
        )


def shown_questions(document: Iterable[Mapping[str, Any]]) -> list[Question]:
    """The questions of a stored document."""
    return [Question.of(one) for one in questions.from_document(document)]


@strawberry.input(description="One option of a question.")
class ChoiceInput:
    """An option to write."""

    id: str = strawberry.field(
        description="Lower-case letters, digits, - and _; answers hold it, so keep it."
    )
    label: str = strawberry.field(description="What people read; may be reworded.")


@strawberry.input(description="One question.")
class QuestionInput:
    """A question to write."""

    key: str = strawberry.field(
        description="Lower-case letters, digits, - and _; keep it between versions."
    )
    kind: QuestionKind = strawberry.field(description="How it is answered.")
    prompt: str = strawberry.field(description="What people read.")
    required: bool = strawberry.field(
        default=False, description="Whether a completed response needs an answer."
    )
    choices: list[ChoiceInput] = strawberry.field(
        default_factory=list, description="The options of SINGLE and MULTI."
    )
    lowest: int | None = strawberry.field(
        default=None, description="Of a RATING: the scale's lower end."
    )
    highest: int | None = strawberry.field(
        default=None, description="Of a RATING: the scale's upper end."
    )
    show_if: JSON | None = strawberry.field(
        default=None,
        description='A condition on earlier answers, such as {"score": {"$lte": 6}}.',
    )

    def question(self, position: int) -> questions.Question:
        """As the domain knows it.

        Raises:
            Invalid: Half of a scale, or a condition that is no object.
        """
        where = ("questions", str(position))
        if (self.lowest is None) is not (self.highest is None):
            raise Invalid("A scale has two ends.", path=(*where, "lowest"))
        if self.show_if is not None and not isinstance(self.show_if, dict):
            raise Invalid("A condition is an object.", path=(*where, "showIf"))
        scale = None
        if self.lowest is not None and self.highest is not None:
            scale = (self.lowest, self.highest)
        return questions.Question(
            key=self.key,
            kind=self.kind,
            prompt=self.prompt,
            required=self.required,
            choices=tuple(questions.Choice(one.id, one.label) for one in self.choices),
            scale=scale,
            show_if=cast(dict[str, Any] | None, self.show_if),
        )


def written_questions(inputs: list[QuestionInput]) -> tuple[questions.Question, ...]:
    """The questions of an input, in order."""
    return tuple(one.question(position) for position, one in enumerate(inputs))
