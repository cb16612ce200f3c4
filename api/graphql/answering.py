"""Answers to surveys, as front-ends and servers send them."""

from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from api.composed.surveys import assignments_of, check_may_name
from api.context import Info
from api.graphql.errors import Refusal, member_for
from api.graphql.ids import global_id
from api.graphql.perform import Ids, perform
from api.graphql.responses import SurveyResponse
from api.graphql.scalars import JSON, has_more_values
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import Invalid, Problem
from core.subjects import SubjectContext
from surveys import queries
from surveys.publication import MAX_CHOICES
from surveys.submission import Submission, check_bounds, submit

NEXT_STEPS = ("harvest_answers", "log_answers")
MAX_ANSWERS = 50


@strawberry.input(description="The answer to one question.")
class AnswerInput:
    """An answer."""

    question_key: str = strawberry.field(description="Which question.")
    value: JSON = strawberry.field(
        description="A number, a choice's id, a list of choice ids, or a text."
    )


@strawberry.input(description="A response, as far as it has come.")
class SubmitResponseInput:
    """What submitResponse takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    survey_key: str = strawberry.field(description="From the offer.")
    submission_id: str = strawberry.field(
        description="Yours; one response is kept under it."
    )
    answers: list[AnswerInput] = strawberry.field(
        description="Every answer so far: a later revision replaces an earlier one."
    )
    revision: int = strawberry.field(
        default=1, description="Count up with every change of the same response."
    )
    partial: bool = strawberry.field(
        default=False, description="True until the last question is answered."
    )
    version: int | None = strawberry.field(
        default=None, description="The version that was shown; the newest if left out."
    )
    subject: SubjectInput | None = strawberry.field(
        default=None,
        description="Left out, the response is anonymous. With a client key, "
        "X-Hone-Subject has to vouch for a user or an account.",
    )
    context: JSON | None = strawberry.field(
        default=None, description="What you know at this moment: an object, 8 KiB."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="The response that stands.")
class SubmitResponsePayload:
    """A kept response."""

    response_id: strawberry.ID = strawberry.field(description="Its global id.")
    revision: int = strawberry.field(description="The revision that stands.")
    completed: bool = strawberry.field(description="Whether it is final.")
    changed: bool = strawberry.field(
        description="False where it came before, or a newer revision had."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")
    response: SurveyResponse = strawberry.field(
        metadata={"policy": Policy.RESEARCH}, description="All of it."
    )


SubmitResponseResult = Annotated[
    SubmitResponsePayload | Refusal,
    strawberry.union("SubmitResponseResult", description="The response, or why not."),
]


def _submission(
    input: SubmitResponseInput, subject: SubjectContext, assignments: dict[str, str]
) -> Submission:
    answers = {one.question_key: cast(Any, one.value) for one in input.answers}
    if len(answers) < len(input.answers) or len(answers) > MAX_ANSWERS:
        raise Invalid("Each question is answered at most once.", path=("answers",))
    if any(has_more_values(one, 1 + MAX_CHOICES) for one in answers.values()):
        raise Invalid(
            f"An answer has at most {MAX_CHOICES} choices.", path=("answers",)
        )
    given: object = {} if input.context is None else input.context
    if not isinstance(given, dict):
        raise Invalid("The context is an object.", path=("context",))
    return Submission(
        submission_id=input.submission_id,
        revision=input.revision,
        answers=answers,
        completed=not input.partial,
        subject=subject,
        context=given,
        assignments_at=assignments,
        version_number=input.version,
    )


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Send answers. The same submission again changes nothing, and a "
        "completed response is final.",
    )
    async def submit_response(
        self, info: Info, input: SubmitResponseInput
    ) -> SubmitResponseResult:
        """Texts lose personal details before they are kept."""
        context, caller = info.context, info.context.caller
        try:
            subject = SubjectContext()
            if input.subject is not None:
                subject = input.subject.context()
            assignments = await assignments_of(context, subject)
            submission = _submission(input, subject, assignments)
            check_bounds(submission)
        except Problem as problem:
            return member_for(problem)

        async def work(session: AsyncSession) -> Ids:
            await check_may_name(context, session, subject)
            submitted = await submit(
                session,
                project_id=caller.project_id,
                environment_id=caller.environment_id,
                survey_key=input.survey_key,
                submission=submission,
            )
            changed = "yes" if submitted.changed else "no"
            return {"response": submitted.response.id.hex, "changed": changed}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> SubmitResponsePayload:
            local = UUID(ids["response"])
            rows = await queries.responses_by_id(
                session, caller.environment_id, [local]
            )
            row = rows[local]
            return SubmitResponsePayload(
                response_id=global_id("SurveyResponse", local),
                revision=row.revision,
                completed=row.completed_at is not None,
                changed=ids["changed"] == "yes",
                replayed=replayed,
                response=SurveyResponse.of(row),
            )

        return await perform(
            info,
            input,
            operation="submitResponse",
            work=work,
            rebuild=rebuild,
            nudges=NEXT_STEPS,
        )
