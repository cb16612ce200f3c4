"""Writing an experiment down, and changing it."""

from typing import Any
from uuid import UUID

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.design import UnitKind
from experiments.drafts import Changes, Draft
from experiments.errors import DesignFrozen
from experiments.lifecycle import EDITABLE
from experiments.models import Experiment
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.keys import keep
from experiments.service.parts import check_key, columns_of, write_parts
from experiments.service.population import population_columns
from experiments.service.prerequisites import check_variants_kept
from experiments.service.ramping import check_rise, cover
from experiments.service.recording import record
from experiments.service.reviewing import revoke_approvals
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
        ConditionInvalid, SegmentUnknown: The targeting cannot be evaluated.
        LayerSlotTaken: Another experiment has part of the slots.
        PrerequisiteInvalid: It requires what is not in use.
        MetricUnknown: The project has no such metric.
        KeyTaken: The project has an experiment with this key.
        KeyReserved: It had one, which was archived.
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
    for name, value in (await population_columns(session, experiment, changes)).items():
        setattr(experiment, name, value)
    await keep(session, experiment)
    await write_parts(session, experiment, changes)
    written = await queries.draft_of(session, experiment)
    await _record(
        session, actor, "experiment.draft", None, after=written, changes=changes
    )
    return experiment


async def update(
    session: AsyncSession,
    intent: Intent,
    *,
    changes: Changes,
) -> Experiment:
    """Change a draft; of a live experiment only the name, or more coverage.

    A design that is in review, approved or scheduled is in review again by it.

    Raises:
        DesignFrozen: It has started, and the change is of another kind.
        CoverageOnlyRises: It has started, and the coverage would fall.
        PrerequisiteInUse: Others require a variant that would go.
        StaleVersion: Somebody changed it since.
    """
    experiment = await change.read(session, intent)
    _check_frozen(experiment, changes)
    before = await queries.draft_of(session, experiment)
    remembered = before.facts()
    columns = columns_of(changes)
    columns |= await population_columns(session, experiment, changes)
    status = experiment.status
    if changes.touches_design or changes.coverage is not None:
        columns |= await revoke_approvals(session, experiment, intent.actor)
    row = await change.write(session, experiment, [status], **columns)
    if experiment.status in EDITABLE:
        await write_parts(session, row, changes)
        if changes.variants is not None:
            await check_variants_kept(session, await queries.draft_of(session, row))
    elif changes.coverage is not None:
        await cover(session, row)
    after = await queries.draft_of(session, row)
    await _record(
        session,
        intent.actor,
        "experiment.update",
        remembered,
        after=after,
        changes=changes,
    )
    return row


def _check_frozen(experiment: Experiment, changes: Changes) -> None:
    if experiment.status in EDITABLE:
        return
    if changes.touches_design:
        raise DesignFrozen(
            "The design was frozen at the start. startNewPhase takes another split or "
            "less coverage; for anything else draft another experiment."
        )
    if changes.coverage is not None:
        check_rise(experiment, changes.coverage)


async def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    before: dict[str, Any] | None,
    *,
    after: Draft,
    changes: Changes,
) -> None:
    await record(
        session,
        after.experiment,
        action,
        actor=actor,
        before=before,
        after=after.facts(),
        reason=changes.exemption_reason.strip() or None,
    )
