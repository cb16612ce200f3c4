"""Scheduled starts whose instant has come -> running experiments, each once."""

from uuid import UUID

from core.clock import now
from experiments import service
from experiments.governance.queries import due_schedules
from workers.context import TaskContext
from workers.isolation import each

BATCH = 50


async def run(context: TaskContext) -> int:
    """Start one batch; of several workers the database lets one settle each row.

    A tick that was missed is caught up with: whatever is due and unsettled starts now.
    """
    async with context.database.readers() as session:
        due = await due_schedules(session, at=await now(session), limit=BATCH)

    async def start(schedule_id: UUID) -> int:
        async with context.database.sessions.begin() as session:
            return int(await service.start_scheduled(session, schedule_id))

    return await each(due, start)
