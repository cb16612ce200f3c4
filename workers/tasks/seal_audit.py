"""Audit rows -> links of each project's hash chain."""

from core import audit_chain
from workers.context import TaskContext


async def run(context: TaskContext) -> int:
    """Seal one batch; of two sealers at once, the second one's transaction fails."""
    async with context.database.sessions.begin() as session:
        return await audit_chain.seal(session)
