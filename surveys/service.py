"""Write a survey, publish it, and open or close it to answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import audit
from core.audit import Actor
from core.clock import now
from core.conditions import validated
from core.database import AsyncSession
from core.problems import IllegalTransition, Invalid, NotFound, StaleVersion
from surveys import queries
from surveys.errors import NothingToPublish, SurveyKeyTaken
from surveys.models import Survey, SurveyStatus, SurveyVersion
from surveys.publication import KEY, MAX_QUESTIONS, check
from surveys.questions import Question, as_document, content_hash, from_document

MAX_REST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class SurveyChange:
    """What an editor writes: the whole of it, as it shall be."""

    title: str
    questions: Sequence[Question]
    targeting: Mapping[str, Any] | None
    rest_days: int


async def draft(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    change: SurveyChange,
) -> Survey:
    """Write down a new survey. Nobody is asked until it is published.

    Raises:
        Invalid: The key, the title, the targeting or a number is out of bounds.
        SurveyKeyTaken: Another survey of the project has the key.
    """
    if KEY.fullmatch(key) is None:
        raise Invalid("A key has lower-case letters, digits, - and _.", path=("key",))
    at = await now(session)
    survey = Survey(
        project_id=project_id, key=key, title="", draft=[], created_at=at, updated_at=at
    )
    _write(survey, change)
    try:
        async with session.begin_nested():
            session.add(survey)
            await session.flush()
    except IntegrityError as error:
        raise SurveyKeyTaken(key) from error
    await _record(session, actor, survey, "survey.draft", before=None)
    return survey


async def update(
    session: AsyncSession,
    *,
    project_id: UUID,
    survey_id: UUID,
    actor: Actor,
    expected_version: int,
    change: SurveyChange,
) -> Survey:
    """Rewrite the draft. What is published stays as it is until the next publish.

    Raises:
        NotFound: The project has no such survey.
        StaleVersion: Somebody changed it since it was read.
        Invalid: A part is out of bounds.
    """
    survey = await _locked(session, project_id, survey_id, expected_version)
    before = _facts(survey)
    _write(survey, change)
    await _changed(session, survey)
    await _record(session, actor, survey, "survey.update", before=before)
    return survey


async def publish(
    session: AsyncSession,
    *,
    project_id: UUID,
    survey_id: UUID,
    actor: Actor,
    expected_version: int,
) -> SurveyVersion:
    """Freeze the draft as the next version and open the survey.

    Raises:
        NotFound: The project has no such survey.
        StaleVersion: Somebody changed it since it was read.
        DefinitionInvalid: A question cannot be asked as it is written.
        NothingToPublish: The draft equals the version that is published.
        IllegalTransition: The survey is closed.
    """
    survey = await _locked(session, project_id, survey_id, expected_version)
    if survey.status is SurveyStatus.CLOSED:
        raise IllegalTransition(survey.status, SurveyStatus.LIVE)
    before = _facts(survey)
    last = await queries.version_of(session, survey.id, survey.published_number)
    earlier = () if last is None else from_document(last.document)
    check(from_document(survey.draft), earlier)
    digest = content_hash(survey.draft)
    if last is not None and last.content_hash == digest:
        raise NothingToPublish(last.number)
    survey.published_number += 1
    survey.status = SurveyStatus.LIVE
    await _changed(session, survey)
    version = SurveyVersion(
        survey_id=survey.id,
        number=survey.published_number,
        title=survey.title,
        document=survey.draft,
        content_hash=digest,
        published_at=survey.updated_at,
    )
    session.add(version)
    await session.flush()
    await _record(session, actor, survey, "survey.publish", before=before)
    return version


_STEPS = {
    SurveyStatus.PAUSED: (SurveyStatus.LIVE,),
    SurveyStatus.LIVE: (SurveyStatus.PAUSED,),
    SurveyStatus.CLOSED: (SurveyStatus.DRAFT, SurveyStatus.LIVE, SurveyStatus.PAUSED),
}


async def move(
    session: AsyncSession,
    *,
    project_id: UUID,
    survey_id: UUID,
    actor: Actor,
    expected_version: int,
    to: SurveyStatus,
    reason: str | None = None,
) -> Survey:
    """Pause a survey, open it again, or close it for good.

    Raises:
        NotFound: The project has no such survey.
        StaleVersion: Somebody changed it since it was read.
        IllegalTransition: Its status does not allow the step.
    """
    survey = await _locked(session, project_id, survey_id, expected_version)
    if survey.status not in _STEPS.get(to, ()):
        raise IllegalTransition(survey.status, to)
    before = _facts(survey)
    survey.status = to
    await _changed(session, survey)
    action = f"survey.{to.lower()}"
    await _record(session, actor, survey, action, before=before, reason=reason)
    return survey


def _write(survey: Survey, change: SurveyChange) -> None:
    if not 1 <= len(change.title.strip()) <= 200:
        raise Invalid("A title has 1 to 200 characters.", path=("title",))
    if len(change.questions) > MAX_QUESTIONS:
        raise Invalid(
            f"A survey has at most {MAX_QUESTIONS} questions.", path=("questions",)
        )
    if not 0 <= change.rest_days <= MAX_REST_DAYS:
        raise Invalid(f"Give 0 to {MAX_REST_DAYS} days.", path=("restDays",))
    if change.targeting is not None:
        validated(change.targeting)
    survey.title = change.title.strip()
    survey.draft = as_document(change.questions)
    survey.targeting = None if change.targeting is None else dict(change.targeting)
    survey.rest_days = change.rest_days


async def _locked(
    session: AsyncSession, project_id: UUID, survey_id: UUID, expected_version: int
) -> Survey:
    found = await session.exec(
        select(Survey)
        .where(col(Survey.id) == survey_id, Survey.project_id == project_id)
        .with_for_update()
    )
    survey = found.first()
    if survey is None:
        raise NotFound("The survey")
    if survey.version != expected_version:
        raise StaleVersion(survey.version)
    return survey


async def _changed(session: AsyncSession, survey: Survey) -> None:
    survey.version += 1
    survey.updated_at = await now(session)
    session.add(survey)
    await session.flush()


def _facts(survey: Survey) -> dict[str, Any]:
    return {
        "title": survey.title,
        "status": survey.status.value,
        "version": survey.version,
        "published": survey.published_number,
        "content": content_hash(survey.draft),
        "targeting": survey.targeting,
        "restDays": survey.rest_days,
    }


async def _record(
    session: AsyncSession,
    actor: Actor,
    survey: Survey,
    action: str,
    *,
    before: dict[str, Any] | None,
    reason: str | None = None,
) -> None:
    await audit.record(
        session,
        actor=actor,
        project_id=survey.project_id,
        action=action,
        subject="Survey",
        subject_id=survey.id,
        before=before,
        after=_facts(survey),
        reason=reason,
    )
