"""Shipped variants 14, 30 and 90 days on -> what they are still worth, in the memo."""

from uuid import UUID

from core.clock import now
from experiments.service import remeasuring
from experiments.shipping.queries import due_remeasurements
from workers.context import TaskContext
from workers.isolation import each

BATCH = 20


async def run(context: TaskContext) -> int:
    """Measure what is due, once; what was missed is measured as soon as it can be."""
    async with context.database.readers() as session:
        rows = await due_remeasurements(session, at=await now(session), limit=BATCH)

    async def measure(row_id: UUID) -> int:
        async with context.database.readers() as session:
            wanted = await remeasuring.due(session, row_id)
        found = await remeasuring.measured(context.log, wanted)
        if found is None:
            return 0
        async with context.database.sessions.begin() as session:
            return int(await remeasuring.write_down(session, row_id, found))

    return await each(rows, measure)
