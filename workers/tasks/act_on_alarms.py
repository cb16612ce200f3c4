"""Alarms of current snapshots -> what their guardrails ask for, each once."""

from collections.abc import Hashable
from typing import cast
from uuid import UUID

from experiments import service
from experiments.governance.queries import live_snapshots
from workers.context import TaskContext
from workers.isolation import each

BATCH = 500
NAME = "act_on_alarms"


async def run(context: TaskContext) -> int:
    """Read the snapshots that phases under way show; returns how many alarms rang.

    What this process remembers of them only saves reading one twice: an alarm that
    was acted on is a row.
    """
    seen = cast(frozenset[UUID], context.memory.get(NAME, frozenset()))
    rang, after, shown = 0, None, set[UUID]()
    while True:
        async with context.database.readers() as session:
            page = await live_snapshots(session, after=after, limit=BATCH)
        new = {phase: snapshot for phase, snapshot in page if snapshot not in seen}

        async def act(phase_id: UUID) -> int:
            async with context.database.sessions.begin() as session:
                return await service.act_on_alarms(session, phase_id)

        rang += await each(new, act)
        shown |= {snapshot for _, snapshot in page}
        if len(page) < BATCH:
            break
        after = page[-1][0]
    context.memory[NAME] = cast(Hashable, frozenset(shown))
    return rang
