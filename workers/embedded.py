"""The same tasks inside the server's process: no Redis and no second process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog
from workers.context import TaskContext, outbound
from workers.supervisor import Supervisor
from workers.wakes import EmbeddedQueue


@asynccontextmanager
async def embedded(
    database: Database, log: EventLog, settings: Settings
) -> AsyncIterator[EmbeddedQueue]:
    """Run every task for as long as the block lasts; yields the queue to nudge."""
    wakes = EmbeddedQueue()
    async with outbound(settings) as http:
        supervisor = Supervisor(
            TaskContext(database, log, settings, wakes, http), wakes
        )
        supervisor.start()
        try:
            yield wakes
        finally:
            await supervisor.stop()
