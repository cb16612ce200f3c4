"""The exact state of each phase -> its looks when due, and the snapshot shown."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias, cast
from uuid import UUID

from core.audit import WORKER
from core.clock import now
from experiments import queries
from experiments.analysis import service as analysis
from experiments.analysis.clocks import Clocked, attend
from experiments.analysis.handoff import shown_watermarks
from experiments.analysis.rows import Inputs
from experiments.analysis.shown import show_fresher
from experiments.design import MetricDesign, PhaseDesign
from experiments.events.state import PhaseState, Standing
from experiments.freezing import design_of
from experiments.models import Phase
from experiments.service import fix_cap
from workers import looking, studies
from workers.context import TaskContext
from workers.cuts import due_cuts
from workers.isolation import Failures, each
from workers.quiet import final_from, freshened, quiet_after, remembered

BATCH = 500
PATIENCE = timedelta(hours=2)
"""How long after its cut a failing phase may hold its environment."""
NAME = "analyse_experiments"
TOGETHER = 25
"""Phases that share a transaction."""

Page: TypeAlias = Sequence[tuple[UUID, UUID, int]]
"""Id, environment and version of phases."""

logger = logging.getLogger("hone.workers")


async def run(context: TaskContext) -> int:
    """Take the looks that are due, and refresh one page of phases if something moved.

    Rounds go through all phases by id, a page a run, so that none waits for ever. What
    this process remembers of them only saves work: from the same inputs comes the same
    snapshot row.
    """
    attended = await attend_cuts(context)
    async with context.database.readers() as session:
        published = await queries.publications(session)
    health = await context.log.health()
    moved = (health.position, health.last_fold_at, published)
    seen, after = _begun(context)
    if after is None:
        if seen == moved:
            return attended
        seen = moved
    done, last = 0, False
    while not (done or last):
        async with context.database.readers() as session:
            page = await queries.published_phases(session, after=after, limit=BATCH)
        last = len(page) < BATCH
        after = None if last else page[-1][0]
        # Until the page is done, this round has seen nothing: it is begun again.
        context.memory[NAME] = (None, after)
        done = await _refresh_all(context, page)
        context.memory[NAME] = (seen, after)
    return attended + done


def _begun(context: TaskContext) -> tuple[Hashable, UUID | None]:
    return cast(tuple[Hashable, UUID | None], context.memory.get(NAME, (None, None)))


async def _refresh_all(context: TaskContext, page: Page) -> int:
    """Analyse what moved on one page; the rest only says until when it holds."""
    ids = [phase_id for phase_id, _, _ in page]
    # Read before the states: a phase that moves in between is analysed once more.
    standings = await context.log.standings(ids)
    known = remembered(context)
    still = {
        phase_id: standings[phase_id]
        for phase_id, _, version in page
        if phase_id in standings
        and phase_id in known
        and known[phase_id].holds(version, standings[phase_id])
    }
    fresher = freshened(known, still)
    if fresher:
        async with context.database.sessions.begin() as session:
            for standing, phase_ids in fresher.items():
                await show_fresher(session, phase_ids, standing=standing)
    return await _analyse_moved(
        context, [phase_id for phase_id in ids if phase_id not in still], standings
    )


async def _analyse_moved(
    context: TaskContext, ids: Sequence[UUID], standings: Mapping[UUID, Standing]
) -> int:
    """A few phases at once; one by one what cannot be, or what fails."""
    done, alone = 0, dict[UUID, Phase]()
    for start in range(0, len(ids), TOGETHER):
        async with context.database.readers() as session:
            found = await queries.phases_by_ids(session, ids[start : start + TOGETHER])
            shown = await shown_watermarks(session, [phase.id for phase in found])
        phases = {phase.id: phase for phase in found}
        for phase_id, phase in list(phases.items()):
            if is_final(phase, shown.get(phase_id)):
                _remember(context, phases.pop(phase_id), standings, final=True)
        try:
            settled = await _refresh_together(context, phases)
        except Exception:
            logger.warning("phases are analysed one by one", exc_info=True)
            settled = {}
        for phase_id, analysed in settled.items():
            phase = phases.pop(phase_id)
            if analysed:
                done += 1
                _remember(context, phase, standings)
        alone |= phases

    async def refresh(phase_id: UUID) -> int:
        phase = alone[phase_id]
        if await _refresh(context, phase):
            _remember(context, phase, standings)
            return 1
        return await _fix_caps(context, phase)

    return done + await each(alone, refresh)


def _remember(
    context: TaskContext,
    phase: Phase,
    standings: Mapping[UUID, Standing],
    *,
    final: bool = False,
) -> None:
    if phase.id in standings:
        remembered(context)[phase.id] = quiet_after(
            design_of(phase), phase.version, standings[phase.id], final=final
        )


def is_final(phase: Phase, shown: datetime | None) -> bool:
    """Whether what a phase shows can no longer change."""
    if phase.ended_at is None or shown is None:
        return False
    since = final_from(design_of(phase))
    return since is not None and shown >= since


async def _refresh_together(
    context: TaskContext, phases: Mapping[UUID, Phase]
) -> dict[UUID, bool]:
    """Of each phase that is done with whether it was analysed: some have to wait."""
    states = await context.log.phase_states(list(phases))
    settled, inputs = dict[UUID, bool](), list[Inputs]()
    async with context.database.readers() as session:
        at = await now(session)
    for phase_id, state in states.items():
        phase = phases[phase_id]
        design = design_of(phase)
        if _waits(design, state):
            settled[phase_id] = False
        elif not _uncapped(design):
            slices = await studies.slices_of(context, design, state)
            ids = phase.project_id, phase.experiment_id
            inputs.append(Inputs(*ids, design, state, at, slices=slices))
    if inputs:
        async with context.database.sessions.begin() as session:
            done = await analysis.analyse_many(session, inputs)
        settled |= dict.fromkeys(done, True)
    return settled


async def _refresh(context: TaskContext, phase: Phase) -> bool:
    """Whether one phase was analysed."""
    design = design_of(phase)
    state = await context.log.phase_state(phase.id)
    if _waits(design, state) or _uncapped(design):
        return False
    known = Clocked(phase.project_id, phase.experiment_id, design)
    await looking.analyse(context, [(known, state)])
    return True


def _waits(design: PhaseDesign, state: PhaseState) -> bool:
    return state.rebuilding or bool(design.finished_import and state.backlog)


def _uncapped(design: PhaseDesign) -> list[MetricDesign]:
    return [m for m in design.metrics if m.cap is None and m.cap_quantile]


async def attend_cuts(context: TaskContext) -> int:
    """Take the looks of each environment whose watermark stands at a due cut.

    An environment is done with a cut when every phase was looked at; one that keeps
    failing holds the others for a while, and then misses its look.
    """
    done, failures = 0, Failures()
    lag = timedelta(seconds=context.settings.watermark_lag_seconds)
    for environment_id, due in (await due_cuts(context, behind=lag)).items():
        taken = await looking.take(context, due, failures)
        done += taken.done
        if taken.waits or (taken.failed and due.now <= due.cut + PATIENCE):
            continue
        async with context.database.sessions.begin() as session:
            at = await now(session)
            await attend(session, environment_id=environment_id, cut=due.cut, now=at)
        context.queue.nudge("fold_events")
    failures.raise_any()
    return done


async def _fix_caps(context: TaskContext, phase: Phase) -> int:
    """Read an import's caps from its own units, once they are all there.

    Until then the phase is not analysed: a look without them would be another look.
    """
    design = design_of(phase)
    uncapped = _uncapped(design)
    if not uncapped or not design.finished_import:
        return 0
    state = await context.log.phase_state(phase.id)
    if _waits(design, state) or any(m.maturing for m in state.metrics):
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
