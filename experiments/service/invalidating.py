"""Taking an experiment out of what may be believed: its data stays, no arm wins."""

from datetime import datetime

from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.governance.models import Invalidation
from experiments.lifecycle import LIVE, OUT, Step
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import locked_phase, touch_definitions
from experiments.service.rolling_back import end_holdback
from experiments.service.running import finish
from experiments.shipping.effects import EFFECTS


async def invalidate(
    session: AsyncSession,
    intent: Intent,
    *,
    reason: str,
) -> Experiment:
    """Say that nothing may be concluded from an experiment, and why.

    A live one ends, what was shipped is taken back, and everyone gets the control; a
    decision that was made is kept as what it was.

    Raises:
        IllegalTransition: It has not started, or was invalidated before.
        ReasonMissing, DesignInvalid: No reason was given, or too long a one.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    source, reason = experiment.status, change.said(reason)
    row = await change.take(
        session, experiment, Step.INVALIDATE, actor=intent.actor, reason=reason
    )
    at = await now(session)
    session.add(
        Invalidation(
            project_id=intent.project_id,
            experiment_id=row.id,
            source=source,
            reason=reason,
            actor_kind=intent.actor.kind,
            actor_name=intent.actor.name,
            at=at,
        )
    )
    phase = await queries.current_phase(session, row.id)
    if source in LIVE:
        await finish(session, await locked_phase(session, phase.id), at)
    if source in OUT:
        await _take_back(session, row, phase, reason, at)
    for environment_id in await queries.environments_of(session, row.id):
        await touch_definitions(session, environment_id)
    await session.flush()
    return row


async def _take_back(
    session: AsyncSession, experiment: Experiment, phase: Phase, why: str, at: datetime
) -> None:
    shipment = await end_holdback(session, experiment.id, at)
    if shipment is None or shipment.rolled_back_at is not None:
        return
    shipment.rolled_back_at, shipment.rolled_back_reason = at, why
    shipment.next_at = None
    session.add(shipment)
    await EFFECTS[experiment.treatment].roll_back(session, phase, shipment.id)
