"""The separate worker process: the same tasks, woken through Redis by arq."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from arq.connections import create_pool
from arq.worker import Worker, func
from redis.exceptions import RedisError

from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from workers import wire
from workers.context import TaskContext, outbound
from workers.supervisor import DRAIN_SECONDS, Supervisor
from workers.wakes import EmbeddedQueue, redis_settings

logger = logging.getLogger("hone.workers")

POLL_SECONDS = 0.1
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 5.0


class SeparateWorkerRefused(Exception):
    """An embedded event log has one process; a worker of its own needs PostgreSQL."""


async def wake(ctx: dict[Any, Any], *tasks: str, **_: object) -> None:
    """Pass a message on to the supervisor, which runs the task in this process."""
    wakes: EmbeddedQueue = ctx["wakes"]
    for task in tasks:
        wakes.nudge(task)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run every task until told to stop.

    Raises:
        SeparateWorkerRefused: The event log is a DuckDB file.
    """
    if settings.embedded:
        raise SeparateWorkerRefused(
            "A DuckDB event log belongs to the server's process. For a worker of its "
            "own, set EVENTS_URL to a PostgreSQL database."
        )
    wakes = EmbeddedQueue()
    async with _context(settings, wakes) as context:
        supervisor = Supervisor(context, wakes)
        supervisor.start()
        listener = asyncio.create_task(listen(settings.redis_url, wakes))
        await stop.wait()
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        await supervisor.stop()


@asynccontextmanager
async def _context(
    settings: Settings, wakes: EmbeddedQueue
) -> AsyncIterator[TaskContext]:
    database = Database(settings.facts_url)
    log = open_log(
        settings.log_url, lag=timedelta(seconds=settings.watermark_lag_seconds)
    )
    http = outbound(settings)
    try:
        await log.open()
        yield TaskContext(database, log, settings, wakes, http)
    finally:
        await http.close()
        await log.close()
        await database.dispose()


async def listen(url: str, wakes: EmbeddedQueue) -> None:
    """Take wake-ups from Redis, whenever there is one. Without, sweeps go on."""
    wait = FIRST_RETRY_SECONDS
    while url:
        try:
            await _serve(url, wakes)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("No wake-ups (%s); sweeping on", type(error).__name__)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LAST_RETRY_SECONDS)


async def _serve(url: str, wakes: EmbeddedQueue) -> None:
    pool = await create_pool(
        redis_settings(url),
        default_queue_name=wire.QUEUE_NAME,
        job_serializer=wire.serialise,
        job_deserializer=wire.deserialise,
    )
    worker = Worker(
        [func(wake, name=wire.WAKE, keep_result=0, max_tries=1)],
        queue_name=wire.QUEUE_NAME,
        redis_pool=pool,
        ctx={"wakes": wakes},
        handle_signals=False,
        job_completion_wait=int(DRAIN_SECONDS),
        keep_result=0,
        max_tries=1,
        poll_delay=POLL_SECONDS,
        job_serializer=wire.serialise,
        job_deserializer=wire.deserialise,
        log_results=False,
    )
    try:
        await worker.async_run()
    finally:
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        with suppress(RedisError, OSError):
            await pool.aclose(close_connection_pool=True)
