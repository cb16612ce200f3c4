"""The one way that an experiment's row changes: on the version that was read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments import queries
from experiments.errors import DesignInvalid, ReasonMissing
from experiments.lifecycle import TRANSITIONS, ExperimentStatus, Step, target_of
from experiments.models import TEXT_LENGTH, Experiment
from experiments.service.recording import record


@dataclass(frozen=True, slots=True)
class Intent:
    """Who means to change which experiment, and the version of it that they read."""

    project_id: UUID
    experiment_id: UUID
    expected_version: int
    actor: Actor

    @classmethod
    def on(cls, experiment: Experiment, actor: Actor) -> "Intent":
        """To change it as it is in this row."""
        return cls(experiment.project_id, experiment.id, experiment.version, actor)


async def read(
    session: AsyncSession, intent: Intent, step: Step | None = None
) -> Experiment:
    """The experiment at the version that the caller saw, where the step is allowed.

    Raises:
        ExperimentUnknown: There is none in the project.
        StaleVersion: Somebody changed it since.
        IllegalTransition: Its state does not allow the step.
    """
    experiment = await queries.experiment_by_id(
        session, project_id=intent.project_id, experiment_id=intent.experiment_id
    )
    if experiment.version != intent.expected_version:
        raise StaleVersion(experiment.version)
    if step is not None:
        target_of(experiment.status, step)
    return experiment


async def held(session: AsyncSession, intent: Intent) -> Experiment:
    """The same, held: for whoever holds a row that belongs to it next.

    Raises:
        ExperimentUnknown: There is none in the project.
        StaleVersion: Somebody changed it since.
    """
    experiment = await read(session, intent)
    row = await hold(session, experiment.id)
    if row.version != intent.expected_version:
        raise StaleVersion(row.version)
    return row


async def hold(session: AsyncSession, experiment_id: UUID) -> Experiment:
    """The experiment as it is, held until the transaction ends.

    Whoever changes a row that belongs to it holds it first.
    """
    found = await session.exec(
        select(Experiment)
        .where(Experiment.id == experiment_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one()


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
        ReasonMissing, DesignInvalid: The step needs a reason, of some length.
        StaleVersion: Somebody else was first.
    """
    source = experiment.status
    target = target_of(source, step)
    transition = TRANSITIONS[step]
    if transition.needs_reason:
        reason = said(reason)
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


def said(reason: str | None) -> str:
    """Why somebody does something, without outer blanks.

    Raises:
        ReasonMissing: Nothing is said.
        DesignInvalid: It is too long to be kept.
    """
    text = (reason or "").strip()
    if not text:
        raise ReasonMissing
    if len(text) > TEXT_LENGTH:
        raise DesignInvalid(f"At most {TEXT_LENGTH:,} letters.", path=("reason",))
    return text
