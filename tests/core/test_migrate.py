"""Migrations go up and down on both stores, and agree with the tables in code."""

import pytest
from sqlalchemy import inspect

from core import migrate
from core.audit import WORKER, record
from core.audit_chain import AuditHead, seal, verify
from core.database import Database
from core.tenancy import create_project
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores


async def _tables(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return set(names) - {"alembic_version"}


async def test_up_down_and_up_again(store_urls: StoreUrls) -> None:
    database = Database(store_urls.facts)
    await migrate.upgrade(database)
    assert await migrate.current(database) == migrate.head()
    tables = await _tables(database)
    assert {"project", "experiment", "survey", "insight", "delivery"} <= tables
    assert await migrate.differences(database) == []
    await migrate.upgrade(database)
    await migrate.downgrade(database, "base")
    assert await _tables(database) == set()
    await migrate.upgrade(database)
    assert await _tables(database) == tables
    await database.dispose()


async def test_a_table_that_no_migration_makes_is_seen(store_urls: StoreUrls) -> None:
    database = Database(store_urls.facts)
    await migrate.upgrade(database)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE schedule_slot")
    assert await migrate.differences(database) != []
    await database.dispose()


async def test_a_chain_that_was_sealed_before_gets_its_head(
    store_urls: StoreUrls,
) -> None:
    database = Database(store_urls.facts)
    await migrate.upgrade(database)
    async with database.sessions.begin() as session:
        project, _ = await create_project(
            session, key="acme", name="Acme", secret="s" * 32
        )
        for _ in range(3):
            await record(
                session,
                actor=WORKER,
                project_id=project.id,
                action="thing.change",
                subject="Thing",
                subject_id=None,
            )
        await seal(session)
        before = await session.get_one(AuditHead, project.id)
    # Older tables are copies of these, with rows that refer to each other.
    await migrate.downgrade(database, "0001")
    await migrate.upgrade(database)
    async with database.sessions() as session:
        after = await session.get_one(AuditHead, project.id)
        assert (after.number, after.link) == (3, before.link)
        assert (await verify(session, project.id)).broken_at is None
    await database.dispose()
