"""Answers that are still to be handed on: texts to feedback, all to the event log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, update
from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession, skip_locked
from surveys.models import Answer, Response, Survey
from surveys.questions import QuestionKind
from surveys.submission import SETTLED_AFTER


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """An answer of a response that will not change any more."""

    answer_id: UUID
    response_id: UUID
    project_id: UUID
    environment_id: UUID
    survey_key: str
    question_key: str
    kind: QuestionKind
    number: int | None
    choice_ids: tuple[str, ...]
    text: str | None
    user_id: str | None
    anonymous_id: str | None
    account_id: str | None
    assignments_at: dict[str, str]
    context: dict[str, Any]
    answered_at: datetime


async def take_unharvested(
    session: AsyncSession, *, limit: int
) -> Sequence[FinalAnswer]:
    """Lock text answers that are no comment yet, passing over another worker's."""
    waiting = (col(Answer.harvested_at).is_(None), col(Answer.text).is_not(None))
    return await _take(session, limit, *waiting)


async def mark_harvested(session: AsyncSession, answer_ids: Sequence[UUID]) -> None:
    """Stamp answers that have become comments."""
    await session.exec(
        update(Answer)
        .where(col(Answer.id).in_(answer_ids))
        .values(harvested_at=await now(session))
    )


async def take_unlogged(session: AsyncSession, *, limit: int) -> Sequence[FinalAnswer]:
    """Lock answers that the event log has not got, passing over another worker's."""
    return await _take(session, limit, col(Answer.logged_at).is_(None))


async def mark_logged(session: AsyncSession, answer_ids: Sequence[UUID]) -> int:
    """Stamp answers that the event log has got; returns how many were not yet."""
    stamped = await session.exec(
        update(Answer)
        .where(col(Answer.id).in_(answer_ids), col(Answer.logged_at).is_(None))
        .values(logged_at=await now(session))
    )
    return stamped.rowcount


async def _take(
    session: AsyncSession, limit: int, *waiting: ColumnElement[bool]
) -> Sequence[FinalAnswer]:
    settled = await now(session) - SETTLED_AFTER
    final = select(Response.id).where(
        or_(
            col(Response.completed_at).is_not(None),
            col(Response.updated_at) <= settled,
        )
    )
    found = await session.exec(
        skip_locked(
            select(Answer)
            .where(*waiting, col(Answer.response_id).in_(final))
            .order_by(col(Answer.id))
            .limit(limit),
            session,
        )
    )
    taken = found.all()
    origins = await _origins(session, {answer.response_id for answer in taken})
    return [_final(answer, *origins[answer.response_id]) for answer in taken]


async def _origins(
    session: AsyncSession, response_ids: set[UUID]
) -> dict[UUID, tuple[Response, Survey]]:
    found = await session.exec(
        select(Response, Survey)
        .join(Survey, col(Survey.id) == col(Response.survey_id))
        .where(col(Response.id).in_(response_ids))
    )
    return {response.id: (response, survey) for response, survey in found.all()}


def _final(answer: Answer, response: Response, survey: Survey) -> FinalAnswer:
    return FinalAnswer(
        answer_id=answer.id,
        response_id=response.id,
        project_id=response.project_id,
        environment_id=response.environment_id,
        survey_key=survey.key,
        question_key=answer.question_key,
        kind=answer.kind,
        number=answer.number,
        choice_ids=tuple(answer.choice_ids or ()),
        text=answer.text,
        user_id=response.user_id,
        anonymous_id=response.anonymous_id,
        account_id=response.account_id,
        assignments_at=response.assignments_at,
        context=response.context,
        answered_at=response.completed_at or response.updated_at,
    )
