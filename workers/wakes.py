"""Wake-ups for background tasks: they make work sooner and are never needed."""

import asyncio
import math
import time
from contextlib import suppress
from typing import Any, Protocol

from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

from workers import wire

BUCKET_SECONDS = 0.1
"""Nudges of one task inside one bucket become one message."""

REDIS_PATIENCE_SECONDS = 2.0


class Queue(Protocol):
    """How a commit tells the workers that there is something to do."""

    def nudge(self, task: str) -> None:
        """Ask for a task to run soon. Never blocks and never fails."""

    async def age(self) -> float | None:
        """Seconds that the oldest wake-up has waited; None if nobody can say."""

    async def close(self) -> None:
        """Let go of connections."""


class NullQueue:
    """Nobody is woken: the sweeps find everything."""

    def nudge(self, task: str) -> None:
        """Do nothing."""

    async def age(self) -> float | None:
        """Report that nothing waits."""
        return 0.0

    async def close(self) -> None:
        """Do nothing."""


class EmbeddedQueue:
    """Wake-ups inside one process, consumed by the supervisor in the same loop."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._since: dict[str, float] = {}

    def nudge(self, task: str) -> None:
        """Wake the task's loop."""
        self._since.setdefault(task, time.monotonic())
        self._event(task).set()

    async def wait(self, task: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait for a nudge, at most `timeout` seconds; say whether one came."""
        event = self._event(task)
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), timeout)
        nudged = event.is_set()
        event.clear()
        self._since.pop(task, None)
        return nudged

    async def age(self) -> float | None:
        """Seconds since the oldest nudge that no loop has taken."""
        if not self._since:
            return 0.0
        return time.monotonic() - min(self._since.values())

    async def close(self) -> None:
        """Do nothing."""

    def _event(self, task: str) -> asyncio.Event:
        return self._events.setdefault(task, asyncio.Event())


class RedisQueue:
    """Wake-ups through arq. With Redis away a nudge is dropped, not raised."""

    def __init__(self, url: str) -> None:
        self._settings = redis_settings(url)
        self._pool: ArqRedis | None = None
        self._connecting = asyncio.Lock()
        self._sending: dict[str, asyncio.Task[None]] = {}

    def nudge(self, task: str) -> None:
        """Send one message for this task and bucket, in the background."""
        bucket = math.floor(time.time() / BUCKET_SECONDS)
        name = f"{task}:{bucket}"
        if name not in self._sending:
            self._sending[name] = asyncio.ensure_future(self._send(task, name))
            self._sending[name].add_done_callback(
                lambda _: self._sending.pop(name, None)
            )

    async def age(self) -> float | None:
        """Seconds since the oldest message was due; None if Redis is away."""
        try:
            async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
                pool = await self._connected()
                oldest: list[Any] = await pool.zrange(
                    wire.QUEUE_NAME, 0, 0, withscores=True
                )
        except (RedisError, OSError, TimeoutError):
            return None
        if not oldest:
            return 0.0
        return max(0.0, time.time() - float(oldest[0][1]) / 1000)

    async def close(self) -> None:
        """Let nudges that are under way finish, then disconnect."""
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=REDIS_PATIENCE_SECONDS)
        if self._pool is not None:
            await self._pool.aclose(close_connection_pool=True)
            self._pool = None

    async def _send(self, task: str, job_id: str) -> None:
        # The message becomes due when its bucket is over: arq refuses an id that is
        # already running, so starting earlier would lose the bucket's later nudges.
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
                pool = await self._connected()
                await pool.enqueue_job(
                    wire.WAKE, task, _job_id=job_id, _defer_by=BUCKET_SECONDS
                )

    async def _connected(self) -> ArqRedis:
        async with self._connecting:
            if self._pool is None:
                self._pool = await create_pool(
                    self._settings,
                    default_queue_name=wire.QUEUE_NAME,
                    job_serializer=wire.serialise,
                    job_deserializer=wire.deserialise,
                )
        return self._pool


def redis_settings(url: str) -> RedisSettings:
    """Read a redis:// URL; connecting fails fast, for the caller has its own retry."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_retries = 0
    settings.conn_timeout = 1
    return settings
