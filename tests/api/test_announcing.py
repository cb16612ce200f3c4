"""Announcements over a real Redis, and over none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api import announcing
from api.announcing import RedisChannel
from core.database import Database, Sessions
from experiments.service import definitions as definitions_in_memory
from experiments.service.definitions import Definitions
from experiments.service.publishing import touch_definitions
from experiments.service.snapshot_files import SnapshotFiles
from tests.conftest import Tenant, redis_of_this_process

pytestmark = pytest.mark.stores

needs_redis = pytest.mark.skipif(
    not redis_of_this_process(), reason="REDIS_URL names no Redis"
)


@pytest.fixture
async def channels() -> AsyncIterator[tuple[RedisChannel, RedisChannel]]:
    """Two processes' ends."""
    ends = RedisChannel(redis_of_this_process()), RedisChannel(redis_of_this_process())
    yield ends
    for end in ends:
        await end.close()


@pytest.fixture
def without_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute between two polls."""
    monkeypatch.setattr(definitions_in_memory, "POLL_SECONDS", 60.0)


@needs_redis
@pytest.mark.usefixtures("without_polling")
async def test_an_announcement_is_heard_at_once(
    database: Database,
    sessions: Sessions,
    tenant: Tenant,
    channels: tuple[RedisChannel, RedisChannel],
    tmp_path: Path,
) -> None:
    ours, theirs = (Definitions(database.readers) for _ in channels)
    for each, channel in zip((ours, theirs), channels, strict=True):
        each.connect(channel, SnapshotFiles(tmp_path))
        await each.snapshot(tenant.environment_id)
    changes = theirs.changes(tenant.environment_id)
    assert (await anext(changes)).version == 0
    following = asyncio.create_task(theirs.follow())
    await asyncio.sleep(0.5)
    for version in range(1, 4):
        async with sessions.begin() as session:
            await touch_definitions(session, tenant.environment_id)
        await ours.refresh()
        # By polling alone it would be a minute.
        found = await asyncio.wait_for(anext(changes), 5)
        assert found.version == version
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_without_a_redis_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "FIRST_RETRY_SECONDS", 0.01)
    channel = RedisChannel("redis://127.0.0.1:1/0")
    heard: list[None] = []
    listening = asyncio.create_task(channel.listen(lambda: heard.append(None)))
    channel.announce()
    await asyncio.sleep(0.2)
    assert not listening.done()
    assert heard == []
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await channel.close()
