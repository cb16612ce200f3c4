"""Which user an anonymous id belongs to: the first one that it was seen with."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, is_sqlite, utc_column
from core.ids import new_id

_MAX_ID = 256
_AT_ONCE = 500


class IdentityLink(SQLModel, table=True):
    """An anonymous id belongs to the first user that it was seen with."""

    __tablename__ = "identity_link"
    __table_args__ = (
        UniqueConstraint("environment_id", "anonymous_id"),
        Index("ix_identity_link_user", "environment_id", "user_id"),
        Index(
            "ix_identity_link_unsettled",
            "id",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    anonymous_id: str = Field(max_length=_MAX_ID)
    user_id: str = Field(max_length=_MAX_ID)
    linked_at: datetime = utc_column()
    logged: bool = False
    """Whether it was learned from an event, so that the event log has it."""
    settled_at: datetime | None = utc_column(default=None)
    """Null until what its ids had met before was kept for both of them."""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A visitor was seen with a user."""

    anonymous_id: str
    user_id: str
    linked_at: datetime


class LinkOutcome(StrEnum):
    """What became of a link."""

    LINKED = "LINKED"
    KNOWN = "KNOWN"
    CONFLICT = "CONFLICT"
    """The anonymous id belongs to another user: nothing moves."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Links that events told of, beside those on record."""

    news: tuple[Link, ...]
    """Those that would change what is on record, one for each anonymous id."""
    conflicts: int
    """How many name another user than the one that the anonymous id belongs to."""


async def link(
    session: AsyncSession, environment_id: UUID, anonymous_id: str, user_id: str
) -> tuple[IdentityLink, LinkOutcome]:
    """Link as of now; the row that stands, and whether it is this link's."""
    fresh = IdentityLink(
        environment_id=environment_id,
        anonymous_id=anonymous_id,
        user_id=user_id,
        linked_at=await now(session),
    )
    statement = _insert(session)(IdentityLink).on_conflict_do_nothing()
    await (await session.connection()).execute(statement, [fresh.model_dump()])
    found = await session.exec(
        select(IdentityLink)
        .where(
            IdentityLink.environment_id == environment_id,
            IdentityLink.anonymous_id == anonymous_id,
        )
        .execution_options(populate_existing=True)
    )
    row = found.one()
    if row.user_id != user_id:
        return row, LinkOutcome.CONFLICT
    return row, LinkOutcome.LINKED if row.id == fresh.id else LinkOutcome.KNOWN


async def learn(
    session: AsyncSession, environment_id: UUID, links: Sequence[Link]
) -> None:
    """Take in links that events told of, in whatever order they come, or again.

    Of two users, the one that was seen with the visitor first has it.
    """
    statement = _insert(session)(IdentityLink)
    given = statement.excluded
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["environment_id", "anonymous_id"],
            set_={
                "user_id": given.user_id,
                "linked_at": given.linked_at,
                "logged": True,
                "settled_at": None,
            },
            where=given.linked_at < col(IdentityLink.linked_at),
        ),
        [
            {
                "id": new_id(),
                "environment_id": environment_id,
                "logged": True,
                **asdict(one),
            }
            for one in sorted(links)
        ],
    )


async def compared(
    session: AsyncSession, environment_id: UUID, links: Collection[Link]
) -> Compared:
    """What of these links is not on record, and how many are in conflict with it."""
    first: dict[str, Link] = {}
    for one in sorted(links, key=lambda one: one.linked_at):
        first.setdefault(one.anonymous_id, one)
    rows = await _of(session, environment_id, col(IdentityLink.anonymous_id), first)
    known = {row.anonymous_id: row for row in rows}
    news = {
        name: one
        for name, one in first.items()
        if name not in known or one.linked_at < known[name].linked_at
    }
    owners = {name: row.user_id for name, row in known.items()}
    owners |= {name: one.user_id for name, one in news.items()}
    return Compared(
        news=tuple(news.values()),
        conflicts=sum(one.user_id != owners[one.anonymous_id] for one in links),
    )


async def links_of(
    session: AsyncSession, environment_id: UUID, user_ids: Collection[str]
) -> list[IdentityLink]:
    """Every anonymous id of these users, the oldest link first."""
    rows = await _of(session, environment_id, col(IdentityLink.user_id), user_ids)
    return sorted(rows, key=lambda row: (row.linked_at, row.id))


async def unsettled(session: AsyncSession, *, limit: int) -> list[IdentityLink]:
    """One batch of links that nobody has settled since they last changed."""
    found = await session.exec(
        select(IdentityLink)
        .where(col(IdentityLink.settled_at).is_(None))
        .order_by(col(IdentityLink.id))
        .limit(limit)
    )
    return list(found.all())


async def mark_settled(session: AsyncSession, links: Collection[IdentityLink]) -> int:
    """Stamp links that still stand as they were read; returns how many."""
    at, stamped = await now(session), 0
    for one in sorted(links, key=lambda one: one.id):
        done = await session.exec(
            update(IdentityLink)
            .where(
                col(IdentityLink.id) == one.id,
                col(IdentityLink.user_id) == one.user_id,
                col(IdentityLink.settled_at).is_(None),
            )
            .values(settled_at=at, logged=True)
        )
        stamped += done.rowcount
    return stamped


async def settled_among(
    session: AsyncSession, environment_id: UUID, anonymous_ids: Collection[str]
) -> list[UUID]:
    """The settled links of these anonymous ids."""
    column = col(IdentityLink.anonymous_id)
    rows = await _of(session, environment_id, column, anonymous_ids)
    return sorted(row.id for row in rows if row.settled_at is not None)


async def unsettle(session: AsyncSession, link_ids: Collection[UUID]) -> None:
    """Let links be settled once more: one of their ids has met something since."""
    await session.exec(
        update(IdentityLink)
        .where(col(IdentityLink.id).in_(link_ids))
        .values(settled_at=None)
    )


async def _of(
    session: AsyncSession, environment_id: UUID, column: Any, values: Collection[str]
) -> list[IdentityLink]:
    wanted, rows = sorted(values), list[IdentityLink]()
    for start in range(0, len(wanted), _AT_ONCE):
        found = await session.exec(
            select(IdentityLink).where(
                IdentityLink.environment_id == environment_id,
                column.in_(wanted[start : start + _AT_ONCE]),
            )
        )
        rows.extend(found.all())
    return rows


def _insert(session: AsyncSession) -> Callable[..., Any]:
    return sqlite.insert if is_sqlite(session) else postgresql.insert
