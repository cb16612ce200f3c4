"""Sign-in by one-time link, to a session that the server can revoke."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, utc_column
from core.ids import new_id
from core.keys import hash_secret
from core.problems import Forbidden
from core.tenancy import Member, remove


class SignInLink(SQLModel, table=True):
    """A link that a member may use once."""

    __tablename__ = "sign_in_link"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    member_id: UUID = Field(foreign_key="member.id", index=True)
    token_hash: str = Field(max_length=64, unique=True)
    expires_at: datetime = utc_column()
    used_at: datetime | None = utc_column(default=None)


class MemberSession(SQLModel, table=True):
    """A signed-in browser; the cookie holds its token, the row its hash."""

    __tablename__ = "member_session"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    member_id: UUID = Field(foreign_key="member.id", index=True)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = utc_column()
    expires_at: datetime = utc_column()
    revoked_at: datetime | None = utc_column(default=None)


class LinkSpent(Forbidden):
    """The link is unknown, used or too old."""

    code = "LINK_SPENT"


@dataclass(frozen=True, slots=True, repr=False)
class OpenedSession:
    """A new session with the token for its cookie."""

    session: MemberSession
    token: str


async def make_link(session: AsyncSession, *, member_id: UUID, minutes: int) -> str:
    """Write down a new link and return its token, which is shown this once."""
    token = secrets.token_urlsafe(32)
    link = SignInLink(
        member_id=member_id,
        token_hash=hash_secret(token),
        expires_at=await now(session) + timedelta(minutes=minutes),
    )
    session.add(link)
    await session.flush()
    return token


async def use_link(session: AsyncSession, *, token: str, days: int) -> OpenedSession:
    """Spend a link and open a session. Of two at once, one gets it.

    Raises:
        LinkSpent: The link is unknown, used or too old, or its member has left.
    """
    at = await now(session)
    spent = await session.exec(
        update(SignInLink)
        .where(
            col(SignInLink.token_hash) == hash_secret(token),
            col(SignInLink.used_at).is_(None),
            col(SignInLink.expires_at) > at,
        )
        .values(used_at=at)
        .returning(col(SignInLink.member_id))
    )
    member_id = spent.scalar_one_or_none()
    member = None if member_id is None else await session.get(Member, member_id)
    if member is None or member.revoked_at is not None:
        raise LinkSpent("This link has been used or is too old; ask for a new one.")
    cookie = secrets.token_urlsafe(32)
    opened = MemberSession(
        member_id=member.id,
        token_hash=hash_secret(cookie),
        created_at=at,
        expires_at=at + timedelta(days=days),
    )
    session.add(opened)
    await session.flush()
    return OpenedSession(opened, cookie)


async def member_of(session: AsyncSession, token: str) -> Member | None:
    """Whose live session this cookie is."""
    at = await now(session)
    found = await session.exec(
        select(Member)
        .join(MemberSession, col(MemberSession.member_id) == col(Member.id))
        .where(
            MemberSession.token_hash == hash_secret(token),
            col(MemberSession.revoked_at).is_(None),
            MemberSession.expires_at > at,
            col(Member.revoked_at).is_(None),
        )
    )
    return found.first()


async def sign_out(session: AsyncSession, token: str) -> None:
    """End the session; doing it again changes nothing."""
    at = await now(session)
    await session.exec(
        update(MemberSession)
        .where(
            col(MemberSession.token_hash) == hash_secret(token),
            col(MemberSession.revoked_at).is_(None),
        )
        .values(revoked_at=at)
    )


async def shut_out(
    session: AsyncSession, *, project_id: UUID, member_id: UUID
) -> Member:
    """Take a person out of a project, with every session and link of theirs.

    Somebody who is let in again signs in again.

    Raises:
        NotFound: The project has no such member.
        LastAdmin: Nobody would be left who can let people in.
    """
    member = await remove(session, project_id=project_id, member_id=member_id)
    at = await now(session)
    await session.exec(
        update(MemberSession)
        .where(
            col(MemberSession.member_id) == member.id,
            col(MemberSession.revoked_at).is_(None),
        )
        .values(revoked_at=at)
    )
    await session.exec(
        update(SignInLink)
        .where(
            col(SignInLink.member_id) == member.id, col(SignInLink.used_at).is_(None)
        )
        .values(used_at=at)
    )
    return member


async def forget_expired(session: AsyncSession, *, limit: int) -> int:
    """Drop one batch each of links and sessions that are too old; returns how many."""
    at = await now(session)
    dropped = 0
    for table in (SignInLink, MemberSession):
        old = select(table.id).where(table.expires_at < at).limit(limit)
        found = await session.exec(delete(table).where(col(table.id).in_(old)))
        dropped += found.rowcount
    return dropped
