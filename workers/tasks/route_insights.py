"""Insights that no rule has looked at -> backlog items, one for each topic and rule."""

from feedback import backlog
from workers.context import TaskContext
from workers.isolation import apart

BATCH = 50


async def run(context: TaskContext) -> int:
    """Route one batch."""
    async with context.database.sessions.begin() as session:
        insights = await backlog.take_unrouted(session, limit=BATCH)
        rows = [(each.id, each) for each in insights]
        _, failures = await apart(session, rows, backlog.route)
    failures.raise_any()
    return len(insights)
