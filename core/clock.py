"""The database clock: every process reads the same one."""

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import text

from core.database import AsyncSession, FixedClock, is_sqlite

_SQLITE = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
_POSTGRES = text("SELECT clock_timestamp()")


async def now(session: AsyncSession) -> datetime:
    """The database's instant in UTC, or the injected clock's."""
    fixed = cast(FixedClock | None, session.info.get("clock"))
    if fixed is not None:
        return fixed().astimezone(UTC)
    connection = await session.connection()
    if is_sqlite(session):
        value = (await connection.execute(_SQLITE)).scalar_one()
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    instant: datetime = (await connection.execute(_POSTGRES)).scalar_one()
    return instant.astimezone(UTC)
