"""A rollout on its way: its steps, by the clock or by hand, and its end."""

from datetime import datetime, timedelta
from uuid import UUID

from core.audit import WORKER, Actor
from core.clock import now
from core.database import AsyncSession
from core.ids import new_id
from experiments.freezing import design_of, phase_of
from experiments.lifecycle import ExperimentStatus, Step
from experiments.models import Experiment, Phase, PhaseKind
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import locked_phase, touch_definitions
from experiments.service.recording import record
from experiments.shipping import ramps
from experiments.shipping.errors import ShipRefused
from experiments.shipping.models import Remeasurement, Shipment
from experiments.shipping.queries import held_shipment


async def advance_rollout(
    session: AsyncSession,
    intent: Intent,
) -> Shipment:
    """Take the next step of the rollout now, whether it is due, or held.

    Raises:
        ShipRefused: It is not on its way.
        StaleVersion: Somebody changed it first.
    """
    experiment, shipment = await _on_its_way(session, intent)
    return await _advance(
        session, experiment, shipment, actor=intent.actor, at=await now(session)
    )


async def advance_if_due(session: AsyncSession, experiment_id: UUID) -> bool:
    """Take the next step if its time has come; of two workers one does."""
    experiment = await change.hold(session, experiment_id)
    shipment = await held_shipment(session, experiment_id)
    at = await now(session)
    if shipment is None or shipment.next_at is None or shipment.next_at > at:
        return False
    if experiment.status is not ExperimentStatus.SHIPPING:
        return False
    await _advance(session, experiment, shipment, actor=WORKER, at=at)
    return True


async def hold_rollout(
    session: AsyncSession,
    intent: Intent,
    *,
    reason: str,
) -> Shipment:
    """Stay at the present step until somebody advances it.

    Raises:
        ReasonMissing, DesignInvalid: No reason was given, or too long a one.
        ShipRefused: It is not on its way.
        StaleVersion: Somebody changed it first.
    """
    reason = change.said(reason)
    experiment, shipment = await _on_its_way(session, intent)
    row = await change.write(session, experiment, [experiment.status])
    shipment.next_at, shipment.held_reason = None, reason
    session.add(shipment)
    await _record(session, row, shipment, "hold", actor=intent.actor, reason=reason)
    return shipment


async def complete(
    session: AsyncSession,
    experiment: Experiment,
    shipment: Shipment,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """From now on those held back are compared, and measured when it is time."""
    shipment.completed_at = at
    if shipment.holdback > 0.0:
        phase = await _holdback_phase(session, experiment, shipment, at)
        shipment.holdback_phase_id = phase.id
    session.add(shipment)
    session.add_all(
        Remeasurement(
            project_id=shipment.project_id,
            environment_id=shipment.environment_id,
            experiment_id=shipment.experiment_id,
            shipment_id=shipment.id,
            day=day,
            due_at=at + timedelta(days=day),
        )
        for day in ramps.DAYS
    )
    await session.flush()
    await change.take(
        session,
        experiment,
        Step.COMPLETE,
        actor=actor,
        environment_id=shipment.environment_id,
        facts={"share": shipment.share, "holdback": shipment.holdback},
    )


async def _on_its_way(
    session: AsyncSession, intent: Intent
) -> tuple[Experiment, Shipment]:
    experiment = await change.held(session, intent)
    shipment = await held_shipment(session, experiment.id)
    if experiment.status is not ExperimentStatus.SHIPPING or shipment is None:
        raise ShipRefused("No rollout of it is on its way.")
    return experiment, shipment


async def _advance(
    session: AsyncSession,
    experiment: Experiment,
    shipment: Shipment,
    *,
    actor: Actor,
    at: datetime,
) -> Shipment:
    row = await change.write(session, experiment, [experiment.status])
    shipment.step += 1
    shipment.share = shipment.steps[shipment.step]
    is_last = shipment.step == len(shipment.steps) - 1
    shipment.next_at = None if is_last else at + timedelta(hours=shipment.hold_hours)
    shipment.held_reason = None
    session.add(shipment)
    await _record(session, row, shipment, "advance", actor=actor)
    if is_last:
        await complete(session, row, shipment, actor=actor, at=at)
    await touch_definitions(session, shipment.environment_id)
    return shipment


async def _holdback_phase(
    session: AsyncSession, experiment: Experiment, shipment: Shipment, at: datetime
) -> Phase:
    randomised = await locked_phase(session, shipment.phase_id)
    before = design_of(randomised)
    design = ramps.holdback_design(
        before,
        ramps.parts_of(
            before,
            variant=shipment.variant,
            holdback=shipment.holdback,
            share=shipment.share,
        ),
        phase_id=new_id(),
        number=randomised.number + 1,
        variant=shipment.variant,
        started_at=at,
    )
    phase = phase_of(design, experiment, randomised.eligibility, PhaseKind.HOLDBACK)
    session.add(phase)
    await session.flush()
    return phase


async def _record(
    session: AsyncSession,
    experiment: Experiment,
    shipment: Shipment,
    what: str,
    *,
    actor: Actor,
    reason: str | None = None,
) -> None:
    await record(
        session,
        experiment,
        f"rollout.{what}",
        actor=actor,
        environment_id=shipment.environment_id,
        before={"version": experiment.version - 1},
        after={"version": experiment.version, "share": shipment.share},
        reason=reason,
    )
