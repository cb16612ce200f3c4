"""Read surveys, versions, responses and their counts, always within a scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from core.subjects import SubjectContext
from surveys.models import Answer, Response, Survey, SurveyStatus, SurveyVersion
from surveys.questions import QuestionKind

MAX_LIVE = 200


@dataclass(frozen=True, slots=True)
class ResponseCounts:
    """Responses to one version: the completed ones, and the partial ones apart."""

    version_number: int
    completed: int
    partial: int

    @property
    def completion_rate(self) -> float | None:
        """Completed out of all; None where there is none."""
        begun = self.completed + self.partial
        return self.completed / begun if begun else None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a question on a scale got each answer, in completed responses."""

    version_number: int
    question_key: str
    counts: tuple[tuple[int, int], ...]
    """(answer, how many), from the lowest answer up."""


async def survey_by_key(
    session: AsyncSession, project_id: UUID, key: str
) -> Survey | None:
    """The project's survey with this key."""
    found = await session.exec(
        select(Survey).where(Survey.project_id == project_id, Survey.key == key)
    )
    return found.first()


async def survey_by_id(
    session: AsyncSession, project_id: UUID, survey_id: UUID
) -> Survey | None:
    """The project's survey with this id."""
    found = await session.exec(
        select(Survey).where(Survey.project_id == project_id, Survey.id == survey_id)
    )
    return found.first()


def listed_surveys(
    project_id: UUID, statuses: Sequence[SurveyStatus] = ()
) -> SelectOfScalar[Survey]:
    """The project's surveys, in no order."""
    statement = select(Survey).where(Survey.project_id == project_id)
    return statement.where(col(Survey.status).in_(statuses)) if statuses else statement


def listed_responses(environment_id: UUID, survey_id: UUID) -> SelectOfScalar[Response]:
    """An environment's responses to a survey, partial ones too, in no order."""
    return select(Response).where(
        Response.environment_id == environment_id, Response.survey_id == survey_id
    )


async def live_surveys(
    session: AsyncSession, project_id: UUID
) -> Sequence[tuple[Survey, SurveyVersion]]:
    """The surveys that may be offered, oldest first, each with what it asks now."""
    found = await session.exec(
        select(Survey, SurveyVersion)
        .join(SurveyVersion, col(SurveyVersion.survey_id) == col(Survey.id))
        .where(
            Survey.project_id == project_id,
            Survey.status == SurveyStatus.LIVE,
            SurveyVersion.number == Survey.published_number,
        )
        .order_by(col(Survey.id))
        .limit(MAX_LIVE)
    )
    return found.all()


async def version_of(
    session: AsyncSession, survey_id: UUID, number: int
) -> SurveyVersion | None:
    """One published version of a survey."""
    found = await session.exec(
        select(SurveyVersion).where(
            SurveyVersion.survey_id == survey_id, SurveyVersion.number == number
        )
    )
    return found.first()


async def versions_by_id(
    session: AsyncSession, version_ids: Sequence[UUID]
) -> dict[UUID, SurveyVersion]:
    """Versions by their ids, for loaders."""
    found = await session.exec(
        select(SurveyVersion).where(col(SurveyVersion.id).in_(version_ids))
    )
    return {version.id: version for version in found.all()}


async def surveys_by_id(
    session: AsyncSession, project_id: UUID, survey_ids: Sequence[UUID]
) -> dict[UUID, Survey]:
    """The project's surveys by their ids, for loaders."""
    found = await session.exec(
        select(Survey).where(
            Survey.project_id == project_id, col(Survey.id).in_(survey_ids)
        )
    )
    return {survey.id: survey for survey in found.all()}


async def responses_by_id(
    session: AsyncSession, environment_id: UUID, response_ids: Sequence[UUID]
) -> dict[UUID, Response]:
    """The environment's responses by their ids, for loaders."""
    found = await session.exec(
        select(Response).where(
            Response.environment_id == environment_id,
            col(Response.id).in_(response_ids),
        )
    )
    return {response.id: response for response in found.all()}


