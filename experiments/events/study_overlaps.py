"""Units that are in two phases at once."""

from dataclasses import dataclass
from uuid import UUID

from experiments.events import definitions
from experiments.events.errors import UnknownMetric
from experiments.events.state import Sums
from experiments.events.store import Session
from experiments.events.study_rows import pairs_of


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many units two phases have, and how many ids are a unit of both.

    A phase of users and one of accounts share no id: theirs is 0.
    """

    units: int
    other_units: int
    both: int

    @property
    def share(self) -> float:
        """The part of this phase's units that are in the other too, in [0, 1]."""
        return self.both / self.units if self.units else 0.0


@dataclass(frozen=True, slots=True)
class CrossedCell:
    """One metric's sums over the matured units in one arm of each phase."""

    arm: str
    other_arm: str
    sums: Sums


async def overlap(session: Session, phase_id: UUID, other_id: UUID) -> Overlap:
    """Count the units of two phases.

    Raises:
        UnknownPhase: One of them was never published.
    """
    for known in (phase_id, other_id):
        await definitions.find(session, known)
    ((units, others, both),) = await session.run(
        "study_overlap", phase_id=phase_id, other_id=other_id
    )
    return Overlap(int(units), int(others), int(both))


async def crossed(
    session: Session, phase_id: UUID, other_id: UUID, metric_id: UUID
) -> tuple[CrossedCell, ...]:
    """The first phase's metric by both arms; a cell that nobody is in is left out.

    Raises:
        UnknownPhase: One of the phases was never published.
        UnknownMetric: The first does not measure this metric.
    """
    design, _ = await definitions.find(session, phase_id)
    await definitions.find(session, other_id)
    if all(metric.metric_id != metric_id for metric in design.metrics):
        raise UnknownMetric(metric_id)
    rows = await session.run(
        "study_crossed", phase_id=phase_id, other_id=other_id, metric_id=metric_id
    )
    return tuple(CrossedCell(row[0], row[1], pairs_of(row[2:])) for row in rows)
