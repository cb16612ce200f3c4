"""The one way that an experiment's row changes: on the version that was read."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments import queries
from experiments.errors import ReasonMissing
from experiments.lifecycle import TRANSITIONS, ExperimentStatus, Step, target_of
from experiments.models import Experiment


async def read(
    session: AsyncSession, *, project_id: UUID, experiment_id: UUID, expected: int
) -> Experiment:
    """The experiment at the version that the caller saw.

    Raises:
        ExperimentUnknown: There is none in the project.
        StaleVersion: Somebody changed it since.
    """
    experiment = await queries.experiment_by_id(
        session, project_id=project_id, experiment_id=experiment_id
    )
    if experiment.version != expected:
        raise StaleVersion(experiment.version)
    return experiment


async def write(
    session: AsyncSession,
    experiment: Experiment,
    sources: Collection[ExperimentStatus],
    **values: Any,
) -> Experiment:
    """Change the row if it is still as read; the database decides who was first.

    Raises:
        StaleVersion: Somebody else changed it first.
    """
    result = await session.exec(
        update(Experiment)
        .where(
            col(Experiment.id) == experiment.id,
            col(Experiment.version) == experiment.version,
            col(Experiment.status).in_(sources),
        )
        .values(version=experiment.version + 1, updated_at=await now(session), **values)
        .execution_options(synchronize_session=False)
    )
    current = await session.exec(
        select(Experiment)
        .where(Experiment.id == experiment.id)
        .execution_options(populate_existing=True)
    )
    row = current.one()
    if result.rowcount != 1:
        raise StaleVersion(row.version)
    return row


async def take(
    session: AsyncSession,
    experiment: Experiment,
    step: Step,
    *,
    actor: Actor,
    environment_id: UUID | None = None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
    **values: Any,
) -> Experiment:
    """Take a step of the lifecycle, once, and write it down.

    Raises:
        IllegalTransition: The state does not allow it.
        ReasonMissing: The step needs a reason.
        StaleVersion: Somebody else was first.
    """
    source = experiment.status
    target = target_of(source, step)
    transition = TRANSITIONS[step]
    if transition.needs_reason and not (reason or "").strip():
        raise ReasonMissing
    row = await write(session, experiment, transition.sources, status=target, **values)
    await record(
        session,
        row,
        f"experiment.{step.lower()}",
        actor=actor,
        environment_id=environment_id,
        before={"status": source, "version": row.version - 1},
        after={"status": target, "version": row.version, **(facts or {})},
        reason=reason,
    )
    return row


async def record(
    session: AsyncSession,
    experiment: Experiment,
    action: str,
    *,
    actor: Actor,
    before: dict[str, Any],
    after: dict[str, Any],
    environment_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """Write a change of an experiment into the audit trail."""
    await audit.record(
        session,
        actor=actor,
        project_id=experiment.project_id,
        environment_id=environment_id,
        action=action,
        subject="Experiment",
        subject_id=experiment.id,
        before=before,
        after=after,
        reason=reason,
    )
