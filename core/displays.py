"""Display clocks: the one place where a subject's next showing is claimed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, is_sqlite, utc_column
from core.ids import new_id
from core.subjects import MAX_ID


class Display(SQLModel, table=True):
    """When a subject was last shown something of a clock (a survey, a class)."""

    __table_args__ = (UniqueConstraint("environment_id", "subject", "clock"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    subject: str = Field(max_length=MAX_ID)
    clock: str = Field(max_length=128)
    shown_at: datetime = utc_column()


async def claim(
    session: AsyncSession,
    *,
    environment_id: UUID,
    subject: str,
    clock: str,
    every: timedelta,
) -> bool:
    """Claim a showing if the last one is at least `every` ago. Of many, one wins."""
    at = await now(session)
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = (
        insert(Display)
        .values(
            id=new_id(),
            environment_id=environment_id,
            subject=subject,
            clock=clock,
            shown_at=at,
        )
        .on_conflict_do_update(
            index_elements=["environment_id", "subject", "clock"],
            set_={"shown_at": at},
            where=col(Display.shown_at) <= at - every,
        )
        .returning(col(Display.id))
    )
    claimed = await (await session.connection()).execute(statement)
    return claimed.scalar_one_or_none() is not None


async def last_shown(
    session: AsyncSession, *, environment_id: UUID, subject: str, clocks: list[str]
) -> dict[str, datetime]:
    """When the subject was last shown something of each of these clocks."""
    found = await session.exec(
        select(Display.clock, Display.shown_at).where(
            Display.environment_id == environment_id,
            Display.subject == subject,
            col(Display.clock).in_(clocks),
        )
    )
    return dict(found.all())
