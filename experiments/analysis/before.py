"""What was said of phases before they are analysed, a page of them at a time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, tuple_
from sqlalchemy.orm import aliased, defer
from sqlmodel import col, select

from core.database import AsyncSession
from experiments.analysis.models import HarmAlarm, Look, LookStudy, Snapshot
from experiments.analysis.rows import line_of
from experiments.analysis.taken import Line


@dataclass(frozen=True, slots=True)
class Before:
    """What was said of a phase before an analysis."""

    lines: tuple[Line, ...]
    """Its looks, without their states."""
    alarms: tuple[HarmAlarm, ...]
    study: LookStudy | None
    """The newest one, without its series."""


async def before_of(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, Before]:
    """What was said of each of the phases so far, without the states behind it."""
    lines = await _lines_by_phase(session, phase_ids)
    studies = await _last_studies(session, phase_ids)
    alarms = await _alarms_by_phase(session, phase_ids)
    return {
        phase_id: Before(
            lines=tuple(lines.get(phase_id, ())),
            alarms=tuple(alarms.get(phase_id, ())),
            study=studies.get(phase_id),
        )
        for phase_id in phase_ids
    }


async def lines_of(session: AsyncSession, phase_id: UUID) -> tuple[Line, ...]:
    """Every look of a phase, in order, without the state that it read."""
    return tuple((await _lines_by_phase(session, [phase_id])).get(phase_id, ()))


async def _lines_by_phase(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, list[Line]]:
    found = await session.exec(
        select(Look)
        .options(defer(Look.state, raiseload=True))  # type: ignore[arg-type]
        .where(col(Look.phase_id).in_(phase_ids))
        .order_by(col(Look.number), col(Look.metric_key), col(Look.arm))
    )
    lines: dict[UUID, list[Line]] = {}
    for look in found.all():
        lines.setdefault(look.phase_id, []).append(line_of(look))
    return lines


async def _last_studies(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, LookStudy]:
    """What the log said beside the newest look that each phase was studied for.

    The series, which are most of what it stores, are left in the database.
    """
    later = aliased(LookStudy)
    found = await session.exec(
        select(LookStudy)
        .options(defer(LookStudy.series, raiseload=True))  # type: ignore[arg-type]
        .where(
            col(LookStudy.phase_id).in_(phase_ids),
            ~select(later.id)
            .where(
                later.phase_id == LookStudy.phase_id, later.number > LookStudy.number
            )
            .exists(),
        )
    )
    return {study.phase_id: study for study in found.all()}


async def _alarms_by_phase(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, list[HarmAlarm]]:
    found = await session.exec(
        select(HarmAlarm)
        .where(col(HarmAlarm.phase_id).in_(phase_ids))
        .order_by(col(HarmAlarm.id))
    )
    alarms: dict[UUID, list[HarmAlarm]] = {}
    for alarm in found.all():
        alarms.setdefault(alarm.phase_id, []).append(alarm)
    return alarms


async def snapshots_by_hash(
    session: AsyncSession, digests: Mapping[UUID, str]
) -> Mapping[UUID, UUID]:
    """Of each phase the snapshot that was made of these inputs, if there is one."""
    found = await session.exec(
        select(Snapshot.phase_id, Snapshot.id).where(
            tuple_(col(Snapshot.phase_id), col(Snapshot.inputs_hash)).in_(
                list(digests.items())
            )
        )
    )
    return dict(found.all())


async def last_numbers(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, int]:
    """The number of each phase's newest snapshot, if it has any."""
    found = await session.exec(
        select(Snapshot.phase_id, func.max(Snapshot.number))
        .where(col(Snapshot.phase_id).in_(phase_ids))
        .group_by(col(Snapshot.phase_id))
    )
    return dict(found.all())
