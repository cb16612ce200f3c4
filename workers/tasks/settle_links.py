"""Anonymous ids that became users -> the event log, and the variants that they keep."""

from core.links import mark_settled, unsettled
from experiments.service.linking import settle
from workers.context import TaskContext

BATCH = 200


async def run(context: TaskContext) -> int:
    """Settle one batch, then stamp it; returns how many still stood as they were read.

    No transaction spans both stores: a crash in between settles them once more, to the
    same rows.
    """
    async with context.database.readers() as session:
        links = await unsettled(session, limit=BATCH)
    if not links:
        return 0
    await settle(context.database, context.log, links)
    async with context.database.sessions.begin() as session:
        return await mark_settled(session, links)
