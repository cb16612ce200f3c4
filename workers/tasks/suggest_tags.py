"""Comments that no rule has read -> suggested tags, each with its reason."""

from feedback import tags
from workers.context import TaskContext
from workers.isolation import apart

BATCH = 100


async def run(context: TaskContext) -> int:
    """Let the rules read one batch."""
    async with context.database.sessions.begin() as session:
        comments = await tags.take_unread(session, limit=BATCH)
        rows = [(each.id, each) for each in comments]
        _, failures = await apart(session, rows, tags.suggest_tags)
    failures.raise_any()
    return len(comments)