async def answers_of(
    session: AsyncSession, response_ids: Sequence[UUID]
) -> dict[UUID, list[Answer]]:
    """The answers of each response, in the order they were first given."""
    found = await session.exec(
        select(Answer)
        .where(col(Answer.response_id).in_(response_ids))
        .order_by(col(Answer.id))
    )
    by_response: dict[UUID, list[Answer]] = {one: [] for one in response_ids}
    for answer in found.all():
        by_response[answer.response_id].append(answer)
    return by_response


async def response_counts(
    session: AsyncSession, *, environment_id: UUID, survey_id: UUID
) -> list[ResponseCounts]:
    """How many responses each version got in an environment, newest version first."""
    completed = func.count(col(Response.completed_at))
    found = await session.exec(
        select(SurveyVersion.number, completed, func.count())
        .join(Response, col(Response.survey_version_id) == col(SurveyVersion.id))
        .where(
            Response.environment_id == environment_id, Response.survey_id == survey_id
        )
        .group_by(col(SurveyVersion.number))
        .order_by(col(SurveyVersion.number).desc())
    )
    return [
        ResponseCounts(number, done, begun - done)
        for number, done, begun in found.all()
    ]


async def tallies(
    session: AsyncSession, *, environment_id: UUID, survey_id: UUID, kind: QuestionKind
) -> list[Tally]:
    """Answers on a scale of completed responses, by version and question."""
    found = await session.exec(
        select(SurveyVersion.number, Answer.question_key, Answer.number, func.count())
        .join(Response, col(Response.id) == col(Answer.response_id))
        .join(SurveyVersion, col(SurveyVersion.id) == col(Response.survey_version_id))
        .where(
            Answer.survey_id == survey_id,
            Answer.kind == kind,
            Response.environment_id == environment_id,
            col(Response.completed_at).is_not(None),
            col(Answer.number).is_not(None),
        )
        .group_by(
            col(SurveyVersion.number), col(Answer.question_key), col(Answer.number)
        )
        .order_by(
            col(SurveyVersion.number).desc(),
            col(Answer.question_key),
            col(Answer.number),
        )
    )
    grouped: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for version, key, number, count in found.all():
        grouped.setdefault((version, key), []).append((number or 0, count))
    return [
        Tally(version, key, tuple(counts)) for (version, key), counts in grouped.items()
    ]


async def answered_surveys(
    session: AsyncSession,
    *,
    environment_id: UUID,
    subject: SubjectContext,
    survey_ids: Sequence[UUID],
) -> set[UUID]:
    """Which of these surveys the person has completed."""
    ids = [
        column == value
        for column, value in (
            (col(Response.user_id), subject.user_id),
            (col(Response.anonymous_id), subject.anonymous_id),
        )
        if value is not None
    ]
    if not ids:
        return set()
    found = await session.exec(
        select(Response.survey_id).where(
            Response.environment_id == environment_id,
            col(Response.survey_id).in_(survey_ids),
            col(Response.completed_at).is_not(None),
            or_(*ids),
        )
    )
    return set(found.all())


async def variant_tallies(
    session: AsyncSession,
    *,
    version_id: UUID,
    environment_id: UUID,
    question_key: str,
    experiment_key: str,
) -> dict[str, list[tuple[int, int]]]:
    """How often each answer was given by those who were in each variant then.

    Completed responses only; who was in no variant when answering is left out.
    """
    variant = col(Response.assignments_at)[experiment_key].as_string()
    found = await session.exec(
        select(variant, Answer.number, func.count())
        .select_from(Answer)
        .join(Response, col(Response.id) == col(Answer.response_id))
        .where(
            Response.survey_version_id == version_id,
            Response.environment_id == environment_id,
            col(Response.completed_at).is_not(None),
            Answer.question_key == question_key,
            col(Answer.number).is_not(None),
            variant.is_not(None),
        )
        .group_by(variant, col(Answer.number))
        .order_by(variant, col(Answer.number))
    )
    counted: dict[str, list[tuple[int, int]]] = {}
    for key, number, count in found.all():
        counted.setdefault(key, []).append((number or 0, count))
    return counted
