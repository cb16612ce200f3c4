"""What shipping would do, shown before it is done, and a token to do it with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from core.clock import now
from core.database import AsyncSession
from experiments.analysis.results import Report
from experiments.design import PhaseDesign
from experiments.eligibility.frozen import Eligibility
from experiments.freezing import design_of
from experiments.lifecycle import LIVE
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.prerequisites import requiring
from experiments.service.recording import record
from experiments.service.reporting import report_of
from experiments.service.shipping import ShipPlan, shippable
from experiments.shipping import ramps
from experiments.shipping.effects import EFFECTS, Foreseen
from experiments.shipping.models import Basis, ShipPreview
from experiments.shipping.queries import live_in_layer
from experiments.shipping.sight import Sight, foreseen
from experiments.shipping.tokens import VALID_FOR, inputs_hash, new_token, token_hash


@dataclass(frozen=True, slots=True)
class ArmUnits:
    """Units that met a variant while it was tested."""

    variant: str
    exposed: int


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a preview shows."""

    variant: str
    steps: tuple[float, ...]
    hold_hours: int
    exposed: tuple[ArmUnits, ...]
    would_change: int
    """Of the units that were exposed, those that would get another variant."""
    held_back_units: int
    """Of them, those expected to be held back."""
    held_back_share: float
    kept_share: float
    sight: Sight
    measurement: Basis
    """What measuring it again can come to."""
    counts: dict[str, int]
    """What the kind of treatment adds, by name."""
    warnings: tuple[str, ...]


async def preview(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    plan: ShipPlan,
) -> tuple[ShipPreview, str]:
    """Look at what the plan would do; the token holds for it alone, a quarter hour.

    The token is told once: only its hash is kept.

    Raises:
        IllegalTransition: Nothing was decided, or it is shipped already.
        ShipRefused: Another variant was decided on, or nobody is assigned here.
        DesignInvalid: The plan breaks a rule.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    phase = await shippable(session, experiment, environment_id, plan)
    shown = await _foresee(session, experiment, phase, plan)
    at, token = await now(session), new_token()
    row = ShipPreview(
        project_id=intent.project_id,
        environment_id=environment_id,
        experiment_id=intent.experiment_id,
        experiment_version=experiment.version,
        token_hash=token_hash(token),
        inputs_hash=inputs_hash(
            plan.variant, plan.holdback, shown.steps, plan.hold_hours
        ),
        body=msgspec.to_builtins(shown),
        at=at,
        expires_at=at + VALID_FOR,
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        experiment,
        "experiment.preview_ship",
        actor=intent.actor,
        environment_id=environment_id,
        before={"version": experiment.version},
        after={"variant": plan.variant, "holdback": plan.holdback},
    )
    return row, token


def foresight_of(row: ShipPreview) -> Foresight:
    """What the preview showed."""
    document: dict[str, Any] = row.body
    return msgspec.convert(document, Foresight)


async def _foresee(
    session: AsyncSession, experiment: Experiment, phase: Phase, plan: ShipPlan
) -> Foresight:
    design, steps = design_of(phase), plan.checked()
    report = await report_of(session, phase.id)
    parts = ramps.parts_of(
        design, variant=plan.variant, holdback=plan.holdback, share=steps[-1]
    )
    kept = parts.kept[1] - parts.kept[0]
    sight = foreseen(
        report,
        design,
        variant=plan.variant,
        held_back=plan.holdback,
        kept=kept,
        ran_for=_enrolled_for(design),
    )
    exposed = _exposed(report)
    held_back = _held_back(design, exposed, plan.holdback)
    others = sum(each.exposed for each in exposed if each.variant != plan.variant)
    payload = next(arm.payload for arm in design.arms if arm.key == plan.variant)
    effect = EFFECTS[experiment.treatment]
    more = await effect.foresee(session, phase, payload)
    return Foresight(
        variant=plan.variant,
        steps=tuple(steps),
        hold_hours=plan.hold_hours,
        exposed=exposed,
        would_change=others - held_back,
        held_back_units=held_back,
        held_back_share=plan.holdback,
        kept_share=kept,
        sight=sight,
        measurement=_measurement(plan, sight),
        counts=dict(more.counts),
        warnings=await _warnings(
            session, experiment, phase, plan=plan, sight=sight, more=more
        ),
    )


def _measurement(plan: ShipPlan, sight: Sight) -> Basis:
    if plan.holdback <= 0.0:
        return Basis.OBSERVATIONAL
    return Basis.HOLDBACK if sight.can_measure else Basis.CANNOT_MEASURE


async def _warnings(
    session: AsyncSession,
    experiment: Experiment,
    phase: Phase,
    *,
    plan: ShipPlan,
    sight: Sight,
    more: Foreseen,
) -> tuple[str, ...]:
    found = list(more.warnings)
    if plan.holdback <= 0.0:
        found.append("Nobody is held back: only before and after can be compared.")
    elif not sight.can_measure:
        too_small = "The holdback is too small to see the effect again."
        found.append(sight.reason or too_small)
    rules = Eligibility.of(phase.eligibility)
    if rules.layer is not None:
        others = await live_in_layer(session, experiment)
        named = f", {', '.join(others)} among them" if others else ""
        found.append(
            f"It is served past its slots of the layer {rules.layer.key}: units of "
            f"its other experiments get it too{named}."
        )
    if rules.holdouts:
        keys = ", ".join(each.key for each in rules.holdouts)
        found.append(f"Who is in a holdout stays with the control: {keys}.")
    children = await requiring(
        session,
        project_id=experiment.project_id,
        key=experiment.key,
        statuses=LIVE,
    )
    if children:
        found.append(
            f"Live experiments require it, and will meet other units: "
            f"{', '.join(sorted(children))}."
        )
    return tuple(found)


def _exposed(report: Report | None) -> tuple[ArmUnits, ...]:
    arms = () if report is None else report.health.arms
    return tuple(ArmUnits(arm.arm, arm.exposed) for arm in arms)


def _held_back(
    design: PhaseDesign, exposed: tuple[ArmUnits, ...], holdback: float
) -> int:
    """Of the control's units those at the start of its bucket, as expected."""
    control = design.control
    covered = control.weight * design.coverage
    units = sum(each.exposed for each in exposed if each.variant == control.key)
    return 0 if covered <= 0.0 else round(units * min(1.0, holdback / covered))


def _enrolled_for(design: PhaseDesign) -> timedelta:
    """How long it enrolled, without its pauses."""
    if design.ended_at is None:
        return timedelta(0)
    paused = [(until or design.ended_at) - since for since, until in design.gaps]
    return design.ended_at - design.started_at - sum(paused, timedelta(0))
