"""A Redis of one's own where there is one, and a context over the stores under test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from feedback.rules import bootstrap
from tests.conftest import StoreUrls, Tenant, redis_of_this_process
from workers.context import TaskContext, outbound
from workers.wakes import EmbeddedQueue


@pytest.fixture
async def redis_url() -> AsyncIterator[str]:
    """An empty database of the Redis under test; skips where none is named."""
    url = redis_of_this_process()
    if not url:
        pytest.skip("REDIS_URL names no Redis")
    async with Redis.from_url(url) as redis:
        await redis.flushdb()
        yield url
        await redis.flushdb()


@pytest.fixture
async def context(
    database: Database, store_urls: StoreUrls, tenant: Tenant, tmp_path: Path
) -> AsyncIterator[TaskContext]:
    """What tasks work with, for a project whose loop is closed by its first rules."""
    settings = Settings(data_dir=tmp_path, outbound_allow=("127.0.0.0/8",))
    async with database.sessions.begin() as session:
        await bootstrap(session, tenant.project_id)
    log = open_log(store_urls.events)
    await log.open()
    async with outbound(settings) as http:
        yield TaskContext(database, log, settings, EmbeddedQueue(), http)
    await log.close()
