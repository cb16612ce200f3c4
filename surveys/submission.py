"""Take responses: idempotent by submission id, monotone by revision, then final."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession
from core.problems import Invalid, NotFound
from core.redaction import redact
from core.subjects import MAX_ID, SubjectContext
from surveys import queries
from surveys.errors import ResponseCompleted, RevisionReused, SurveyNotOpen
from surveys.models import Answer, Response, Survey, SurveyStatus, SurveyVersion
from surveys.questions import from_document
from surveys.validation import GivenAnswer, fitted, plain

SETTLED_AFTER = timedelta(days=7)
"""A partial response that rested this long is final and handed on as it is."""

MAX_CONTEXT_BYTES = 8_192
MAX_SUBMISSION_ID = 128
MAX_REVISION = 1_000_000


@dataclass(frozen=True, slots=True)
class Submission:
    """Every answer given so far: a later revision replaces an earlier one whole."""

    submission_id: str
    revision: int
    answers: Mapping[str, Any]
    completed: bool
    subject: SubjectContext = field(default_factory=SubjectContext)
    context: Mapping[str, Any] = field(default_factory=dict)
    assignments_at: Mapping[str, str] = field(default_factory=dict)
    version_number: int | None = None
    """The version that was shown; the newest where it is not said."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The response that stands, and whether this submission changed it."""

    response: Response
    changed: bool


async def submit(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    survey_key: str,
    submission: Submission,
) -> Submitted:
    """Keep a response. The same submission again, or an older one, changes nothing.

    Raises:
        NotFound: The project has no such survey, or it has no such version.
        AnswersInvalid: An answer does not fit its question.
        Invalid: An id, the revision or the context is out of bounds.
        SurveyNotOpen: The survey takes no answers now.
        ResponseCompleted: A newer revision of a response that is final.
        RevisionReused: The same revision with other answers.
    """
    check_bounds(submission)
    given = {key: _redacted(value) for key, value in submission.context.items()}
    submission = replace(submission, context=given)
    survey = await queries.survey_by_key(session, project_id, survey_key)
    if survey is None:
        raise NotFound("The survey", path=("survey",))
    standing = await _standing(session, environment_id, survey, submission)
    if standing is None:
        created = await _create(session, environment_id, survey, submission)
        if created is not None:
            return Submitted(created, changed=True)
        standing = await _standing(session, environment_id, survey, submission)
    if standing is None:
        raise NotFound("The response")
    return await _revise(session, survey, standing, submission)


async def _create(
    session: AsyncSession, environment_id: UUID, survey: Survey, submission: Submission
) -> Response | None:
    """The new response; None where another request wrote it first."""
    if survey.status is not SurveyStatus.LIVE:
        raise SurveyNotOpen(survey.key, survey.status)
    number = submission.version_number or survey.published_number
    version = await queries.version_of(session, survey.id, number)
    if version is None:
        raise NotFound("The survey's version", path=("version",))
    given = _fit(version, submission)
    at = await now(session)
    response = Response(
        project_id=survey.project_id,
        environment_id=environment_id,
        survey_id=survey.id,
        survey_version_id=version.id,
        submission_id=submission.submission_id,
        revision=submission.revision,
        body_hash=_body_hash(given, submission),
        user_id=submission.subject.user_id,
        anonymous_id=submission.subject.anonymous_id,
        account_id=submission.subject.account_id,
        context=_bounded(submission.context),
        assignments_at=dict(submission.assignments_at),
        submitted_at=at,
        updated_at=at,
        completed_at=at if submission.completed else None,
    )
    try:
        async with session.begin_nested():
            session.add(response)
            await session.flush()
    except IntegrityError:
        return None
    await _write_answers(session, response, given)
    return response


