"""Phases that share units -> whether the effect of one depends on the other."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from core.clock import now
from experiments.analysis.interactions import (
    Known,
    compare_pair,
    pairs_of,
    share_much,
)
from experiments.analysis.pairs import (
    adjust_pairs,
    known_pairs,
    overlapping_phases,
    record_pair,
)
from experiments.design import PhaseDesign
from experiments.freezing import design_of
from experiments.models import Phase
from workers.context import TaskContext
from workers.isolation import each

BATCH = 50
"""Pairs a run: each is a join of their units, and the next run goes on."""
NAME = "compare_overlaps"

Pair = tuple[UUID, UUID]


async def run(context: TaskContext) -> int:
    """Test the next pairs whose shared units have grown; returns how many were."""
    async with context.database.readers() as session:
        phases = await overlapping_phases(session, at=await now(session))
        known = await known_pairs(session, [phase.id for phase in phases])
    by_id = {phase.id: phase for phase in phases}
    designs = {phase.id: design_of(phase) for phase in phases}
    pairs = _next(context, pairs_of(list(designs.values())))

    async def test(pair: Pair) -> int:
        return await _test(context, pair, by_id, designs, known)

    return await each(pairs, test)


def _next(context: TaskContext, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """A batch of pairs, after those of the last run."""
    start = cast(int, context.memory.get(NAME, 0))
    if start >= len(pairs):
        start = 0
    context.memory[NAME] = start + BATCH
    return pairs[start : start + BATCH]


async def _test(
    context: TaskContext,
    pair: Pair,
    phases: Mapping[UUID, Phase],
    designs: Mapping[UUID, PhaseDesign],
    known: Mapping[Pair, Known],
) -> int:
    """Test both phases' primary metrics, where they share enough units."""
    if not share_much(await context.log.studies.overlap(*pair)):
        return 0
    done = 0
    for one, other in (pair, pair[::-1]):
        design = designs[one]
        cells = await context.log.studies.crossed(one, other, design.primary.metric_id)
        before = known.get((one, other), Known())
        found = compare_pair(design, designs[other], cells, before)
        if found is None:
            continue
        async with context.database.sessions.begin() as session:
            at = await now(session)
            await record_pair(
                session,
                phase=phases[one],
                other=phases[other],
                metric_key=design.primary.key,
                found=found,
                at=at,
            )
            await adjust_pairs(session, environment_id=design.environment_id, at=at)
        done += 1
    return done
