"""Comments that no rule has read -> suggested tags, each with its reason."""

from feedback import tags
from workers.context import TaskContext
from workers.isolation import Failures

BATCH = 100


async def run(context: TaskContext) -> int:
    """Let the rules read one batch."""
    async with context.database.sessions.begin() as session:
        comments = await tags.take_unread(session, limit=BATCH)
        failures = Failures()
        for comment in comments:
            comment_id = comment.id
            try:
                async with session.begin_nested():
                    await tags.suggest_tags(session, comment)
            except Exception as error:
                failures.note(comment_id, error)
    failures.raise_any()
    return len(comments)
