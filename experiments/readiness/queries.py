"""Reads of launch readiness: what people said and waived, what was found."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession
from core.subjects import Membership, Subject, SubjectContext, SubjectKind
from experiments.design import UnitKind
from experiments.readiness.models import (
    LaunchEvidence,
    LaunchNotes,
    LaunchRecord,
    LaunchWaiver,
)

MAX_RECORDS = 200
SAMPLE = 5_000
"""Subjects that are read at most, the newest on record."""


async def evidence_of(
    session: AsyncSession, experiment_ids: Sequence[UUID], environment_id: UUID
) -> Mapping[UUID, Sequence[LaunchEvidence]]:
    """What was found of each experiment in the environment, of whatever draft."""
    found = await session.exec(
        select(LaunchEvidence).where(
            col(LaunchEvidence.experiment_id).in_(experiment_ids),
            LaunchEvidence.environment_id == environment_id,
        )
    )
    rows: dict[UUID, list[LaunchEvidence]] = {each: [] for each in experiment_ids}
    for row in found.all():
        rows[row.experiment_id].append(row)
    return rows


async def notes_of(
    session: AsyncSession, experiment_ids: Sequence[UUID]
) -> Mapping[UUID, LaunchNotes]:
    """What people said of those experiments of which they said anything."""
    found = await session.exec(
        select(LaunchNotes).where(col(LaunchNotes.experiment_id).in_(experiment_ids))
    )
    return {row.experiment_id: row for row in found.all()}


async def all_waivers_of(
    session: AsyncSession, experiment_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[LaunchWaiver]]:
    """What somebody let pass of each experiment, in the order in which they did."""
    found = await session.exec(
        select(LaunchWaiver)
        .where(col(LaunchWaiver.experiment_id).in_(experiment_ids))
        .order_by(col(LaunchWaiver.waived_at), col(LaunchWaiver.code))
    )
    rows: dict[UUID, list[LaunchWaiver]] = {each: [] for each in experiment_ids}
    for row in found.all():
        rows[row.experiment_id].append(row)
    return rows


async def waivers_of(
    session: AsyncSession, experiment_id: UUID
) -> Sequence[LaunchWaiver]:
    """What somebody let pass of one experiment: at most one waiver an item."""
    return (await all_waivers_of(session, [experiment_id]))[experiment_id]


async def records_of(
    session: AsyncSession, experiment_ids: Sequence[UUID], environment_id: UUID
) -> Mapping[UUID, LaunchRecord]:
    """The checklist of each experiment's last phase there, as it stood at its start."""
    found = await session.exec(
        select(LaunchRecord)
        .where(
            col(LaunchRecord.experiment_id).in_(experiment_ids),
            LaunchRecord.environment_id == environment_id,
        )
        .order_by(col(LaunchRecord.number).desc())
        .limit(MAX_RECORDS * max(len(experiment_ids), 1))
    )
    rows: dict[UUID, LaunchRecord] = {}
    for row in found.all():
        rows.setdefault(row.experiment_id, row)
    return rows


async def sampled(
    session: AsyncSession,
    environment_id: UUID,
    unit: UnitKind,
    *,
    limit: int = SAMPLE,
) -> Sequence[Mapping[str, Any]]:
    """The attributes of the newest subjects on record, one for each unit.

    A user has those of the account it joined last under its own.
    """
    kind = SubjectKind.ACCOUNT if unit is UnitKind.ACCOUNT else SubjectKind.USER
    found = await session.exec(
        select(Subject.external_id, Subject.traits)
        .where(Subject.environment_id == environment_id, Subject.kind == kind)
        .order_by(col(Subject.id).desc())
        .limit(limit)
    )
    rows = found.all()
    if unit is UnitKind.ACCOUNT:
        return [_context(None, key).rule_attributes(traits) for key, traits in rows]
    accounts = await accounts_of(session, environment_id, [key for key, _ in rows])
    shared = await _traits(session, environment_id, set(accounts.values()))
    return [
        _context(key, accounts.get(key)).rule_attributes(
            {**shared.get(accounts.get(key, ""), {}), **traits}
        )
        for key, traits in rows
    ]


def _context(user_id: str | None, account_id: str | None) -> SubjectContext:
    return SubjectContext(user_id=user_id, account_id=account_id)


async def accounts_of(
    session: AsyncSession, environment_id: UUID, users: Sequence[str]
) -> Mapping[str, str]:
    """The account of each user who is in one: the one that was joined last."""
    found = await session.exec(
        select(Membership.user_id, Membership.account_id)
        .where(
            Membership.environment_id == environment_id,
            col(Membership.user_id).in_(users),
        )
        .order_by(col(Membership.from_at), col(Membership.account_id))
    )
    return dict(found.all())


async def _traits(
    session: AsyncSession, environment_id: UUID, accounts: set[str]
) -> Mapping[str, dict[str, Any]]:
    found = await session.exec(
        select(Subject.external_id, Subject.traits).where(
            Subject.environment_id == environment_id,
            Subject.kind == SubjectKind.ACCOUNT,
            col(Subject.external_id).in_(accounts),
        )
    )
    return {key: dict(traits) for key, traits in found.all()}
