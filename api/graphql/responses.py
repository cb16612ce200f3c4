"""Responses to surveys as they are read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.scalars import JSON
from api.graphql.survey_enums import QuestionKind
from api.policies import Policy, policed
from surveys import models, queries
from surveys.validation import stored_value

if TYPE_CHECKING:
    from api.graphql.surveys import Survey


async def _surveys(context: Context, ids: Sequence[UUID]) -> list[models.Survey | None]:
    async with context.readers() as session:
        rows = await queries.surveys_by_id(session, context.caller.project_id, ids)
    return [rows.get(local) for local in ids]


async def _versions(
    context: Context, ids: Sequence[UUID]
) -> list[models.SurveyVersion | None]:
    async with context.readers() as session:
        rows = await queries.versions_by_id(session, ids)
    return [rows.get(local) for local in ids]


async def _answers(context: Context, ids: Sequence[UUID]) -> list[list[models.Answer]]:
    async with context.readers() as session:
        rows = await queries.answers_of(session, ids)
    return [rows[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(description="The variant that a person was in at some time.")
class AssignmentAt:
    """A variant of an experiment."""

    experiment_key: str = strawberry.field(description="The experiment.")
    variant_key: str = strawberry.field(description="The variant.")


def assignments_at(stored: Mapping[str, str]) -> list[AssignmentAt]:
    """The stored map as a list, by experiment."""
    return [
        AssignmentAt(experiment_key=experiment, variant_key=variant)
        for experiment, variant in sorted(stored.items())
    ]


@policed(Policy.RESEARCH)
@strawberry.type(description="The answer to one question.")
class Answer:
    """An answer."""

    question_key: str = strawberry.field(description="Which question.")
    kind: QuestionKind = strawberry.field(description="How it is answered.")
    value: JSON = strawberry.field(
        description="A number, a choice's id, a list of choice ids, or a text without "
        "personal details."
    )


@policed(Policy.RESEARCH)
@strawberry.type(description="One person's answers to one version of a survey.")
class SurveyResponse(Node):
    """One response."""

    row: strawberry.Private[models.Response]
    submission_id: str = strawberry.field(description="The client's own id of it.")
    revision: int = strawberry.field(description="The revision that stands.")
    user_id: str | None = strawberry.field(description="Who, if signed in.")
    anonymous_id: str | None = strawberry.field(description="Who, if a visitor.")
    account_id: str | None = strawberry.field(description="For which account.")
    context: JSON = strawberry.field(description="What the client knew at the moment.")
    submitted_at: datetime = strawberry.field(description="When it was begun.")
    answered_at: datetime | None = strawberry.field(
        description="When it was completed; null while it is partial."
    )
    assignments_at: list[AssignmentAt] = strawberry.field(
        description="The variants that the person was in when answering."
    )

    @strawberry.field(description="The survey.")
    async def survey(
        self, info: Info
    ) -> Annotated["Survey", strawberry.lazy("api.graphql.surveys")]:
        """Loaded together with those of the other responses in the answer."""
        from api.graphql.surveys import Survey

        row = await info.context.loaders.of(_surveys).load(self.row.survey_id)
        if row is None:
            raise LookupError("The survey left its project.")
        return Survey.of(row)

    @strawberry.field(description="The number of the version that was answered.")
    async def version(self, info: Info) -> int:
        """Loaded together with those of the other responses in the answer."""
        loader = info.context.loaders.of(_versions)
        row = await loader.load(self.row.survey_version_id)
        if row is None:
            raise LookupError("The version left its survey.")
        return row.number

    @strawberry.field(description="The answers, in the order they were first given.")
    async def answers(self, info: Info) -> list[Answer]:
        """Loaded together with those of the other responses in the answer."""
        rows = await info.context.loaders.of(_answers).load(self.row.id)
        return [
            Answer(
                question_key=one.question_key,
                kind=one.kind,
                value=JSON(
                    stored_value(one.kind, one.number, one.choice_ids, one.text)
                ),
            )
            for one in rows
        ]

    @classmethod
    def of(cls, row: models.Response) -> "SurveyResponse":
        """From a row."""
        return cls(
            row=row,
            id=global_id("SurveyResponse", row.id),
            submission_id=row.submission_id,
            revision=row.revision,
            user_id=row.user_id,
            anonymous_id=row.anonymous_id,
            account_id=row.account_id,
            context=JSON(row.context),
            submitted_at=row.submitted_at,
            answered_at=row.completed_at,
            assignments_at=assignments_at(row.assignments_at),
        )


async def responses_by_id(
    context: Context, ids: Sequence[UUID]
) -> Mapping[UUID, "SurveyResponse"]:
    """The responses in the caller's environment among these."""
    async with context.readers() as session:
        rows = await queries.responses_by_id(
            session, context.caller.environment_id, ids
        )
    return {local: SurveyResponse.of(row) for local, row in rows.items()}


register_node("SurveyResponse", responses_by_id, Policy.RESEARCH)
