"""Ramps whose next step may begin -> more coverage, each step once."""

from uuid import UUID

from core.problems import StaleVersion
from experiments import service
from experiments.events.errors import UnknownPhase
from experiments.governance.queries import unfinished_ramps
from workers.context import TaskContext
from workers.isolation import each

BATCH = 200


async def run(context: TaskContext) -> int:
    """Look at every ramp that is under way; returns how many steps began."""
    begun, after = 0, None
    while True:
        async with context.database.readers() as session:
            page = await unfinished_ramps(session, after=after, limit=BATCH)

        async def advance(phase_id: UUID) -> int:
            return int(await _advance(context, phase_id))

        begun += await each(page, advance)
        if len(page) < BATCH:
            return begun
        after = page[-1]


async def _advance(context: TaskContext, phase_id: UUID) -> bool:
    try:
        state = await context.log.phase_state(phase_id)
    except UnknownPhase:
        # It has begun and is yet to be published: nobody was exposed.
        exposed = 0
    else:
        exposed = sum(state.exposed.values())
    try:
        async with context.database.sessions.begin() as session:
            return await service.advance(session, phase_id=phase_id, exposed=exposed)
    except StaleVersion:
        # Somebody changed it meanwhile; the next round looks at it anew.
        return False
