"""Reads of what may change while phases run: kill switches and overrides."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from experiments.errors import SwitchUnknown
from experiments.lifecycle import LIVE
from experiments.models import Experiment, KillSwitch, Override, Phase, SwitchScope


async def served_keys(
    session: AsyncSession,
    *,
    environment_id: UUID,
    scope: SwitchScope,
    target_id: UUID | None,
) -> Sequence[str]:
    """The experiments assigned in an environment that a kill switch would cover."""
    statement = (
        select(Experiment.key)
        .where(
            col(Phase.experiment_id) == Experiment.id,
            Phase.environment_id == environment_id,
            col(Phase.ended_at).is_(None),
            col(Phase.imported).is_(False),
            col(Experiment.status).in_(LIVE),
        )
        .order_by(col(Experiment.key))
    )
    if scope is SwitchScope.EXPERIMENT:
        statement = statement.where(Experiment.id == target_id)
    elif scope is SwitchScope.LAYER:
        statement = statement.where(Experiment.layer_id == target_id)
    return (await session.exec(statement)).all()


def listed_switches(
    environment_id: UUID, *, thrown: bool | None
) -> SelectOfScalar[KillSwitch]:
    """An environment's kill switches, in no order yet; all, unless it is said."""
    statement = select(KillSwitch).where(KillSwitch.environment_id == environment_id)
    if thrown is not None:
        released = col(KillSwitch.released_at)
        statement = statement.where(
            released.is_(None) if thrown else released.is_not(None)
        )
    return statement


async def switch_by_id(
    session: AsyncSession, *, environment_id: UUID, switch_id: UUID
) -> KillSwitch:
    """One kill switch.

    Raises:
        SwitchUnknown: There is none with this id in the environment.
    """
    row = await session.get(KillSwitch, switch_id)
    if row is None or row.environment_id != environment_id:
        raise SwitchUnknown
    return row


def listed_overrides(environment_id: UUID) -> SelectOfScalar[Override]:
    """An environment's overrides, in no order yet."""
    return select(Override).where(Override.environment_id == environment_id)


async def switches_by_ids(
    session: AsyncSession, *, environment_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, KillSwitch]:
    """Those of the kill switches that are in the environment."""
    found = await session.exec(
        listed_switches(environment_id, thrown=None).where(col(KillSwitch.id).in_(ids))
    )
    return {row.id: row for row in found.all()}


async def overrides_by_ids(
    session: AsyncSession, *, environment_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Override]:
    """Those of the overrides that are in the environment."""
    found = await session.exec(
        select(Override).where(
            Override.environment_id == environment_id, col(Override.id).in_(ids)
        )
    )
    return {row.id: row for row in found.all()}
