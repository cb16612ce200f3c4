"""Everything that is undone now, done before returning: for seeding and for tests."""

from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog
from workers.arrows import ARROWS
from workers.context import TaskContext, outbound
from workers.wakes import EmbeddedQueue


async def settle(database: Database, log: EventLog, settings: Settings) -> int:
    """Run every task until none finds anything; returns how much was handled."""
    async with outbound(settings) as http:
        context = TaskContext(database, log, settings, EmbeddedQueue(), http)
        total = 0
        while handled := await run_round(context):
            total += handled
        return total


async def run_round(context: TaskContext) -> int:
    """Run each task until it finds nothing, in the order of the loop."""
    total = 0
    for arrow in ARROWS:
        while handled := await arrow.run(context):
            total += handled
    return total
