"""The scheduled cuts that are due: where folding stands still, and who is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from core.clock import now
from experiments import queries
from experiments.analysis.clocks import (
    Clocked,
    attended_cuts,
    clocked_phases,
    earliest_due,
)
from experiments.analysis.cuts import due_cut
from workers.context import TaskContext

NAME = "cuts"


@dataclass(frozen=True, slots=True)
class Due:
    """One environment's next cut, and the phases that are looked at there."""

    cut: datetime
    phases: tuple[Clocked, ...]
    now: datetime


async def due_cuts(
    context: TaskContext, *, behind: timedelta = timedelta(0)
) -> Mapping[UUID, Due]:
    """The earliest cut of each environment that is due and not attended to.

    Args:
        context: The stores.
        behind: How far before the database's instant a cut must be.
    """
    clocked = _by_environment(await _clocked(context))
    if not clocked:
        return {}
    async with context.database.readers() as session:
        attended = await attended_cuts(session, list(clocked))
        at = await now(session)
    until = at - behind
    found = {}
    for environment_id, phases in clocked.items():
        last = attended.get(environment_id)
        cut = earliest_due([p.design for p in phases], attended=last, until=until)
        if cut is not None:
            at_cut = tuple(
                phase
                for phase in phases
                if due_cut(phase.design, attended=last, until=until) == cut
            )
            found[environment_id] = Due(cut, at_cut, at)
    return found


async def _clocked(context: TaskContext) -> tuple[Clocked, ...]:
    """Read again only when the log has heard of a phase anew."""
    async with context.database.readers() as session:
        published = await queries.publications(session)
        known = cast(
            tuple[tuple[int, int], tuple[Clocked, ...]] | None,
            context.memory.get(NAME),
        )
        if known is not None and known[0] == published:
            return known[1]
        phases = await clocked_phases(session)
    context.memory[NAME] = (published, phases)
    return phases


def _by_environment(phases: tuple[Clocked, ...]) -> Mapping[UUID, list[Clocked]]:
    found: dict[UUID, list[Clocked]] = {}
    for phase in phases:
        found.setdefault(phase.design.environment_id, []).append(phase)
    return found
