"""The exact state of each phase -> its look when due, and the snapshot shown."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from core.audit import WORKER
from core.clock import now
from experiments import queries
from experiments.analysis import service as analysis
from experiments.analysis.handoff import shown_watermarks
from experiments.design import MetricDesign, PhaseDesign
from experiments.events.state import PhaseState
from experiments.freezing import design_of
from experiments.models import Phase
from experiments.service import fix_cap
from workers.context import TaskContext
from workers.isolation import each

BATCH = 500
NAME = "analyse_experiments"
STRAGGLING = timedelta(days=30)
"""How long after its last window closed a phase is still read again."""


async def run(context: TaskContext) -> int:
    """Refresh one page of phases if the log or a phase moved; returns how many it did.

    Rounds go through all phases by id, a page a run, so that none waits for ever. What
    this process remembers of them only saves work: from the same inputs comes the same
    snapshot row.
    """
    async with context.database.readers() as session:
        published = await queries.publications(session)
    health = await context.log.health()
    moved = (health.position, health.last_fold_at, published)
    seen, after = _remembered(context)
    if after is None:
        if seen == moved:
            return 0
        seen = moved
    done, last = 0, False
    while not (done or last):
        async with context.database.readers() as session:
            page = await queries.published_phases(session, after=after, limit=BATCH)
            shown = await shown_watermarks(session, [phase.id for phase in page])
        last = len(page) < BATCH
        after = None if last else page[-1].id
        # Until the page is done, this round has seen nothing: it is begun again.
        context.memory[NAME] = (None, after)
        done = await _refresh_all(context, page, shown)
        context.memory[NAME] = (seen, after)
    return done


def _remembered(context: TaskContext) -> tuple[Hashable, UUID | None]:
    return cast(tuple[Hashable, UUID | None], context.memory.get(NAME, (None, None)))


async def _refresh_all(
    context: TaskContext, page: Sequence[Phase], shown: Mapping[UUID, datetime]
) -> int:
    phases = {phase.id: phase for phase in page}

    async def refresh(phase_id: UUID) -> int:
        phase = phases[phase_id]
        if is_final(phase, shown.get(phase_id)):
            return 0
        return await _refresh(context, phase)

    return await each(phases, refresh)


def is_final(phase: Phase, shown: datetime | None) -> bool:
    """Whether what a phase shows can no longer change.

    The phase is over and was read long after the last window of its last unit closed.
    """
    if phase.ended_at is None or shown is None:
        return False
    longest = max(m.closes_after for m in design_of(phase).metrics)
    return shown >= phase.ended_at + longest + STRAGGLING


async def _refresh(context: TaskContext, phase: Phase) -> int:
    design = design_of(phase)
    state = await context.log.phase_state(phase.id)
    if state.rebuilding or (design.finished_import and state.backlog):
        return 0
    uncapped = [m for m in design.metrics if m.cap is None and m.cap_quantile]
    if uncapped:
        return await _fix_caps(context, phase, design, uncapped, state)
    async with context.database.sessions.begin() as session:
        await analysis.analyse(
            session,
            design=design,
            state=state,
            experiment_id=phase.experiment_id,
            project_id=phase.project_id,
            now=await now(session),
        )
    return 1


async def _fix_caps(
    context: TaskContext,
    phase: Phase,
    design: PhaseDesign,
    uncapped: list[MetricDesign],
    state: PhaseState,
) -> int:
    """Read an import's caps from its own units, once they are all there.

    Until then the phase is not analysed: a look without them would be another look.
    """
    if not design.finished_import or any(m.maturing for m in state.metrics):
        return 0
    for metric in uncapped:
        cap = await context.log.unit_total_quantile(
            phase.id, metric.metric_id, metric.cap_quantile or 1.0
        )
        async with context.database.sessions.begin() as session:
            await fix_cap(
                session,
                environment_id=phase.environment_id,
                phase_id=phase.id,
                metric_id=metric.metric_id,
                cap=cap,
                actor=WORKER,
            )
    context.queue.nudge("publish_phases")
    return len(uncapped)
