"""Looks at a due cut, many at a time: the watermark waits until all were taken."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.clock import now
from core.database import AsyncSession
from experiments.analysis import service as analysis
from experiments.analysis.before import before_of
from experiments.analysis.clocks import Clocked
from experiments.analysis.looks import due_look
from experiments.analysis.rows import Inputs
from experiments.analysis.series import Studied
from experiments.events.errors import UnknownPhase
from experiments.events.state import PhaseState
from workers import studies
from workers.context import TaskContext
from workers.cuts import Due
from workers.isolation import Failures
from workers.studies import ToStudy, Visits

TOGETHER = 10
"""Phases that share their reads and a transaction: other writers wait for it."""

logger = logging.getLogger("hone.workers")


@dataclass(slots=True)
class Taken:
    """What became of the looks at one cut."""

    done: int = 0
    waits: bool = False
    """Whether the log has not come to the cut with some phase yet."""
    failed: bool = False


async def take(context: TaskContext, due: Due, failures: Failures) -> Taken:
    """Take the looks of one environment's cut; one phase's failure stops no other."""
    taken = Taken()
    visits = Visits(context, (phase.design for phase in due.phases), due.cut)
    for start in range(0, len(due.phases), TOGETHER):
        phases = due.phases[start : start + TOGETHER]
        try:
            await _take(context, phases, due.cut, visits, taken)
        except Exception:
            logger.warning("looks are taken one by one", exc_info=True)
            for phase in phases:
                try:
                    await _take(context, [phase], due.cut, visits, taken)
                except Exception as error:
                    failures.note(phase.design.phase_id, error)
                    taken.failed = True
    return taken


async def _take(
    context: TaskContext,
    phases: Sequence[Clocked],
    cut: datetime,
    visits: Visits,
    taken: Taken,
) -> None:
    ids = [phase.design.phase_id for phase in phases]
    states = await context.log.phase_states(ids)
    if missing := set(ids) - states.keys():
        raise UnknownPhase(min(missing))
    at_cut, waits = [], False
    for phase in phases:
        state = states[phase.design.phase_id]
        if state.rebuilding or state.watermark < cut:
            waits = True
        elif state.watermark == cut:
            at_cut.append((phase, state))
    await analyse(context, at_cut, cut=cut, visits=visits)
    taken.done += len(at_cut)
    taken.waits = taken.waits or waits


async def analyse(
    context: TaskContext,
    phases: Sequence[tuple[Clocked, PhaseState]],
    *,
    cut: datetime | None = None,
    visits: Visits | None = None,
) -> None:
    """Take the looks that are due at these states, and publish what they say.

    Args:
        context: The stores.
        phases: Phases of one environment; of one watermark, if there are several.
        cut: The scheduled instant that the states are at, if they are at one.
        visits: Who was seen by then; None reads it for these phases alone.
    """
    looks = await _due(context, phases, cut)
    found: dict[UUID, Studied] = {}
    if looks:
        if visits is None:
            until = phases[0][1].watermark
            visits = Visits(context, (phase.design for phase, _ in phases), until)
        all_studied = await studies.studied(context, list(looks.values()), visits)
        found = dict(zip(looks, all_studied, strict=True))
    inputs = []
    async with context.database.readers() as session:
        at = await now(session)
    for phase, state in phases:
        design = phase.design
        inputs.append(
            Inputs(
                phase.project_id,
                phase.experiment_id,
                design,
                state,
                at,
                cut=cut,
                measured=await studies.measured(context, design, state)
                if design.phase_id in looks
                else {},
                studied=found.get(design.phase_id),
                slices=await studies.slices_of(context, design, state),
            )
        )
    async with context.database.sessions.begin() as session:
        if len(inputs) == 1:
            await _publish(session, inputs[0])
        else:
            await analysis.analyse_many(session, inputs, looks=True)


async def _publish(session: AsyncSession, inputs: Inputs) -> None:
    """One alone, which another worker may publish at the same moment."""
    await analysis.analyse(
        session,
        design=inputs.design,
        state=inputs.state,
        experiment_id=inputs.experiment_id,
        project_id=inputs.project_id,
        now=inputs.now,
        cut=inputs.cut,
        measured=inputs.measured,
        studied=inputs.studied,
        slices=inputs.slices,
    )


async def _due(
    context: TaskContext,
    phases: Sequence[tuple[Clocked, PhaseState]],
    cut: datetime | None,
) -> Mapping[UUID, ToStudy]:
    """The looks that are due, by phase."""
    async with context.database.readers() as session:
        before = await before_of(session, [p.design.phase_id for p, _ in phases])
    found = {}
    for phase, state in phases:
        design = phase.design
        due = due_look(design, state, before[design.phase_id].lines, cut=cut)
        if due is not None:
            found[design.phase_id] = ToStudy(design, state, due.number)
    return found
