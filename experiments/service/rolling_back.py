"""Taking back what was shipped: the control for everyone, at once."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.lifecycle import DecisionOutcome, Step
from experiments.models import Experiment
from experiments.service import change, memos
from experiments.service.change import Intent
from experiments.service.concluding import conclude
from experiments.service.publishing import locked_phase, touch_definitions
from experiments.service.reporting import report_of
from experiments.service.running import finish
from experiments.shipping.effects import EFFECTS
from experiments.shipping.errors import ShipRefused
from experiments.shipping.models import Shipment
from experiments.shipping.parts import MemoDecision, parts_of_memo
from experiments.shipping.queries import held_shipment, last_memo


async def roll_back(
    session: AsyncSession,
    intent: Intent,
    *,
    reason: str,
) -> Experiment:
    """Give everyone the control again, whatever the rollout had reached.

    Raises:
        ReasonMissing, DesignInvalid: No reason was given, or too long a one.
        IllegalTransition: Nothing is shipped.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent, Step.ROLL_BACK)
    said = change.said(reason)
    at = await now(session)
    row = await change.take(
        session,
        experiment,
        Step.ROLL_BACK,
        actor=intent.actor,
        reason=said,
        facts={"decision": DecisionOutcome.ROLL_BACK},
        decision=DecisionOutcome.ROLL_BACK,
        decision_note=said,
        decided_variant=None,
        decided_at=at,
    )
    shipment = await end_holdback(session, intent.experiment_id, at)
    if shipment is None:
        raise ShipRefused("There is no shipment to take back.")
    shipment.rolled_back_at, shipment.rolled_back_reason = at, said
    shipment.next_at = None
    session.add(shipment)
    phase = await queries.current_phase(session, intent.experiment_id)
    await EFFECTS[row.treatment].roll_back(session, phase, shipment.id)
    await _write_down(session, row, intent.actor, said)
    await touch_definitions(session, shipment.environment_id)
    return row


async def end_holdback(
    session: AsyncSession, experiment_id: UUID, at: datetime
) -> Shipment | None:
    """Let nobody be compared any more from now on; returns the shipment, held."""
    shipment = await held_shipment(session, experiment_id)
    if shipment is not None and shipment.holdback_phase_id is not None:
        phase = await locked_phase(session, shipment.holdback_phase_id)
        if phase.ended_at is None:
            await finish(session, phase, at)
    return shipment


async def _write_down(
    session: AsyncSession, experiment: Experiment, actor: Actor, reason: str
) -> None:
    """The memo says so in a later version; the one that was shipped on stays."""
    before = await last_memo(session, experiment.id)
    if before is None:
        parts = await memos.generated(session, experiment, None)
    else:
        parts = parts_of_memo(before.parts)
    decision = MemoDecision(
        outcome=DecisionOutcome.ROLL_BACK,
        variant=None,
        note=reason,
        by=actor.name,
        opposes=False,
        approved_by=None,
        reviewed=False,
        early_reason=None,
    )
    phase = await queries.current_phase(session, experiment.id)
    report = await report_of(session, phase.id)
    await conclude(
        session,
        experiment,
        replace(parts, decision=None),
        decision,
        report,
        actor=actor,
        before=before,
    )
