"""The end of an experiment that ran elsewhere: its size, and caps read from it."""

from dataclasses import replace
from uuid import UUID

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.design import MAX_UNIT_TOTAL, PhaseDesign, design_hash
from experiments.errors import (
    DesignFrozen,
    DesignInvalid,
    MetricUnknown,
    NotAnImport,
)
from experiments.freezing import design_of, document_of
from experiments.lifecycle import Step
from experiments.models import Phase
from experiments.service import change
from experiments.service.publishing import locked_phase, republish


async def finish_import(
    session: AsyncSession,
    *,
    environment_id: UUID,
    phase_id: UUID,
    units: int,
    actor: Actor,
) -> Phase:
    """All units are in: the horizon is their number, and the experiment stops.

    A phase that is finished already stays as it is.

    Raises:
        PhaseUnknown: There is no such phase in the environment.
        DesignFrozen: It was finished with another number of units.
        NotAnImport: The phase assigns people here.
        IllegalTransition: The experiment is not running.
        DesignInvalid: There are no units.
    """
    await queries.phase_by_id(session, environment_id=environment_id, phase_id=phase_id)
    phase = await locked_phase(session, phase_id)
    if phase.finished_import:
        if phase.planned_units != units:
            raise DesignFrozen(f"It was finished with {phase.planned_units:,} units.")
        return phase
    if not phase.imported:
        raise NotAnImport
    if units < 1:
        raise DesignInvalid("An import has at least one unit.", path=("units",))
    experiment = await queries.experiment_by_id(
        session, project_id=phase.project_id, experiment_id=phase.experiment_id
    )
    await change.take(
        session,
        experiment,
        Step.STOP,
        actor=actor,
        environment_id=environment_id,
        reason="The import is finished.",
        facts={"phase": phase.number, "units": units},
        planned_units=units,
    )
    phase.finished_import = True
    phase.planned_units = units
    phase.ended_at = await now(session)
    _keep(phase, design_of(phase))
    await republish(session, phase)
    return phase


async def fix_cap(
    session: AsyncSession,
    *,
    environment_id: UUID,
    phase_id: UUID,
    metric_id: UUID,
    cap: int,
    actor: Actor,
) -> Phase:
    """Write the number that a metric's quantile came to, once and for the phase.

    Raises:
        PhaseUnknown: There is no such phase in the environment.
        MetricUnknown: The phase does not measure it, or not with a quantile.
        DesignFrozen: Another number was written before.
        DesignInvalid: The number is out of bounds.
    """
    await queries.phase_by_id(session, environment_id=environment_id, phase_id=phase_id)
    phase = await locked_phase(session, phase_id)
    design = design_of(phase)
    metric = next((m for m in design.metrics if m.metric_id == metric_id), None)
    if metric is None or metric.cap_quantile is None:
        raise MetricUnknown
    if metric.cap == cap:
        return phase
    if metric.cap is not None:
        raise DesignFrozen(f"The cap of {metric.key} is {metric.cap}.")
    if not 0 <= cap <= MAX_UNIT_TOTAL:
        raise DesignInvalid("The cap is out of bounds.", path=("cap",))
    capped = replace(metric, cap=cap)
    before = phase.design_hash
    metrics = tuple(capped if m is metric else m for m in design.metrics)
    _keep(phase, replace(design, metrics=metrics))
    await republish(session, phase)
    await audit.record(
        session,
        actor=actor,
        project_id=phase.project_id,
        environment_id=environment_id,
        action="phase.fix_cap",
        subject="Phase",
        subject_id=phase.id,
        before={"metric": metric.key, "cap": None, "design_hash": before},
        after={"metric": metric.key, "cap": cap, "design_hash": phase.design_hash},
    )
    return phase


def _keep(phase: Phase, design: PhaseDesign) -> None:
    phase.design = document_of(design)
    phase.design_hash = design_hash(design)
