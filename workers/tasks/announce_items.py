"""New backlog items -> delivery rows, one for each receiver that listens."""

from core import delivery
from feedback import backlog
from workers.context import TaskContext

BATCH = 50


async def run(context: TaskContext) -> int:
    """Write the messages of one batch of items."""
    async with context.database.sessions.begin() as session:
        items = await backlog.take_unannounced(session, limit=BATCH)
        for item in items:
            await delivery.enqueue(
                session,
                project_id=item.project_id,
                kind=backlog.ANNOUNCED,
                source_id=item.id,
                payload=await backlog.announcement(session, item),
            )
        await backlog.mark_announced(session, [item.id for item in items])
    return len(items)
