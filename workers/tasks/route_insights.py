"""Insights that no rule has looked at -> backlog items, one for each topic and rule."""

from feedback import backlog
from workers.context import TaskContext
from workers.isolation import Failures

BATCH = 50


async def run(context: TaskContext) -> int:
    """Route one batch."""
    async with context.database.sessions.begin() as session:
        insights = await backlog.take_unrouted(session, limit=BATCH)
        failures = Failures()
        for insight in insights:
            insight_id = insight.id
            try:
                async with session.begin_nested():
                    await backlog.route(session, insight)
            except Exception as error:
                failures.note(insight_id, error)
    failures.raise_any()
    return len(insights)
