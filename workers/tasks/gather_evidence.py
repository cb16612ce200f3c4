"""Drafts that changed, or were looked at a day ago -> evidence of launch readiness."""

import asyncio
from collections.abc import Mapping
from typing import cast
from uuid import UUID

from core.clock import now
from core.problems import Problem
from core.tenancy import Environment
from experiments import queries
from experiments.drafts import Draft
from experiments.readiness.evidence import gathered_evidence
from experiments.readiness.items import Found, ItemCode
from experiments.readiness.rehearsals import SHUFFLES, SPLITS
from experiments.readiness.seeing import seen_by
from experiments.readiness.situation import fingerprint
from experiments.service import gathering
from workers.context import TaskContext
from workers.isolation import each

NAME = "gather_evidence"
BATCH = 20


async def run(
    context: TaskContext, *, splits: int = SPLITS, shuffles: int = SHUFFLES
) -> int:
    """Look at one page of drafts; returns how many were tried out.

    Rounds go through all drafts by id, a page a run. Whatever is found replaces what
    was known of the same draft and environment, so a repeat changes nothing.
    """
    after = cast(UUID | None, context.memory.get(NAME))
    async with context.database.readers() as session:
        page = await gathering.prepared_drafts(session, after=after, limit=BATCH)
        drafts = await queries.drafts_of(session, page)
        places = await gathering.environments_of(
            session, sorted({row.project_id for row in page})
        )
    context.memory[NAME] = page[-1].id if len(page) == BATCH else None
    pairs = {
        (draft.experiment.id, place.id): (draft, place)
        for draft in drafts.values()
        for place in places[draft.experiment.project_id]
    }

    async def gather(pair: tuple[UUID, UUID]) -> int:
        return await _gather(context, *pairs[pair], splits, shuffles)

    return await each(pairs, gather)


async def _gather(
    context: TaskContext, draft: Draft, place: Environment, *sizes: int
) -> int:
    """Try a draft out, unless that was done, or nothing ever happened there."""
    async with context.database.readers() as session:
        if not await gathering.is_due(session, draft, place.id):
            return 0
    if not place.production and not await context.log.count(place.id):
        return 0
    async with context.database.readers() as session:
        at = await now(session)
    found = await _tried(context, draft, place.id, *sizes)
    async with context.database.sessions.begin() as session:
        await gathering.record_evidence(
            session,
            experiment_id=draft.experiment.id,
            environment_id=place.id,
            design=fingerprint(draft),
            found=found,
            at=at,
        )
    return 1


async def _tried(
    context: TaskContext, draft: Draft, environment_id: UUID, splits: int, shuffles: int
) -> Mapping[ItemCode, Found]:
    """What comes out of trying, or why there is nothing to try."""
    if lacking := gathering.unready(draft):
        return gathering.unfinished(f"The draft is not whole yet: {lacking[0]}.")
    try:
        async with context.database.readers() as session:
            situation = await gathering.situation_of(session, draft, environment_id)
    except Problem as problem:
        return gathering.unfinished(problem.message)
    seen = await seen_by(context.log.studies, situation)
    return await asyncio.to_thread(
        gathered_evidence, situation, seen, splits=splits, shuffles=shuffles
    )
