"""Writing an experiment down, and changing it."""

from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.design import UnitKind
from experiments.drafts import Changes, Draft
from experiments.errors import DesignFrozen, KeyReserved
from experiments.lifecycle import EDITABLE, LIVE
from experiments.models import Experiment
from experiments.service import change
from experiments.service.parts import check_key, columns_of, write_parts
from experiments.service.publishing import locked_phase, republish
from experiments.treatments import TreatmentKind


async def draft(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    treatment: TreatmentKind,
    changes: Changes,
) -> Experiment:
    """Write down a new experiment. Nobody is assigned until it is started.

    Raises:
        DesignInvalid: A part breaks a rule.
        TreatmentInvalid: A payload does not fit the treatment.
        ConditionInvalid: The targeting cannot be evaluated.
        MetricUnknown: The project has no such metric.
        KeyReserved: The project has, or had, an experiment with this key.
    """
    check_key(key)
    at = await now(session)
    experiment = Experiment(
        project_id=project_id,
        key=key,
        name=changes.name or key,
        treatment=treatment,
        unit=changes.unit or UnitKind.USER,
        owner_kind=actor.kind,
        owner_id=actor.id,
        owner_name=actor.name,
        created_at=at,
        updated_at=at,
    )
    for name, value in columns_of(changes).items():
        setattr(experiment, name, value)
    try:
        async with session.begin_nested():
            session.add(experiment)
    except IntegrityError as error:
        raise KeyReserved(key) from error
    await write_parts(session, experiment, changes)
    written = await queries.draft_of(session, experiment)
    await _record(session, actor, "experiment.draft", None, written)
    return experiment


async def update(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    expected_version: int,
    actor: Actor,
    changes: Changes,
) -> Experiment:
    """Change a draft; of a live experiment only the name, or more coverage.

    Raises:
        DesignFrozen: It has started, and the change is of another kind.
        StaleVersion: Somebody changed it since.
    """
    experiment = await change.read(
        session,
        project_id=project_id,
        experiment_id=experiment_id,
        expected=expected_version,
    )
    _check_frozen(experiment, changes)
    before = await queries.draft_of(session, experiment)
    remembered = before.facts()
    columns = columns_of(changes)
    row = await change.write(session, experiment, [experiment.status], **columns)
    if experiment.status in EDITABLE:
        await write_parts(session, row, changes)
    elif changes.coverage is not None:
        phase = await queries.current_phase(session, row.id)
        phase = await locked_phase(session, phase.id)
        phase.coverage = changes.coverage
        await republish(session, phase)
    after = await queries.draft_of(session, row)
    await _record(session, actor, "experiment.update", remembered, after)
    return row


def _check_frozen(experiment: Experiment, changes: Changes) -> None:
    if experiment.status in EDITABLE:
        return
    if changes.touches_design:
        raise DesignFrozen(
            "The design was frozen at the start; draft another experiment."
        )
    if changes.coverage is None:
        return
    if experiment.status not in LIVE:
        raise DesignFrozen("Nobody is being assigned any more.", path=("coverage",))
    if changes.coverage < experiment.coverage:
        raise DesignFrozen(
            f"Coverage may only be raised from {experiment.coverage:g}.",
            path=("coverage",),
        )


async def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    before: dict[str, Any] | None,
    after: Draft,
) -> None:
    await audit.record(
        session,
        actor=actor,
        project_id=after.experiment.project_id,
        action=action,
        subject="Experiment",
        subject_id=after.experiment.id,
        before=before,
        after=after.facts(),
    )
