"""Schema versions of the facts database: up, down, and where it stands."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from core.database import Database
from core.problems import Invalid

_FOLDER = Path(__file__).resolve().parent.parent / "migrations"


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision; at head already, nothing happens."""
    await _with_config(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to an older revision, or to `base`."""
    await _with_config(database, lambda config: command.downgrade(config, revision))


async def current(database: Database) -> str | None:
    """The revision that the database stands at."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database.engine.connect() as connection:
        return await connection.run_sync(read)


def head() -> str | None:
    """The newest revision that this code knows."""
    return ScriptDirectory(str(_FOLDER)).get_current_head()


async def differences(database: Database) -> list[object]:
    """What the tables in code and in the database disagree on; empty at head."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    async with database.engine.connect() as connection:
        return await connection.run_sync(compare)


async def _with_config(database: Database, act: Callable[[Config], None]) -> None:
    """Run an Alembic command.

    Raises:
        Invalid: There is no such revision, or no way to it from here.
    """

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(_FOLDER))
        config.attributes["connection"] = connection
        try:
            act(config)
        except CommandError as error:
            raise Invalid(str(error), code="REVISION_UNKNOWN") from error

    async with (
        database.engine.connect() as connection,
        _rebuilding(connection),
        connection.begin(),
    ):
        await connection.run_sync(run)
        await _check_references(connection)


@asynccontextmanager
async def _rebuilding(connection: AsyncConnection) -> AsyncIterator[None]:
    """Let SQLite's tables be replaced by altered copies while others refer to them.

    SQLite heeds the setting outside of transactions only.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    await driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        await driver.execute("PRAGMA foreign_keys=ON")


async def _check_references(connection: AsyncConnection) -> None:
    """What SQLite did not look at meanwhile.

    Raises:
        RuntimeError: A row refers to one that is gone; nothing is committed.
    """
    if connection.dialect.name == "sqlite":
        found = await connection.exec_driver_sql("PRAGMA foreign_key_check")
        for row in found.mappings():
            raise RuntimeError(
                f"The migration leaves a {row['table']} without its {row['parent']}."
            )
