"""Holdouts: a share of the units that experiments leave alone."""

from typing import Any
from uuid import UUID

from sqlmodel import col, func, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments.assignment.seeds import holdout_seed
from experiments.design import UnitKind
from experiments.eligibility import queries
from experiments.errors import DesignInvalid, Full, OutOfUse, ReasonMissing
from experiments.models import Holdout
from experiments.service.keys import keep
from experiments.service.locking import hold_project
from experiments.service.parts import check_key, checked_name
from experiments.service.recording import record

MAX_SHARE = 0.2
MAX_IN_FORCE = 20


async def create_holdout(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    name: str,
    unit: UnitKind,
    share: float,
    area: str | None = None,
) -> Holdout:
    """Leave a share of the units alone in every phase that starts from now on.

    Phases that run already do not hear of it.

    Raises:
        DesignInvalid: The key, the name, the area or the share is out of bounds.
        Full: As many as there may be are in force.
        KeyTaken: The project has a holdout with this key.
        KeyReserved: It had one, which has ended.
    """
    check_key(key)
    if area is not None:
        check_key(area, path=("area",))
    if not 0 < share <= MAX_SHARE:
        raise DesignInvalid(
            f"A share is above 0 and up to {MAX_SHARE:g}.", path=("share",)
        )
    await hold_project(session, project_id)
    counted = await session.exec(
        select(func.count()).where(
            Holdout.project_id == project_id, col(Holdout.ended_at).is_(None)
        )
    )
    if counted.one() >= MAX_IN_FORCE:
        raise Full(f"At most {MAX_IN_FORCE} holdouts are in force.")
    holdout = Holdout(
        project_id=project_id,
        key=key,
        name=checked_name(name or key),
        area=area,
        unit=unit,
        share=share,
        seed=holdout_seed(project_id, key),
        created_at=await now(session),
    )
    await keep(session, holdout)
    await record(session, holdout, "holdout.create", actor=actor, after=facts(holdout))
    return holdout


async def end_holdout(
    session: AsyncSession,
    *,
    project_id: UUID,
    holdout_id: UUID,
    expected_version: int,
    actor: Actor,
    reason: str,
) -> Holdout:
    """Phases that start from now on reach its units again; running ones do not.

    Raises:
        HoldoutUnknown: There is none in the project.
        OutOfUse: It has ended before.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed it since.
    """
    await queries.holdout_by_id(session, project_id=project_id, holdout_id=holdout_id)
    found = await session.exec(
        select(Holdout)
        .where(Holdout.id == holdout_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    holdout = found.one()
    if holdout.version != expected_version:
        raise StaleVersion(holdout.version)
    if holdout.ended_at is not None:
        raise OutOfUse(f"The holdout {holdout.key} has ended.")
    if not reason.strip():
        raise ReasonMissing
    before = facts(holdout)
    holdout.ended_at = await now(session)
    holdout.version += 1
    session.add(holdout)
    await session.flush()
    await record(
        session,
        holdout,
        "holdout.end",
        actor=actor,
        before=before,
        reason=reason.strip(),
        after=facts(holdout),
    )
    return holdout


def facts(holdout: Holdout) -> dict[str, Any]:
    """What the audit trail remembers of a holdout."""
    return holdout.model_dump(mode="json", exclude={"id", "project_id"})
