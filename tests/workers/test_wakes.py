"""Wake-ups through Redis: quick when it is there, harmless when it is not."""

import asyncio
import time
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from workers import main, wire
from workers.wakes import EmbeddedQueue, NullQueue, RedisQueue

pytestmark = pytest.mark.stores

NOBODY = "redis://127.0.0.1:1/0"


async def test_a_nudge_reaches_a_worker_in_another_process(redis_url: str) -> None:
    wakes, queue = EmbeddedQueue(), RedisQueue(redis_url)
    listener = asyncio.create_task(main.listen(redis_url, wakes))
    queue.nudge("fold_events")
    assert await wakes.wait("fold_events", 5)
    await queue.close()
    listener.cancel()
    with suppress(asyncio.CancelledError):
        await listener


async def test_every_nudge_is_followed_by_a_wake_up_that_began_after_it(
    redis_url: str,
) -> None:
    wakes, queue = EmbeddedQueue(), RedisQueue(redis_url)
    listener = asyncio.create_task(main.listen(redis_url, wakes))
    for _ in range(12):
        queue.nudge("fold_events")
        await asyncio.sleep(0.03)
        assert await wakes.wait("fold_events", 5)
    await queue.close()
    listener.cancel()
    with suppress(asyncio.CancelledError):
        await listener


async def test_a_burst_of_nudges_is_a_few_messages(redis_url: str) -> None:
    queue = RedisQueue(redis_url)
    for _ in range(500):
        queue.nudge("fold_events")
    await queue.close()
    async with Redis.from_url(redis_url) as redis:
        assert 1 <= await redis.zcard(wire.QUEUE_NAME) <= 3


async def test_a_message_is_json_that_names_a_task(redis_url: str) -> None:
    queue = RedisQueue(redis_url)
    queue.nudge("fold_events")
    await queue.close()
    async with Redis.from_url(redis_url) as redis:
        (key,) = await redis.keys("arq:job:*")
        message = wire.deserialise(await redis.get(key))
    assert message["a"] == ["fold_events"]
    assert message["f"] == wire.WAKE


async def test_the_age_is_that_of_the_oldest_message(redis_url: str) -> None:
    queue = RedisQueue(redis_url)
    assert await queue.age() == 0.0
    async with Redis.from_url(redis_url) as redis:
        await redis.zadd(wire.QUEUE_NAME, {"old": (time.time() - 60) * 1000})
    age = await queue.age()
    assert age is not None
    assert 59 < age < 65
    await queue.close()


async def test_without_redis_a_nudge_is_dropped_and_the_age_is_unknown() -> None:
    queue = RedisQueue(NOBODY)
    queue.nudge("fold_events")
    assert await queue.age() is None
    await queue.close()


async def test_a_worker_without_redis_keeps_trying() -> None:
    listener = asyncio.create_task(main.listen(NOBODY, EmbeddedQueue()))
    await asyncio.sleep(0.3)
    assert not listener.done()
    listener.cancel()
    with suppress(asyncio.CancelledError):
        await listener


async def test_nobody_needs_to_be_woken() -> None:
    queue = NullQueue()
    queue.nudge("anything")
    assert await queue.age() == 0.0
    await queue.close()
