"""Accepted tags that cross a threshold -> insights."""

from feedback.distillation import cross_thresholds
from workers.context import TaskContext

BATCH = 500


async def run(context: TaskContext) -> int:
    """Weigh one batch of decided tags against the project's thresholds."""
    async with context.database.sessions.begin() as session:
        return await cross_thresholds(session, limit=BATCH)
