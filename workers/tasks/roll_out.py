"""Rollouts whose next step is due -> more units with the shipped variant."""

from uuid import UUID

from core.clock import now
from experiments import service
from experiments.shipping.queries import due_rollouts
from workers.context import TaskContext
from workers.isolation import each

BATCH = 50


async def run(context: TaskContext) -> int:
    """Take each step that is due; of two workers one does, and a late one counts once.

    After an outage a rollout takes one step, and holds it for its full time.
    """
    async with context.database.readers() as session:
        due = await due_rollouts(session, at=await now(session), limit=BATCH)

    async def advance(experiment_id: UUID) -> int:
        async with context.database.sessions.begin() as session:
            return int(await service.advance_if_due(session, experiment_id))

    return await each(due, advance)
