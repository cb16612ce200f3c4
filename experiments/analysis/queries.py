"""What was published: the current snapshot, its history, and the looks behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy.orm import aliased, defer
from sqlmodel import col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database import AsyncSession
from experiments.analysis.disclosure import invalidated, without_effect
from experiments.analysis.models import (
    Acknowledgement,
    CurrentSnapshot,
    HarmAlarm,
    Look,
    LookStudy,
    Snapshot,
)
from experiments.analysis.results import Outcome, Report
from experiments.analysis.rows import kept_of
from experiments.analysis.taken import Kept
from experiments.governance.models import Launch
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase, PhaseKind

_Shown: TypeAlias = tuple[Snapshot, CurrentSnapshot | None, Acknowledgement | None]


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot as it may be shown."""

    snapshot: Snapshot
    report: Report
    """Without any effect where the results are INVALID and nobody accepted that."""
    acknowledgement: Acknowledgement | None
    current: CurrentSnapshot | None
    """How fresh the inputs are; None for a snapshot out of the history."""
    invalidated: bool = False
    """Whether the experiment was declared invalid; no acceptance changes that."""

    @property
    def hides_effect(self) -> bool:
        """Whether the effect was left out."""
        return self.invalidated or (self.is_invalid and self.acknowledgement is None)

    @property
    def is_invalid(self) -> bool:
        """Whether what is shown must carry a warning across it."""
        return self.invalidated or self.snapshot.recommendation is Outcome.INVALID


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
                later.kind == PhaseKind.RANDOMISED,
            )
            .exists(),
        )
    )
    shown = await _published(session, found.all())
    return {each.snapshot.experiment_id: each for each in shown}


async def current_by_phases(
    session: AsyncSession, *, environment_id: UUID, phase_ids: Collection[UUID]
) -> Mapping[UUID, Published]:
    """The current snapshot of each of the phases there, however long it is over."""
    found = await session.exec(
        _current(environment_id).where(col(CurrentSnapshot.phase_id).in_(phase_ids))
    )
    shown = await _published(session, found.all())
    return {each.snapshot.phase_id: each for each in shown}


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
    rows = [(snapshot, None, accepted) for snapshot, accepted in found.all()]
    return {each.snapshot.id: each for each in await _published(session, rows)}


def listed_snapshots(environment_id: UUID) -> SelectOfScalar[Snapshot]:
    """The snapshots of an environment, in no order yet."""
    return select(Snapshot).where(Snapshot.environment_id == environment_id)


async def looks_of(session: AsyncSession, phase_id: UUID) -> Sequence[Look]:
    """Every look of a phase, in order."""
    found = await session.exec(
        select(Look)
        .where(Look.phase_id == phase_id)
        .order_by(col(Look.number), col(Look.metric_key), col(Look.arm))
    )
    return found.all()


async def looks_numbered(
    session: AsyncSession, phase_id: UUID, number: int
) -> Sequence[Look]:
    """One look of a phase: every metric in every arm."""
    found = await session.exec(
        select(Look)
        .where(Look.phase_id == phase_id, Look.number == number)
        .order_by(col(Look.metric_key), col(Look.arm))
        .execution_options(populate_existing=True)
    )
    return found.all()


async def kept_by_looks(
    session: AsyncSession, phase_id: UUID, numbers: Collection[int]
) -> Mapping[int, Kept]:
    """The states that some looks of a phase kept."""
    if not numbers:
        return {}
    found = await session.exec(
        select(Look)
        .where(Look.phase_id == phase_id, col(Look.number).in_(numbers))
        .order_by(col(Look.number), col(Look.metric_key), col(Look.arm))
        .execution_options(populate_existing=True)
    )
    return kept_of(found.all())


async def study_upto(
    session: AsyncSession, phase_id: UUID, last: int
) -> LookStudy | None:
    """The newest study of a phase up to a look, with its series."""
    found = await session.exec(
        select(LookStudy)
        .where(LookStudy.phase_id == phase_id, LookStudy.number <= last)
        .order_by(col(LookStudy.number).desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return found.first()


def listed_looks(
    phase_id: UUID, *, metric_key: str, arm: str, last: int
) -> SelectOfScalar[Look]:
    """One metric's looks in one arm up to a number, without states, in no order yet."""
    return (
        select(Look)
        .options(defer(Look.state, raiseload=True))  # type: ignore[arg-type]
        .where(
            Look.phase_id == phase_id,
            Look.metric_key == metric_key,
            Look.arm == arm,
            Look.number <= last,
        )
    )


async def alarms_of(session: AsyncSession, phase_id: UUID) -> Sequence[HarmAlarm]:
    """What rang in a phase, in the order in which it did."""
    found = await session.exec(
        select(HarmAlarm)
        .where(HarmAlarm.phase_id == phase_id)
        .order_by(col(HarmAlarm.id))
    )
    return found.all()


def read_report(snapshot: Snapshot) -> Report:
    """The body as it may be handed on: without any effect where it is INVALID."""
    report = whole_report(snapshot)
    if snapshot.recommendation is Outcome.INVALID:
        return without_effect(report)
    return report


def whole_report(snapshot: Snapshot) -> Report:
    """The body as it was computed; while it is INVALID, for reviewers alone."""
    return msgspec.convert(snapshot.body, Report)


async def _published(session: AsyncSession, rows: Sequence[_Shown]) -> list[Published]:
    """The rows as they may be shown, with what is known of their experiments."""
    snapshots = [snapshot for snapshot, _, _ in rows]
    launches = await session.exec(
        select(Launch).where(
            col(Launch.phase_id).in_({each.phase_id for each in snapshots})
        )
    )
    unreviewed = {launch.phase_id: launch.not_reviewed for launch in launches.all()}
    found = await session.exec(
        select(Experiment.id).where(
            col(Experiment.id).in_({each.experiment_id for each in snapshots}),
            Experiment.status == ExperimentStatus.INVALIDATED,
        )
    )
    invalid = set(found.all())
    return [
        _shown(
            row,
            invalid=row[0].experiment_id in invalid,
            not_reviewed=unreviewed.get(row[0].phase_id, ()),
        )
        for row in rows
    ]


def _shown(row: _Shown, *, invalid: bool, not_reviewed: tuple[str, ...]) -> Published:
    snapshot, current, acknowledgement = row
    accepted = acknowledgement is not None
    report = whole_report(snapshot) if accepted else read_report(snapshot)
    report = replace(report, not_reviewed=not_reviewed)
    if invalid:
        report = invalidated(report)
    return Published(snapshot, report, acknowledgement, current, invalid)
