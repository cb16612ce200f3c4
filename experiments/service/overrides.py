"""Overrides: one subject gets one variant by name, and is not analysed."""

from typing import Any
from uuid import UUID

from sqlmodel import func, select

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.subjects import MAX_ID, SubjectKind
from experiments import queries
from experiments.design import UnitKind
from experiments.errors import (
    DesignInvalid,
    Full,
    OutOfUse,
    OverrideUnknown,
)
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Override
from experiments.service import change
from experiments.service.publishing import touch_definitions
from experiments.service.recording import brief

MAX_OVERRIDES = 200

_FITTING = {
    UnitKind.USER: frozenset({SubjectKind.USER, SubjectKind.ANONYMOUS}),
    UnitKind.ACCOUNT: frozenset({SubjectKind.ACCOUNT}),
}
"""Of an account everyone has one variant, so nobody in it is named alone."""


async def override(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    experiment_id: UUID,
    actor: Actor,
    kind: SubjectKind,
    subject_id: str,
    variant: str,
    reason: str,
) -> Override:
    """Give a subject a variant by name; another name for the same one replaces it.

    Raises:
        ExperimentUnknown: There is none in the project.
        OutOfUse: It was archived.
        DesignInvalid: It has no such variant, or is not about such subjects.
        ReasonMissing: No reason was given.
        Full: The experiment has as many as it may have here.
    """
    await queries.experiment_by_id(
        session, project_id=project_id, experiment_id=experiment_id
    )
    # Held, so that its overrides are counted one by one.
    experiment = await change.hold(session, experiment_id)
    await _check(session, experiment, kind, subject_id, variant)
    reason = brief(reason)
    row = await _standing(session, environment_id, experiment_id, kind, subject_id)
    before = None if row is None else facts(row)
    if row is None:
        await _check_room(session, environment_id, experiment_id)
        row = Override(
            project_id=project_id,
            environment_id=environment_id,
            experiment_id=experiment_id,
            kind=kind,
            subject_id=subject_id,
            variant_key=variant,
            reason=reason,
            created_at=await now(session),
        )
    row.variant_key, row.reason = variant, reason
    session.add(row)
    await session.flush()
    await touch_definitions(session, environment_id)
    await _record(session, actor, row, row.reason, before=before, after=facts(row))
    return row


async def remove_override(
    session: AsyncSession,
    *,
    environment_id: UUID,
    override_id: UUID,
    actor: Actor,
    reason: str,
) -> UUID:
    """Let the rules decide again; returns the experiment's id.

    Raises:
        OverrideUnknown: There is none in the environment, or no more.
        ReasonMissing: No reason was given.
    """
    found = await session.exec(
        select(Override)
        .where(Override.id == override_id, Override.environment_id == environment_id)
        .with_for_update()
    )
    row = found.first()
    if row is None:
        raise OverrideUnknown(path=("id",))
    reason = brief(reason)
    experiment_id = row.experiment_id
    await session.delete(row)
    await session.flush()
    await touch_definitions(session, environment_id)
    await _record(session, actor, row, reason, before=facts(row))
    return experiment_id


def facts(row: Override) -> dict[str, Any]:
    """What the audit trail remembers of an override; of the subject only its kind.

    The trail outlives the subject's erasure, so it never holds its id.
    """
    return {
        "override": str(row.id),
        "kind": row.kind,
        "variant": row.variant_key,
    }


async def _check(
    session: AsyncSession,
    experiment: Experiment,
    kind: SubjectKind,
    subject_id: str,
    variant: str,
) -> None:
    if experiment.status is ExperimentStatus.ARCHIVED:
        raise OutOfUse("The experiment is archived.", path=("experiment",))
    if kind not in _FITTING[experiment.unit]:
        raise DesignInvalid(
            f"It randomises units of the kind {experiment.unit}.", path=("kind",)
        )
    if not 0 < len(subject_id) <= MAX_ID:
        raise DesignInvalid(f"An id has 1 to {MAX_ID} characters.", path=("subjectId",))
    draft = await queries.draft_of(session, experiment)
    if variant not in {each.key for each in draft.variants}:
        raise DesignInvalid("It has no such variant.", path=("variant",))


async def _standing(
    session: AsyncSession,
    environment_id: UUID,
    experiment_id: UUID,
    kind: SubjectKind,
    subject_id: str,
) -> Override | None:
    """The override that the subject has by now."""
    found = await session.exec(
        select(Override).where(
            Override.environment_id == environment_id,
            Override.experiment_id == experiment_id,
            Override.kind == kind,
            Override.subject_id == subject_id,
        )
    )
    return found.first()


async def _check_room(
    session: AsyncSession, environment_id: UUID, experiment_id: UUID
) -> None:
    counted = await session.exec(
        select(func.count()).where(
            Override.environment_id == environment_id,
            Override.experiment_id == experiment_id,
        )
    )
    if counted.one() >= MAX_OVERRIDES:
        raise Full(f"At most {MAX_OVERRIDES} in one environment.")


async def _record(
    session: AsyncSession,
    actor: Actor,
    row: Override,
    reason: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    await audit.record(
        session,
        actor=actor,
        project_id=row.project_id,
        environment_id=row.environment_id,
        action="override.remove" if after is None else "override.set",
        subject="Experiment",
        subject_id=row.experiment_id,
        before=before,
        after=after,
        reason=reason,
    )
