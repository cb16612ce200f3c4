"""The facts database keeps its promises on both stores."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from core.clock import now
from core.database import Database, Sessions
from core.ids import new_id
from core.problems import Invalid
from core.tenancy import Project
from tests.conftest import ON_POSTGRES, StoreUrls, Tenant

pytestmark = pytest.mark.stores


async def test_an_instant_comes_back_in_utc(sessions: Sessions) -> None:
    local = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    project = Project(key="zone", name="Zone", created_at=local)
    async with sessions.begin() as session:
        session.add(project)
    async with sessions() as session:
        stored = await session.get(Project, project.id)
    assert stored is not None
    assert stored.created_at == local
    assert stored.created_at.tzinfo == UTC


async def test_a_naive_instant_is_refused(sessions: Sessions) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(StatementError, match="naive"):
        async with sessions.begin() as session:
            session.add(Project(key="naive", name="Naive", created_at=naive))


async def test_the_database_clock_is_utc_and_can_be_injected(
    database: Database, store_urls: StoreUrls
) -> None:
    async with database.readers() as session:
        real = await now(session)
    assert abs(datetime.now(UTC) - real) < timedelta(minutes=1)
    fixed = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    other = Database(store_urls.facts, clock=lambda: fixed)
    async with other.readers() as session:
        assert await now(session) == fixed
    await other.dispose()


@pytest.mark.skipif(ON_POSTGRES, reason="SQLite's own settings")
async def test_sqlite_is_durable_and_checks_foreign_keys(database: Database) -> None:
    async with database.readers() as session:
        connection = await session.connection()
        wal = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        full = (await connection.execute(text("PRAGMA synchronous"))).scalar_one()
        checked = (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one()
    assert (wal, full, checked) == ("wal", 2, 1)


async def test_concurrent_read_modify_writes_lose_nothing(
    sessions: Sessions, tenant: Tenant
) -> None:
    async def add_one() -> None:
        async with sessions.begin() as session:
            row = await session.get(Project, tenant.project_id, with_for_update=True)
            assert row is not None
            await asyncio.sleep(0)
            row.name = str(int(row.name) + 1)
            session.add(row)

    async with sessions.begin() as session:
        project = await session.get(Project, tenant.project_id)
        assert project is not None
        project.name = "0"
    await asyncio.gather(*(add_one() for _ in range(20)))
    async with sessions() as session:
        project = await session.get(Project, tenant.project_id)
    assert project is not None
    assert project.name == "20"


async def test_a_text_that_its_column_cannot_hold_is_refused(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions() as session:
        row = await session.get_one(Project, tenant.project_id)
        row.name = "x" * 201
        session.add(row)
        with pytest.raises(Invalid, match="200 characters") as caught:
            await session.flush()
    assert (caught.value.code, caught.value.path) == ("TOO_LONG", ("name",))


async def test_an_error_does_not_quote_what_was_written(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions() as session:
        at = await now(session)
        session.add(Project(key=tenant.project.key, name="canary-17", created_at=at))
        with pytest.raises(IntegrityError) as caught:
            await session.flush()
    assert "canary-17" not in str(caught.value)


def test_ids_are_version_7_and_ascend() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {value.version for value in ids} == {7}
