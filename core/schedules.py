"""Schedules: each slot of a named schedule is taken by one process, once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, is_sqlite, utc_column
from core.ids import new_id


class ScheduleSlot(SQLModel, table=True):
    """A slot that somebody has taken; the name and the slot are unique together."""

    __tablename__ = "schedule_slot"
    __table_args__ = (UniqueConstraint("name", "slot"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=128)
    slot: datetime = utc_column()
    taken_at: datetime = utc_column()


class Heartbeat(SQLModel, table=True):
    """When a background task last finished a round, wherever it runs."""

    name: str = Field(primary_key=True, max_length=128)
    beat_at: datetime = utc_column()


async def take(session: AsyncSession, *, name: str, slot: datetime) -> bool:
    """Take a slot; False if it was taken before."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = (
        insert(ScheduleSlot)
        .values(id=new_id(), name=name, slot=slot, taken_at=await now(session))
        .on_conflict_do_nothing(index_elements=["name", "slot"])
        .returning(col(ScheduleSlot.id))
    )
    taken = await (await session.connection()).execute(statement)
    return taken.scalar_one_or_none() is not None


async def beat(session: AsyncSession, names: Sequence[str]) -> None:
    """Note that these background tasks are alive; each named once."""
    at = await now(session)
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    # In one order everywhere, so that two processes never wait for each other.
    rows = [{"name": name, "beat_at": at} for name in sorted(names)]
    statement = insert(Heartbeat).values(rows)
    await (await session.connection()).execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"beat_at": at})
    )


async def heartbeats(session: AsyncSession) -> dict[str, datetime]:
    """The last beat of every background task."""
    found = await session.exec(select(Heartbeat.name, Heartbeat.beat_at))
    return dict(found.all())
