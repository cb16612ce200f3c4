"""Fixtures: a fresh facts database and event log, on the stores under test.

HONE_TEST_STORES=postgres runs on PostgreSQL (DATABASE_URL names a server whose
databases may be created and dropped); anything else runs on SQLite and DuckDB.
"""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import settings
from sqlalchemy.pool import QueuePool
from sqlmodel import SQLModel

from core import ids
from core.audit import Actor, ActorKind
from core.database import Database, Sessions
from core.tenancy import Environment, Project, create_project
from experiments.events.log import open_log

# How long an example takes is the machine's affair, not a property of the code.
settings.register_profile("hone", deadline=None)
settings.load_profile("hone")

SEED = os.environ.get("HONE_TEST_SEED", "0")
"""Deals every test other ids, and so other splits of the same people."""

ON_POSTGRES = os.environ.get("HONE_TEST_STORES") == "postgres"
SERVER = os.environ.get("DATABASE_URL", "postgresql://root@127.0.0.1:5432/postgres")


EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DO $$
DECLARE
  kept text;
BEGIN
  FOR kept IN
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('public', 'hone_events')
      AND tablename NOT IN ('alembic_version', 'schema_version')
  LOOP
    EXECUTE 'DELETE FROM ' || kept;
  END LOOP;
END $$;
"""
"""Ends what a test left connected, then deletes every row, in whatever order."""


def redis_of_this_process() -> str:
    """The Redis database that this test process has to itself; empty if none is named.

    Tests that run side by side would take each other's wake-ups: the first process
    uses the database that REDIS_URL names, the next the one below it, and so on.
    """
    server, slash, number = os.environ.get("REDIS_URL", "").rpartition("/")
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"{server}{slash}{int(number) - process}" if slash else ""


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """Where this test's stores live."""

    facts: str
    events: str


def _server() -> str:
    return SERVER.replace("postgresql+asyncpg://", "postgresql://")


def _urls(name: str) -> StoreUrls:
    base = _server().rsplit("/", 1)[0]
    return StoreUrls(
        facts=f"postgresql+asyncpg://{base.split('://', 1)[1]}/{name}",
        events=f"{base}/{name}",
    )


async def _run(statement: str) -> None:
    admin = await asyncpg.connect(_server())
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


async def _emptied(name: str) -> None:
    """Leave tables without rows: far quicker than a new database for each test."""
    connection = await asyncpg.connect(_urls(name).events)
    try:
        await connection.execute(EMPTY)
    finally:
        await connection.close()


async def _fill(urls: StoreUrls) -> None:
    """Every table of both stores, made once and copied for each test."""
    database = Database(urls.facts)
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    await database.dispose()
    log = open_log(urls.events)
    await log.open()
    await log.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pair of stores with empty tables: a folder, or a database's name."""
    if not ON_POSTGRES:
        folder = tmp_path_factory.mktemp("prepared")
        asyncio.run(_fill(_files(folder)))
        yield str(folder)
        return
    name = f"hone_test_{uuid4().hex}"
    asyncio.run(_run(f"CREATE DATABASE {name}"))
    # Nothing here survives the machine, so no commit has to wait for its disk.
    asyncio.run(_run(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    asyncio.run(_fill(_urls(name)))
    yield name
    asyncio.run(_run(f"DROP DATABASE {name} WITH (FORCE)"))


def _files(folder: Path) -> StoreUrls:
    return StoreUrls(
        facts=f"sqlite+aiosqlite:///{folder / 'facts.sqlite'}",
        events=f"duckdb:///{folder / 'events.duckdb'}",
    )


@pytest.fixture(autouse=True)
def ids_that_repeat(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a test make the same ids each time it runs.

    A phase's seed comes from its project's id: with new ids, each run would split
    the people anew, and a bound at four errors would break once in thousands of runs.
    """
    chance = random.Random(f"{SEED} {request.node.nodeid}")  # noqa: S311 - no secret
    monkeypatch.setattr(
        ids, "source", ids.Ids(lambda: 1_767_225_600_000, chance.getrandbits)
    )


@pytest.fixture
def template(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """What this test's stores start from: nothing, unless it asks for `database`."""
    if "database" not in request.fixturenames:
        return None
    source: str = request.getfixturevalue("prepared")
    if not ON_POSTGRES:
        shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    return source


@pytest.fixture
async def store_urls(template: str | None, tmp_path: Path) -> AsyncIterator[StoreUrls]:
    """A fresh pair of stores; on PostgreSQL one database holds both."""
    if not ON_POSTGRES:
        yield _files(tmp_path)
        return
    if template is not None:
        yield _urls(template)
        await _emptied(template)
        return
    name = f"hone_test_{uuid4().hex}"
    await _run(f"CREATE DATABASE {name}")
    try:
        yield _urls(name)
    finally:
        await _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(store_urls: StoreUrls) -> AsyncIterator[Database]:
    """The facts database with every table in it."""
    database = Database(store_urls.facts)
    yield database
    await _come_to_rest(database)
    await database.dispose()


async def _come_to_rest(database: Database) -> None:
    """Let what still reads give its connection back, or nobody would close it.

    A query that fails is answered while fields beside the one that failed are read.
    """
    pool = database.engine.pool
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:  # what has only just begun holds no connection yet
        _, left = await asyncio.wait(left, timeout=0.2)
    while left and isinstance(pool, QueuePool) and pool.checkedout():
        done, left = await asyncio.wait(
            left, timeout=5, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return


@pytest.fixture
def sessions(database: Database) -> Sessions:
    """The write factory of the facts database."""
    return database.sessions


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project with its production environment, and somebody who acts in it."""

    project: Project
    environment: Environment
    actor: Actor

    @property
    def project_id(self) -> UUID:
        """The project's id."""
        return self.project.id

    @property
    def environment_id(self) -> UUID:
        """The environment's id."""
        return self.environment.id


@pytest.fixture
async def tenant(sessions: Sessions) -> Tenant:
    """A fresh project."""
    async with sessions.begin() as session:
        project, environment = await create_project(
            session, key="acme", name="Acme", secret="s" * 32
        )
    return Tenant(project, environment, Actor(ActorKind.MEMBER, None, "ada"))
