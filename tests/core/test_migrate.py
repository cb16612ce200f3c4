"""Migrations go up and down on both stores, and agree with the tables in code."""

import pytest
from sqlalchemy import inspect

from core import migrate
from core.database import Database
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
