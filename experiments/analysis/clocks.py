"""Which cuts environments are done with, and which phases are looked at daily."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from core.database import AsyncSession, is_sqlite
from experiments.analysis.cuts import boundary_plan, due_cut
from experiments.analysis.models import AttendedCut
from experiments.design import PhaseDesign
from experiments.freezing import design_of
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase


@dataclass(frozen=True, slots=True)
class Clocked:
    """A running phase that is looked at daily."""

    project_id: UUID
    experiment_id: UUID
    design: PhaseDesign


async def clocked_phases(session: AsyncSession) -> tuple[Clocked, ...]:
    """Running phases with a boundary, which the event log knows."""
    statement = (
        select(Phase)
        .where(
            col(Phase.published_at).is_not(None),
            col(Phase.ended_at).is_(None),
            col(Phase.imported).is_(False),
            col(Phase.experiment_id) == Experiment.id,
            Experiment.status != ExperimentStatus.ARCHIVED,
        )
        .order_by(col(Phase.id))
    )
    found = [
        Clocked(phase.project_id, phase.experiment_id, design_of(phase))
        for phase in (await session.exec(statement)).all()
    ]
    return tuple(each for each in found if boundary_plan(each.design) is not None)


async def attended_cuts(
    session: AsyncSession, environment_ids: Collection[UUID]
) -> Mapping[UUID, datetime]:
    """The last cut that each environment is done with."""
    found = await session.exec(
        select(AttendedCut.environment_id, AttendedCut.cut).where(
            col(AttendedCut.environment_id).in_(environment_ids)
        )
    )
    return dict(found.all())


async def attend(
    session: AsyncSession, *, environment_id: UUID, cut: datetime, now: datetime
) -> None:
    """Be done with a cut and all before it; of two workers, the later cut stays."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = insert(AttendedCut).values(
        environment_id=environment_id, cut=cut, at=now
    )
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["environment_id"],
            set_={"cut": statement.excluded.cut, "at": statement.excluded.at},
            where=col(AttendedCut.cut) < statement.excluded.cut,
        )
    )


def earliest_due(
    designs: Collection[PhaseDesign], *, attended: datetime | None, until: datetime
) -> datetime | None:
    """The next cut that some phase of an environment is to be looked at, if one is due.

    Args:
        designs: The phases of one environment.
        attended: The last cut that it is done with.
        until: The instant up to which cuts are due.
    """
    due = (due_cut(design, attended=attended, until=until) for design in designs)
    return min((cut for cut in due if cut is not None), default=None)
