"""What was published: the current snapshot, its history, and the looks behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database import AsyncSession
from experiments.analysis.disclosure import without_effect
from experiments.analysis.models import (
    Acknowledgement,
    CurrentSnapshot,
    Look,
    Snapshot,
)
from experiments.analysis.results import Outcome, Report
from experiments.models import Phase


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot as it may be shown."""

    snapshot: Snapshot
    report: Report
    """Without any effect where the results are INVALID and nobody accepted that."""
    acknowledgement: Acknowledgement | None
    current: CurrentSnapshot | None
    """How fresh the inputs are; None for a snapshot out of the history."""

    @property
    def hides_effect(self) -> bool:
        """Whether the effect was left out."""
        return self.is_invalid and self.acknowledgement is None

    @property
    def is_invalid(self) -> bool:
        """Whether what is shown must carry a warning across it."""
        return self.snapshot.recommendation is Outcome.INVALID


async def current_by_experiments(
    session: AsyncSession, *, environment_id: UUID, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Published]:
    """The current snapshot of the phase that each experiment is in, or was last.

    One that has begun another phase shows nothing until that is analysed: the results
    of the phase before are of another split.
    """
    later = aliased(Phase)
    found = await session.exec(
        _current(environment_id).where(
            col(CurrentSnapshot.experiment_id).in_(experiment_ids),
            ~select(later.id)
            .where(
                later.experiment_id == Phase.experiment_id,
                later.environment_id == Phase.environment_id,
                later.number > Phase.number,
            )
            .exists(),
        )
    )
    return {
        snapshot.experiment_id: _published(snapshot, current, acknowledgement)
        for snapshot, current, acknowledgement in found.all()
    }


async def current_by_phases(
    session: AsyncSession, *, environment_id: UUID, phase_ids: Collection[UUID]
) -> Mapping[UUID, Published]:
    """The current snapshot of each of the phases there, however long it is over."""
    found = await session.exec(
        _current(environment_id).where(col(CurrentSnapshot.phase_id).in_(phase_ids))
    )
    return {
        snapshot.phase_id: _published(snapshot, current, acknowledgement)
        for snapshot, current, acknowledgement in found.all()
    }


def _current(
    environment_id: UUID,
) -> Select[Snapshot, CurrentSnapshot, Acknowledgement]:
    return (
        select(Snapshot, CurrentSnapshot, Acknowledgement)
        .join(CurrentSnapshot, col(CurrentSnapshot.snapshot_id) == Snapshot.id)
        .join(Phase, col(Phase.id) == CurrentSnapshot.phase_id)
        .outerjoin(
            Acknowledgement, col(Acknowledgement.phase_id) == CurrentSnapshot.phase_id
        )
        .where(Snapshot.environment_id == environment_id)
    )


async def current_of_phase(session: AsyncSession, phase_id: UUID) -> Snapshot | None:
    """The snapshot that a phase shows now."""
    found = await session.exec(
        select(Snapshot)
        .join(CurrentSnapshot, col(CurrentSnapshot.snapshot_id) == Snapshot.id)
        .where(CurrentSnapshot.phase_id == phase_id)
    )
    return found.first()


async def current_ids(
    session: AsyncSession, *, environment_id: UUID, experiment_id: UUID
) -> Sequence[tuple[UUID, UUID | None]]:
    """What changes when an experiment's page does: snapshots and acceptances."""
    found = await session.exec(
        select(CurrentSnapshot.snapshot_id, Acknowledgement.id)
        .join(Phase, col(Phase.id) == CurrentSnapshot.phase_id)
        .outerjoin(
            Acknowledgement, col(Acknowledgement.phase_id) == CurrentSnapshot.phase_id
        )
        .where(
            CurrentSnapshot.experiment_id == experiment_id,
            Phase.environment_id == environment_id,
        )
        .order_by(col(Phase.number))
    )
    return found.all()


async def published_by_ids(
    session: AsyncSession, *, environment_id: UUID, snapshot_ids: Collection[UUID]
) -> Mapping[UUID, Published]:
    """Those of the snapshots, current or not, that are in the environment."""
    found = await session.exec(
        select(Snapshot, Acknowledgement)
        .outerjoin(
            Acknowledgement, col(Acknowledgement.phase_id) == col(Snapshot.phase_id)
        )
        .where(
            Snapshot.environment_id == environment_id,
            col(Snapshot.id).in_(snapshot_ids),
        )
    )
    return {
        snapshot.id: _published(snapshot, None, acknowledgement)
        for snapshot, acknowledgement in found.all()
    }


def listed_snapshots(
    *, environment_id: UUID, experiment_id: UUID
) -> SelectOfScalar[Snapshot]:
    """An experiment's snapshots over its phases there, in no order yet."""
    return select(Snapshot).where(
        Snapshot.environment_id == environment_id,
        Snapshot.experiment_id == experiment_id,
    )


async def looks_of(session: AsyncSession, phase_id: UUID) -> Sequence[Look]:
    """Every look of a phase, in order."""
    found = await session.exec(
        select(Look)
        .where(Look.phase_id == phase_id)
        .order_by(col(Look.number), col(Look.metric_key), col(Look.arm))
    )
    return found.all()


def read_report(snapshot: Snapshot) -> Report:
    """The body as it may be handed on: without any effect where it is INVALID."""
    report = _whole_report(snapshot)
    if snapshot.recommendation is Outcome.INVALID:
        return without_effect(report)
    return report


def _whole_report(snapshot: Snapshot) -> Report:
    return msgspec.convert(snapshot.body, Report)


def _published(
    snapshot: Snapshot,
    current: CurrentSnapshot | None,
    acknowledgement: Acknowledgement | None,
) -> Published:
    accepted = acknowledgement is not None
    report = _whole_report(snapshot) if accepted else read_report(snapshot)
    return Published(snapshot, report, acknowledgement, current)
