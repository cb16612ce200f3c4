"""Fixtures: one log for the session on the store under test, an environment a test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from experiments.events.log import open_log
from tests.conftest import ON_POSTGRES, SERVER
from tests.experiments.events.world import Clock, World


@pytest.fixture(scope="session")
def log_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the log is kept while the tests run."""
    if not ON_POSTGRES:
        folder: Path = tmp_path_factory.mktemp("log")
        yield f"duckdb:///{folder / 'events.duckdb'}"
        return
    server = SERVER.replace("postgresql+asyncpg://", "postgresql://")
    name = f"hone_test_{uuid4().hex}"
    asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
    yield f"{server.rsplit('/', 1)[0]}/{name}"
    asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def world(log_url: str) -> AsyncIterator[World]:
    """A fresh environment in the log, and a clock that stands still."""
    clock = Clock()
    log = open_log(log_url, clock=clock)
    await log.open()
    yield World(log, clock)
    await log.close()
