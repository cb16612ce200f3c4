"""Surveys: writing them, publishing them, opening and closing them."""

from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.graphql.questions import QuestionInput, written_questions
from api.graphql.scalars import JSON
from api.graphql.surveys import Survey
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import Invalid
from surveys import queries, service
from surveys.models import SurveyStatus

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="What a survey asks, and how it is offered.")
class SurveyDefinitionInput:
    """The parts of a survey that may change."""

    title: str = strawberry.field(description="For people: 1 to 200 characters.")
    questions: list[QuestionInput] = strawberry.field(
        description="In order; at most 50."
    )
    targeting: JSON | None = strawberry.field(
        default=None, description="A condition on attributes; left out, everyone."
    )
    rest_days: int = strawberry.field(
        default=90, description="Days before the same subject is shown it again."
    )

    def change(self) -> service.SurveyChange:
        """As the domain takes it."""
        if self.targeting is not None and not isinstance(self.targeting, dict):
            raise Invalid("A condition is an object.", path=("targeting",))
        return service.SurveyChange(
            title=self.title,
            questions=written_questions(self.questions),
            targeting=cast(dict[str, Any] | None, self.targeting),
            rest_days=self.rest_days,
        )


@strawberry.input(description="A survey to write.")
class CreateSurveyInput(SurveyDefinitionInput):
    """What createSurvey takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 64 lower-case letters, digits, dashes or underscores."
    )


@strawberry.input(description="A survey to rewrite.")
class UpdateSurveyInput(SurveyDefinitionInput):
    """What updateSurvey takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The survey's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@strawberry.input(description="A survey to publish.")
class PublishSurveyInput:
    """What publishSurvey takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The survey's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@strawberry.input(description="A step of a survey's life.")
class SurveyStepInput:
    """What the steps of a survey take."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The survey's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")
    reason: str | None = strawberry.field(
        default=None, description="Kept in the audit trail."
    )


@strawberry.input(description="A survey to pause.")
class PauseSurveyInput(SurveyStepInput):
    """What pauseSurvey takes."""


@strawberry.input(description="A survey to open again.")
class ResumeSurveyInput(SurveyStepInput):
    """What resumeSurvey takes."""


@strawberry.input(description="A survey to close for good.")
class CloseSurveyInput(SurveyStepInput):
    """What closeSurvey takes."""


@policed(Policy.READ)
@strawberry.type(description="The survey as it is now.")
class SurveyPayload:
    """What every mutation of a survey answers."""

    survey: Survey = strawberry.field(description="The survey.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


SurveyResult = Annotated[
    SurveyPayload | Refusal,
    strawberry.union("SurveyResult", description="The survey, or why not."),
]


async def _perform(
    info: Info, input: WriteInput, operation: str, work: Work
) -> SurveyPayload | Refusal:
    project_id = info.context.caller.project_id

    async def rebuild(session: AsyncSession, ids: Ids, replayed: bool) -> SurveyPayload:
        row = await queries.survey_by_id(session, project_id, UUID(ids["survey"]))
        if row is None:
            raise LookupError("The survey left its project.")
        return SurveyPayload(survey=Survey.of(row), replayed=replayed)

    return await perform(info, input, operation=operation, work=work, rebuild=rebuild)


async def _step(
    info: Info, input: SurveyStepInput, operation: str, to: SurveyStatus
) -> SurveyPayload | Refusal:
    async def work(session: AsyncSession) -> Ids:
        survey = await service.move(
            session,
            **_scope(info.context, input.id),
            expected_version=input.expected_version,
            to=to,
            reason=input.reason,
        )
        return {"survey": survey.id.hex}

    return await _perform(info, input, operation, work)


def _scope(context: Context, survey: strawberry.ID) -> dict[str, Any]:
    return {
        "project_id": context.caller.project_id,
        "survey_id": local_id(survey, "Survey", path=("id",)),
        "actor": context.actor,
    }


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT, description="Write a survey; nobody is asked until publishing."
    )
    async def create_survey(self, info: Info, input: CreateSurveyInput) -> SurveyResult:
        """A draft with its audit row."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            survey = await service.draft(
                session,
                project_id=context.caller.project_id,
                actor=context.actor,
                key=input.key,
                change=input.change(),
            )
            return {"survey": survey.id.hex}

        return await _perform(info, input, "createSurvey", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Rewrite a survey's draft; what is published stays until the next "
        "publishing.",
    )
    async def update_survey(self, info: Info, input: UpdateSurveyInput) -> SurveyResult:
        """The whole of it, as it shall be."""

        async def work(session: AsyncSession) -> Ids:
            survey = await service.update(
                session,
                **_scope(info.context, input.id),
                expected_version=input.expected_version,
                change=input.change(),
            )
            return {"survey": survey.id.hex}

        return await _perform(info, input, "updateSurvey", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Freeze the draft as the next version, and open the survey.",
    )
    async def publish_survey(
        self, info: Info, input: PublishSurveyInput
    ) -> SurveyResult:
        """Responses stay with the version that they answered."""

        async def work(session: AsyncSession) -> Ids:
            version = await service.publish(
                session,
                **_scope(info.context, input.id),
                expected_version=input.expected_version,
            )
            return {"survey": version.survey_id.hex}

        return await _perform(info, input, "publishSurvey", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Offer a survey to nobody new; what was begun may be finished.",
    )
    async def pause_survey(self, info: Info, input: PauseSurveyInput) -> SurveyResult:
        """LIVE to PAUSED."""
        return await _step(info, input, "pauseSurvey", SurveyStatus.PAUSED)

    @strawberry.mutation(metadata=_EDIT, description="Offer a paused survey again.")
    async def resume_survey(self, info: Info, input: ResumeSurveyInput) -> SurveyResult:
        """PAUSED to LIVE."""
        return await _step(info, input, "resumeSurvey", SurveyStatus.LIVE)

    @strawberry.mutation(metadata=_EDIT, description="Take no more answers, for good.")
    async def close_survey(self, info: Info, input: CloseSurveyInput) -> SurveyResult:
        """To CLOSED, which is final."""
        return await _step(info, input, "closeSurvey", SurveyStatus.CLOSED)
