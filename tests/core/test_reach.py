"""Which failures mean that the database is away."""

import asyncio
import errno
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlmodel import select

from core import reach as reaching
from core.database import Database, Unreachable, is_unreachable
from core.problems import Invalid
from core.reach import Reach


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://x@127.0.0.1:1/x",
        "postgresql+asyncpg://x@no.such.host.invalid/x",
        "sqlite+aiosqlite:////nowhere/at/all.sqlite",
    ],
)
async def test_nobody_there_is_away(url: str) -> None:
    database = Database(url)
    with pytest.raises(Exception) as failure:  # noqa: PT011
        async with database.readers() as session:
            await session.connection()
    await database.dispose()
    await asyncio.sleep(0.05)  # the driver's thread ends after its failure is known
    assert is_unreachable(failure.value)


async def test_a_locked_file_is_away_and_a_bad_statement_is_not(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("SELECT * FROM sqlite_master")
    assert is_unreachable(locked.value)
    other.close()
    holder.close()
    database = Database(f"sqlite+aiosqlite:///{path}")
    with pytest.raises(Exception, match="no such table") as bad:
        async with database.readers() as session:
            await (await session.connection()).execute(text("SELECT * FROM missing"))
    await database.dispose()
    assert not is_unreachable(bad.value)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (asyncpg.CannotConnectNowError("starting up"), True),
        (asyncpg.AdminShutdownError("stopping"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InterfaceError("cannot perform operation"), False),
        (asyncpg.UniqueViolationError("twice"), False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), True),
        (OSError("Multiple exceptions: refused, refused"), True),
        (FileNotFoundError(errno.ENOENT, "missing", "a-file"), False),
        (FileNotFoundError(errno.ENOENT, "no server's socket"), True),
        (PermissionError(errno.EACCES, "no"), False),
        (TimeoutError(), True),
        (ValueError("x"), False),
        (Invalid("x"), False),
    ],
)
def test_a_failure_is_told_by_its_kind(error: Exception, away: bool) -> None:
    assert is_unreachable(error) is away


async def test_one_failure_spares_the_others_the_wait() -> None:
    reach = Reach()
    with pytest.raises(Unreachable):
        async with reach.asking():
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    assert reach.is_away
    with pytest.raises(Unreachable):
        async with reach.asking():
            pytest.fail("it was asked")
    async with reach.asking(anyway=True):
        pass
    assert not reach.is_away
    assert reach.away_seconds == 0


async def test_silence_is_away_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "PATIENCE_SECONDS", 0.01)
    reach = Reach()
    with pytest.raises(Unreachable):
        async with reach.asking():
            await asyncio.sleep(5)
    assert reach.is_away


async def test_a_database_that_answers_others_is_busy_and_not_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reaching, "PATIENCE_SECONDS", 0.05)
    reach = Reach()

    async def answer_others() -> None:
        while True:
            reach.found()
            await asyncio.sleep(0.01)

    others = asyncio.create_task(answer_others())
    async with reach.asking():
        await asyncio.sleep(0.3)
    monkeypatch.setattr(reaching, "BUSY_SECONDS", 0.2)
    with pytest.raises(Unreachable):
        async with reach.asking():
            await asyncio.sleep(5)
    others.cancel()


async def test_what_the_database_answers_is_noticed(database: Database) -> None:
    database.reach.lost()
    async with database.readers() as session:
        await session.exec(select(1))
    assert not database.reach.is_away


async def test_other_failures_are_passed_on_and_say_nothing() -> None:
    reach = Reach()
    with pytest.raises(ValueError, match="mine"):
        async with reach.asking():
            raise ValueError("mine")
    assert not reach.is_away
