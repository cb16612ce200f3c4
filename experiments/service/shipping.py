"""Shipping what was decided on: shown first, then by steps, with a holdback."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, Step, target_of
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import touch_definitions
from experiments.service.rolling_out import complete
from experiments.shipping import ramps
from experiments.shipping.effects import EFFECTS
from experiments.shipping.errors import (
    PreviewChanged,
    PreviewExpired,
    PreviewUsed,
    ShipRefused,
)
from experiments.shipping.models import Shipment, ShipPreview
from experiments.shipping.queries import preview_by_hash
from experiments.shipping.tokens import inputs_hash, token_hash


@dataclass(frozen=True, slots=True)
class ShipPlan:
    """What is shipped, to whom, and how fast."""

    variant: str
    holdback: float = 0.0
    """The share of all units that keeps the control."""
    ramp_to: float = 1.0
    """The share of all units that it comes to; whoever is held back is not in it."""
    steps: Sequence[float] = ramps.STEPS
    """The shares that it comes to before, each held for a while."""
    hold_hours: int = ramps.HOLD_HOURS

    def checked(self) -> list[float]:
        """The steps, the last one included.

        Raises:
            DesignInvalid: They do not rise, or are held too long.
        """
        if not 0 <= self.hold_hours <= ramps.MAX_HOLD_HOURS:
            raise DesignInvalid(
                f"A step is held 0 to {ramps.MAX_HOLD_HOURS} hours.",
                path=("holdHours",),
            )
        return ramps.checked_steps(self.steps, self.ramp_to)


async def shippable(
    session: AsyncSession, experiment: Experiment, environment_id: UUID, plan: ShipPlan
) -> Phase:
    """The phase that was decided on, if the plan ships what was decided.

    Raises:
        IllegalTransition: Nothing was decided, or it is shipped already.
        ShipRefused: Another variant was decided on, or nobody is assigned here.
        DesignInvalid: The plan breaks a rule.
    """
    target_of(experiment.status, Step.SHIP)
    if experiment.decision is not DecisionOutcome.SHIP:
        raise ShipRefused("It was decided not to ship it.")
    if plan.variant != experiment.decided_variant:
        raise ShipRefused(
            f"It was decided to ship {experiment.decided_variant}.", path=("variant",)
        )
    phase = await queries.current_phase(session, experiment.id)
    if phase.imported or phase.environment_id != environment_id:
        raise ShipRefused("Its units are not assigned in this environment.")
    plan.checked()
    ramps.check_holdback(design_of(phase), plan.holdback)
    return phase


async def ship(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    token: str,
    plan: ShipPlan,
) -> Shipment:
    """Begin the rollout that a preview showed. The last step ends it.

    Raises:
        PreviewUsed, PreviewExpired, PreviewChanged: The token stands for nothing now.
        ShipRefused: Another variant was decided on, or nobody is assigned here.
        IllegalTransition: Nothing was decided, or it is shipped already.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    at = await now(session)
    await _redeem(session, experiment, environment_id, token, plan, at=at)
    phase = await shippable(session, experiment, environment_id, plan)
    shipment = _shipment(phase, plan, at)
    row = await change.take(
        session,
        experiment,
        Step.SHIP,
        actor=intent.actor,
        environment_id=environment_id,
        facts={
            "variant": shipment.variant,
            "holdback": shipment.holdback,
            "steps": shipment.steps,
            "hold_hours": shipment.hold_hours,
        },
    )
    session.add(shipment)
    await session.flush()
    await EFFECTS[row.treatment].ship(session, phase, shipment.id)
    if len(shipment.steps) == 1:
        await complete(session, row, shipment, actor=intent.actor, at=at)
    await touch_definitions(session, environment_id)
    return shipment


def _shipment(phase: Phase, plan: ShipPlan, at: datetime) -> Shipment:
    """The rollout of a plan, at its first step."""
    steps = plan.checked()
    return Shipment(
        project_id=phase.project_id,
        environment_id=phase.environment_id,
        experiment_id=phase.experiment_id,
        phase_id=phase.id,
        variant=plan.variant,
        holdback=plan.holdback,
        steps=steps,
        hold_hours=plan.hold_hours,
        share=steps[0],
        next_at=at + timedelta(hours=plan.hold_hours) if len(steps) > 1 else None,
        started_at=at,
    )


async def _redeem(
    session: AsyncSession,
    experiment: Experiment,
    environment_id: UUID,
    token: str,
    plan: ShipPlan,
    *,
    at: datetime,
) -> None:
    path = ("token",)
    preview = await preview_by_hash(
        session, experiment_id=experiment.id, token_hash=token_hash(token)
    )
    if preview is None or preview.environment_id != environment_id:
        raise PreviewChanged("No preview of it was given this token.", path=path)
    if preview.used_at is not None:
        raise PreviewUsed("It was shipped before.", path=path)
    if preview.expires_at <= at:
        raise PreviewExpired("Look at a new preview first.", path=path)
    if preview.experiment_version != experiment.version:
        raise PreviewChanged(
            "The experiment has changed since: look at a new preview.", path=path
        )
    if preview.inputs_hash != inputs_hash(
        plan.variant, plan.holdback, plan.checked(), plan.hold_hours
    ):
        raise PreviewChanged("The preview was of another plan.", path=path)
    taken = await session.exec(
        update(ShipPreview)
        .where(col(ShipPreview.id) == preview.id, col(ShipPreview.used_at).is_(None))
        .values(used_at=at)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        raise PreviewUsed("It was shipped before.", path=path)