async def _revise(
    session: AsyncSession, survey: Survey, response: Response, submission: Submission
) -> Submitted:
    version = await session.get_one(SurveyVersion, response.survey_version_id)
    if submission.revision < response.revision:
        return Submitted(response, changed=False)
    given = _fit(version, submission)
    digest = _body_hash(given, submission)
    if submission.revision == response.revision:
        if digest != response.body_hash:
            raise RevisionReused(response.revision)
        return Submitted(response, changed=False)
    at = await now(session)
    if _is_final(response, at):
        raise ResponseCompleted(response.revision)
    if survey.status not in {SurveyStatus.LIVE, SurveyStatus.PAUSED}:
        raise SurveyNotOpen(survey.key, survey.status)
    response.revision, response.body_hash = submission.revision, digest
    response.context = _bounded({**response.context, **submission.context})
    response.updated_at = at
    response.completed_at = at if submission.completed else None
    session.add(response)
    await _write_answers(session, response, given)
    return Submitted(response, changed=True)


async def _write_answers(
    session: AsyncSession, response: Response, given: Sequence[GivenAnswer]
) -> None:
    """Make the rows say what was given; a row keeps its id while it is answered."""
    found = await session.exec(select(Answer).where(Answer.response_id == response.id))
    rows = {row.question_key: row for row in found.all()}
    for answer in given:
        row = rows.pop(answer.question.key, None) or Answer(
            response_id=response.id,
            survey_id=response.survey_id,
            question_key=answer.question.key,
            kind=answer.question.kind,
        )
        row.number, row.text = answer.number, answer.text
        row.choice_ids = list(answer.choice_ids) or None
        session.add(row)
    if rows:
        gone = [row.id for row in rows.values()]
        await session.exec(delete(Answer).where(col(Answer.id).in_(gone)))
    await session.flush()


async def _standing(
    session: AsyncSession, environment_id: UUID, survey: Survey, submission: Submission
) -> Response | None:
    found = await session.exec(
        select(Response)
        .where(
            Response.environment_id == environment_id,
            Response.survey_id == survey.id,
            Response.submission_id == submission.submission_id,
        )
        .with_for_update()
    )
    return found.first()


def _is_final(response: Response, at: datetime) -> bool:
    return (
        response.completed_at is not None or response.updated_at <= at - SETTLED_AFTER
    )


def _fit(version: SurveyVersion, submission: Submission) -> tuple[GivenAnswer, ...]:
    given = fitted(
        from_document(version.document),
        submission.answers,
        completed=submission.completed,
    )
    return tuple(
        answer
        if answer.text is None
        else replace(answer, text=redact(answer.text).text)
        for answer in given
    )


def _body_hash(given: Sequence[GivenAnswer], submission: Submission) -> str:
    """Digest of what would be kept, so that no raw text can be guessed from it."""
    body = [
        plain(given),
        submission.completed,
        submission.subject.user_id,
        submission.subject.anonymous_id,
        submission.subject.account_id,
        dict(submission.context),
    ]
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_bounds(submission: Submission) -> None:
    """Refuse what is too large to be kept, before anything is looked up.

    Raises:
        Invalid: An id, the revision or the context is out of bounds.
    """
    if not 1 <= len(submission.submission_id) <= MAX_SUBMISSION_ID:
        raise Invalid(
            f"A submission id has 1 to {MAX_SUBMISSION_ID} characters.",
            path=("submissionId",),
        )
    if not 1 <= submission.revision <= MAX_REVISION:
        raise Invalid(f"A revision is 1 to {MAX_REVISION}.", path=("revision",))
    ids = (
        submission.subject.user_id,
        submission.subject.anonymous_id,
        submission.subject.account_id,
    )
    if any(one is not None and not 1 <= len(one) <= MAX_ID for one in ids):
        raise Invalid(f"An id has 1 to {MAX_ID} characters.", path=("subject",))
    _bounded(submission.context)


def _bounded(context: Mapping[str, Any]) -> dict[str, Any]:
    if len(json.dumps(dict(context))) > MAX_CONTEXT_BYTES:
        raise Invalid(
            f"The context has at most {MAX_CONTEXT_BYTES} bytes.", path=("context",)
        )
    return dict(context)


def _redacted(value: Any) -> Any:
    """The same JSON without personal details in its texts."""
    if isinstance(value, str):
        return redact(value).text
    if isinstance(value, Mapping):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value
