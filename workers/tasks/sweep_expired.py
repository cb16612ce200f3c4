"""Old claims, links, sessions, messages and snapshots that said nothing new -> gone."""

from datetime import timedelta

from core import delivery, idempotency, signin
from core.clock import now
from experiments.analysis.retention import thin_out
from workers.context import TaskContext

SNAPSHOTS_KEPT = timedelta(days=1)
BATCH = 500


async def run(context: TaskContext) -> int:
    """Drop one batch of each kind that has expired, in short transactions."""
    dropped = 0
    for forget in (
        idempotency.forget_old,
        signin.forget_expired,
        delivery.forget_delivered,
    ):
        async with context.database.sessions.begin() as session:
            dropped += await forget(session, limit=BATCH)
    async with context.database.sessions.begin() as session:
        before = await now(session) - SNAPSHOTS_KEPT
        return dropped + await thin_out(session, before=before, limit=BATCH)
