"""Take comments in: redacted, and each of them once."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from core.clock import now
from core.database import AsyncSession
from core.ids import new_id
from core.problems import NotFound
from core.redaction import redact
from core.subjects import SubjectContext
from feedback.errors import ExternalIdReused, TextInvalid
from feedback.models import Comment
from feedback.tagging import FeedbackSource, TicketStatus
from feedback.text import MAX_BODY, is_readable


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said, as it arrives."""

    body: str
    source: FeedbackSource
    subject: SubjectContext = field(default_factory=SubjectContext)
    environment_id: UUID | None = None
    external_id: str | None = None
    said_at: datetime | None = None
    assignments_at: dict[str, str] = field(default_factory=dict)
    origin_answer_id: UUID | None = None
    origin_response_id: UUID | None = None
    ticket_status: TicketStatus | None = None
    closed_at: datetime | None = None
    external_url: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The comment that stands, and whether it is new."""

    comment: Comment
    created: bool


async def record_comment(
    session: AsyncSession, *, project_id: UUID, said: Said
) -> Recorded:
    """Keep a comment, redacted. The same external id again keeps the one there is.

    A ticket's status, closing and address are brought up to date.

    Raises:
        TextInvalid: The text is empty, too long or unreadable.
        ExternalIdReused: The source's id came before with another text.
    """
    body = _readable(said.body)
    standing = await _standing(session, project_id, said)
    if standing is None:
        created = await _insert(session, project_id, replace(said, body=body))
        if created is not None:
            return Recorded(created, created=True)
        standing = await _standing(session, project_id, said)
    if standing is None:
        raise NotFound("The comment")
    if said.origin_answer_id is None and standing.body != body:
        raise ExternalIdReused(said.external_id or "")
    if said.source is FeedbackSource.TICKET:
        standing.ticket_status = said.ticket_status or standing.ticket_status
        standing.closed_at = said.closed_at
        standing.external_url = said.external_url or standing.external_url
        session.add(standing)
        await session.flush()
    return Recorded(standing, created=False)


async def harvest(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    answer_id: UUID,
    response_id: UUID,
    text: str,
    subject: SubjectContext,
    assignments_at: dict[str, str],
    said_at: datetime,
) -> Comment:
    """Make a survey's text answer a comment; the same answer again changes nothing."""
    recorded = await record_comment(
        session,
        project_id=project_id,
        said=Said(
            body=text,
            source=FeedbackSource.SURVEY,
            subject=subject,
            environment_id=environment_id,
            said_at=said_at,
            assignments_at=assignments_at,
            origin_answer_id=answer_id,
            origin_response_id=response_id,
        ),
    )
    return recorded.comment


async def _standing(
    session: AsyncSession, project_id: UUID, said: Said
) -> Comment | None:
    statement = select(Comment).where(Comment.project_id == project_id)
    if said.origin_answer_id is not None:
        statement = statement.where(Comment.origin_answer_id == said.origin_answer_id)
    elif said.external_id is not None:
        statement = statement.where(
            Comment.source == said.source, Comment.external_id == said.external_id
        )
    else:
        return None
    return (await session.exec(statement.with_for_update())).first()


async def _insert(
    session: AsyncSession, project_id: UUID, said: Said
) -> Comment | None:
    """The new comment; None where another request wrote it first."""
    at = await now(session)
    comment = Comment(
        id=new_id(),
        project_id=project_id,
        environment_id=said.environment_id,
        source=said.source,
        external_id=said.external_id,
        body=said.body,
        user_id=said.subject.user_id,
        anonymous_id=said.subject.anonymous_id,
        account_id=said.subject.account_id,
        origin_answer_id=said.origin_answer_id,
        origin_response_id=said.origin_response_id,
        assignments_at=said.assignments_at,
        said_at=min(said.said_at or at, at),
        received_at=at,
        ticket_status=said.ticket_status,
        closed_at=said.closed_at,
        external_url=said.external_url,
    )
    try:
        async with session.begin_nested():
            session.add(comment)
            await session.flush()
    except IntegrityError:
        return None
    return comment


def _readable(body: str) -> str:
    text = body.strip()
    if not 1 <= len(text) <= MAX_BODY:
        raise TextInvalid(f"A text has 1 to {MAX_BODY} characters.", path=("body",))
    if not is_readable(text):
        raise TextInvalid("The text has a character nobody can read.", path=("body",))
    return redact(text).text
