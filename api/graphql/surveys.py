"""Surveys as they are read: what they ask, and what was answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id, local_id
from api.graphql.node import Node, register_node
from api.graphql.questions import Question, shown_questions
from api.graphql.responses import SurveyResponse
from api.graphql.scalars import JSON
from api.graphql.survey_enums import SurveyStatus
from api.graphql.survey_summary import SurveySummary
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import NotFound
from surveys import models, queries

_READ = {"policy": Policy.READ}
_NEWEST = Order(
    "survey.created_at", models.Survey.created_at, models.Survey.id, datetime
)
_NEWEST_RESPONSE = Order(
    "response.submitted_at",
    models.Response.submitted_at,
    models.Response.id,
    datetime,
)


@policed(Policy.READ)
@strawberry.type(description="What a survey asked from one publication to the next.")
class SurveyVersion:
    """A frozen version."""

    number: int = strawberry.field(description="From 1.")
    title: str = strawberry.field(description="As it was published.")
    questions: list[Question] = strawberry.field(description="In order.")
    content_hash: str = strawberry.field(description="SHA-256 of what is asked.")
    published_at: datetime = strawberry.field(description="When.")

    @classmethod
    def of(cls, row: models.SurveyVersion) -> "SurveyVersion":
        """From a row."""
        return cls(
            number=row.number,
            title=row.title,
            questions=shown_questions(row.document),
            content_hash=row.content_hash,
            published_at=row.published_at,
        )


@policed(Policy.READ)
@strawberry.type(description="A survey: its draft, its versions and its responses.")
class Survey(Node):
    """One survey."""

    row: strawberry.Private[models.Survey]
    key: str = strawberry.field(description="For programs; one survey's for ever.")
    title: str = strawberry.field(description="For people.")
    status: SurveyStatus = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the survey."
    )
    published_number: int = strawberry.field(
        description="The newest published version; 0 before the first."
    )
    targeting: JSON | None = strawberry.field(
        description="The condition on attributes; null offers it to everyone."
    )
    rest_days: int = strawberry.field(
        description="Days before the same subject is shown it again."
    )
    created_at: datetime = strawberry.field(description="When it was drafted.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @strawberry.field(description="What is being written; asked of nobody yet.")
    def draft(self) -> list[Question]:
        """The draft's questions."""
        return shown_questions(self.row.draft)

    @strawberry.field(
        description="A published version, the newest unless numbered; null if there "
        "is none."
    )
    async def published(
        self, info: Info, number: int | None = None
    ) -> SurveyVersion | None:
        """One version."""
        async with info.context.readers() as session:
            row = await queries.version_of(
                session, self.row.id, number or self.row.published_number
            )
        return None if row is None else SurveyVersion.of(row)

    @strawberry.field(
        description="Counts and scores of one version in this environment, the newest "
        "unless numbered; null before the first publication."
    )
    async def summary(
        self, info: Info, number: int | None = None
    ) -> SurveySummary | None:
        """Counted now."""
        context = info.context
        async with context.readers() as session:
            return await SurveySummary.read(
                session,
                environment_id=context.caller.environment_id,
                survey=self.row,
                number=number or self.row.published_number,
            )

    @strawberry.field(
        metadata={"policy": Policy.RESEARCH},
        description="The responses in this environment, newest first.",
    )
    async def responses(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[SurveyResponse]:
        """One page."""
        statement = queries.listed_responses(
            info.context.caller.environment_id, self.row.id
        )
        async with info.context.readers() as session:
            page = await paged(
                session, statement, _NEWEST_RESPONSE, first=first, after=after
            )
        return connected(page, SurveyResponse.of)

    @classmethod
    def of(cls, row: models.Survey) -> "Survey":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Survey", row.id),
            key=row.key,
            title=row.title,
            status=row.status,
            version=row.version,
            published_number=row.published_number,
            targeting=None if row.targeting is None else JSON(row.targeting),
            rest_days=row.rest_days,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.input(one_of=True, description="A survey by its id or its key.")
class SurveyRefInput:
    """Exactly one of the two."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The global id.")
    key: strawberry.Maybe[str] = strawberry.field(description="The key.")


async def find_survey(
    session: AsyncSession, context: Context, by: SurveyRefInput
) -> models.Survey:
    """The survey that is meant.

    Raises:
        NotFound: The caller's project has none such.
    """
    project_id = context.caller.project_id
    if by.key is not None:
        row = await queries.survey_by_key(session, project_id, by.key.value)
    else:
        given = str(by.id.value) if by.id is not None else ""
        local = local_id(given, "Survey", path=("by", "id"))
        row = await queries.survey_by_id(session, project_id, local)
    if row is None:
        raise NotFound("The survey", path=("by",))
    return row


async def surveys_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own surveys among these."""
    async with context.readers() as session:
        rows = await queries.surveys_by_id(session, context.caller.project_id, ids)
    return {local: Survey.of(row) for local, row in rows.items()}


register_node("Survey", surveys_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata=_READ, description="One survey of the project, by id or by key."
    )
    async def survey(self, info: Info, by: SurveyRefInput) -> Survey | None:
        """Null, with NOT_FOUND, where there is none."""
        async with info.context.readers() as session:
            return Survey.of(await find_survey(session, info.context, by))

    @strawberry.field(
        metadata=_READ, description="The project's surveys, newest first."
    )
    async def surveys(
        self,
        info: Info,
        status: list[SurveyStatus] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Survey]:
        """One page."""
        statement = queries.listed_surveys(info.context.caller.project_id, status or ())
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, Survey.of)
