"""The state of each live phase, recomputed from its raw events -> equal, or rebuilt."""

import logging
from typing import cast
from uuid import UUID

from core.clock import now
from experiments.state_audits import queries, service
from workers.context import TaskContext
from workers.isolation import each

NAME = "audit_state"
BATCH = 5
"""Phases a run: each is a replay of all its events, and the next run goes on."""

logger = logging.getLogger("hone.workers")


async def run(context: TaskContext) -> int:
    """Audit the next phases that nobody audited for a day.

    Rounds go through the due phases by id, so that one which fails keeps none waiting.
    A phase that waits for its rebuild is left for the next round: its sums are known
    to be those of an earlier design.
    """
    async with context.database.readers() as session:
        due = await queries.due_phases(
            session,
            at=await now(session),
            after=cast(UUID | None, context.memory.get(NAME)),
            limit=BATCH,
        )
    context.memory[NAME] = due[-1].id if len(due) == BATCH else None
    phases = {phase.id: phase for phase in due}

    async def audit(phase_id: UUID) -> int:
        states = await context.log.studies.both_states(phase_id)
        if states.folded.rebuilding:
            return 0
        async with context.database.sessions.begin() as session:
            found = await service.record_audit(
                session, phase=phases[phase_id], states=states, at=await now(session)
            )
        if found.equal is False:
            logger.warning(
                "the state of phase %s differs from its events at position %s: %s",
                phase_id,
                found.position,
                ", ".join(found.differences),
            )
            await context.log.studies.doubt(phase_id)
            context.queue.nudge("fold_events")
        return 1

    return await each(phases, audit)
