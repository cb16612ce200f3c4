"""Reads of memos, decisions, shipments and what was measured after them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from experiments.lifecycle import LIVE, DecisionOutcome, ExperimentStatus
from experiments.models import Experiment
from experiments.shipping.models import (
    DecisionApproval,
    DecisionRecord,
    Memo,
    Remeasurement,
    Shipment,
    ShipPreview,
)


async def last_memo(session: AsyncSession, experiment_id: UUID) -> Memo | None:
    """The latest version of an experiment's memo."""
    found = await session.exec(
        listed_memos(experiment_id).order_by(col(Memo.version).desc()).limit(1)
    )
    return found.first()


async def memo_at(session: AsyncSession, experiment_id: UUID, version: int) -> Memo:
    """One version that was written."""
    found = await session.exec(
        listed_memos(experiment_id).where(Memo.version == version)
    )
    return found.one()


async def last_memos(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Memo]:
    """The latest version of each of several experiments' memos."""
    later = aliased(Memo)
    found = await session.exec(
        select(Memo).where(
            col(Memo.experiment_id).in_(experiment_ids),
            ~select(later.id)
            .where(
                later.experiment_id == Memo.experiment_id, later.version > Memo.version
            )
            .exists(),
        )
    )
    return {memo.experiment_id: memo for memo in found.all()}


def listed_memos(experiment_id: UUID) -> SelectOfScalar[Memo]:
    """Every version of an experiment's memo, in no order yet."""
    return select(Memo).where(Memo.experiment_id == experiment_id)


def listed_project_memos(project_id: UUID) -> SelectOfScalar[Memo]:
    """Every version of every memo of a project, in no order yet."""
    return select(Memo).where(Memo.project_id == project_id)


async def last_decisions(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, DecisionRecord]:
    """What was decided last of each of several experiments."""
    found = await session.exec(
        select(DecisionRecord)
        .where(col(DecisionRecord.experiment_id).in_(experiment_ids))
        .order_by(col(DecisionRecord.id))
    )
    return {row.experiment_id: row for row in found.all()}


async def approvals(
    session: AsyncSession,
    *,
    experiment_id: UUID,
    memo_version: int,
    outcome: DecisionOutcome,
    variant: str | None,
) -> Sequence[DecisionApproval]:
    """Who agreed with exactly this decision on exactly this memo, in order."""
    found = await session.exec(
        select(DecisionApproval)
        .where(
            DecisionApproval.experiment_id == experiment_id,
            DecisionApproval.memo_version == memo_version,
            DecisionApproval.outcome == outcome,
        )
        .order_by(col(DecisionApproval.id))
    )
    return [row for row in found.all() if row.variant == variant]


async def live_in_layer(session: AsyncSession, experiment: Experiment) -> Sequence[str]:
    """The other live experiments of its layer, by key."""
    found = await session.exec(
        select(Experiment.key)
        .where(
            Experiment.layer_id == experiment.layer_id,
            Experiment.id != experiment.id,
            col(Experiment.status).in_(LIVE),
        )
        .order_by(col(Experiment.key))
    )
    return found.all()


async def preview_by_hash(
    session: AsyncSession, *, experiment_id: UUID, token_hash: str
) -> ShipPreview | None:
    """The preview of an experiment that a token stands for."""
    found = await session.exec(
        select(ShipPreview).where(
            ShipPreview.experiment_id == experiment_id,
            ShipPreview.token_hash == token_hash,
        )
    )
    return found.first()


async def active_shipments(
    session: AsyncSession, environment_id: UUID
) -> Mapping[UUID, Shipment]:
    """What is shipped in an environment and was not rolled back, by experiment."""
    found = await session.exec(
        select(Shipment).where(
            Shipment.environment_id == environment_id,
            col(Shipment.rolled_back_at).is_(None),
        )
    )
    return {row.experiment_id: row for row in found.all()}


async def held_shipment(session: AsyncSession, experiment_id: UUID) -> Shipment | None:
    """The experiment's shipment, held until the transaction ends."""
    found = await session.exec(
        select(Shipment)
        .where(
            Shipment.experiment_id == experiment_id,
            col(Shipment.rolled_back_at).is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.first()


async def last_shipments(
    session: AsyncSession, *, environment_id: UUID, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Shipment]:
    """The last shipment of each of several experiments, rolled back or not."""
    found = await session.exec(
        select(Shipment)
        .where(
            Shipment.environment_id == environment_id,
            col(Shipment.experiment_id).in_(experiment_ids),
        )
        .order_by(col(Shipment.id))
    )
    return {row.experiment_id: row for row in found.all()}


async def due_rollouts(
    session: AsyncSession, *, at: datetime, limit: int
) -> Sequence[UUID]:
    """Experiments whose rollout has a step due, the oldest first."""
    found = await session.exec(
        select(Shipment.experiment_id)
        .where(
            col(Shipment.next_at) <= at,
            col(Shipment.rolled_back_at).is_(None),
            col(Shipment.experiment_id) == Experiment.id,
            Experiment.status == ExperimentStatus.SHIPPING,
        )
        .order_by(col(Shipment.next_at), col(Shipment.id))
        .limit(limit)
    )
    return found.all()


async def due_remeasurements(
    session: AsyncSession, *, at: datetime, limit: int
) -> Sequence[UUID]:
    """What of all that is out has to be measured again, the oldest first."""
    found = await session.exec(
        select(Remeasurement.id)
        .where(
            col(Remeasurement.done_at).is_(None),
            Remeasurement.due_at <= at,
            col(Remeasurement.shipment_id) == Shipment.id,
            col(Shipment.rolled_back_at).is_(None),
            col(Remeasurement.experiment_id) == Experiment.id,
            Experiment.status == ExperimentStatus.SHIPPED,
        )
        .order_by(col(Remeasurement.due_at), col(Remeasurement.id))
        .limit(limit)
    )
    return found.all()


async def remeasurements_of(
    session: AsyncSession, shipment_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Remeasurement]]:
    """What was, and will be, measured of several shipments, in order."""
    found = await session.exec(
        select(Remeasurement)
        .where(col(Remeasurement.shipment_id).in_(shipment_ids))
        .order_by(col(Remeasurement.day))
    )
    rows: dict[UUID, list[Remeasurement]] = {each: [] for each in shipment_ids}
    for row in found.all():
        rows[row.shipment_id].append(row)
    return rows
