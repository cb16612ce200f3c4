"""What the snapshot that a phase shows was made of, and until when it holds.

A worker remembers it only to do less: what it forgot is analysed once more, and comes
out as the same snapshot.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from experiments.analysis.cuts import FULL_CYCLE, scheduled_cut
from experiments.design import PhaseDesign
from experiments.events.state import Standing
from workers.context import TaskContext

NAME = "quiet"
ROOM = 100_000
"""Phases that a worker remembers; past them it forgets all and begins again."""
STRAGGLING = timedelta(days=30)
"""How long after its last window closed a phase is still read again."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The inputs of a phase's snapshot."""

    version: int
    """Of the design."""
    standing: Standing
    """Of the state, as it was last shown."""
    until: datetime | None
    """The watermark at which the same state says something else; None for never."""
    imported: bool
    final: bool
    """Whether nothing that the phase shows can change any more."""

    def holds(self, version: int, standing: Standing) -> bool:
        """Whether analysing the phase again would come to the same snapshot."""
        if self.version != version:
            return False
        if self.final:
            return True
        if self.standing.moved != standing.moved or standing.rebuilding:
            return False
        if self.imported and bool(self.standing.backlog) != bool(standing.backlog):
            return False
        return self.until is None or standing.watermark < self.until


def quiet_after(
    design: PhaseDesign, version: int, standing: Standing, *, final: bool = False
) -> Quiet:
    """What is remembered of a phase that was just analysed, or is final."""
    return Quiet(version, standing, _until(design, standing), design.imported, final)


def remembered(context: TaskContext) -> dict[UUID, Quiet]:
    """What this worker knows, by phase."""
    known = cast("dict[UUID, Quiet] | None", context.memory.get(NAME))
    if known is None:
        known = {}
        context.memory[NAME] = cast(Hashable, known)
    if len(known) > ROOM:
        known.clear()
    return known


def freshened(
    known: dict[UUID, Quiet], standings: Mapping[UUID, Standing]
) -> dict[Standing, list[UUID]]:
    """The phases that hold until later than they say, by how far their log is folded.

    They are remembered as shown so.
    """
    found: dict[Standing, list[UUID]] = {}
    for phase_id, standing in standings.items():
        quiet = known[phase_id]
        if not quiet.final and quiet.standing != standing:
            known[phase_id] = replace(quiet, standing=standing)
            found.setdefault(replace(standing, moved=0), []).append(phase_id)
    return found


def final_from(design: PhaseDesign) -> datetime | None:
    """The watermark from which nothing that the phase shows can change.

    It is over then, and was read long after the last window of its last unit closed.
    """
    if design.ended_at is None:
        return None
    longest = max(metric.closes_after for metric in design.metrics)
    return design.ended_at + longest + STRAGGLING


def _until(design: PhaseDesign, standing: Standing) -> datetime | None:
    """When the next look, the end of the first week or that of the phase is reached."""
    watermark = standing.watermark
    instants = (
        scheduled_cut(design, watermark),
        design.started_at + FULL_CYCLE,
        design.ended_at,
        final_from(design),
    )
    return min((at for at in instants if at and at > watermark), default=None)
