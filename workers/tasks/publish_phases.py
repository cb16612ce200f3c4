"""Phases whose design or state changed -> the event log's own copy."""

from uuid import UUID

from core.clock import now
from experiments import queries, service
from experiments.freezing import design_of
from workers.context import TaskContext
from workers.isolation import each

BATCH = 50


async def run(context: TaskContext) -> int:
    """Publish one batch; a repeat finds that the log knows the design already."""
    async with context.database.readers() as session:
        rows = await queries.unpublished_phases(session, limit=BATCH)
    phases = {phase.id: phase for phase in rows}

    async def publish(phase_id: UUID) -> int:
        phase = phases[phase_id]
        await context.log.publish_phase(design_of(phase))
        async with context.database.sessions.begin() as session:
            await service.mark_published(
                session, phase_id=phase.id, version=phase.version, at=await now(session)
            )
        return 1

    return await each(phases, publish)
