"""Measuring again what was shipped: from the holdback, else before against after."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from core.audit import WORKER
from core.clock import now
from core.database import AsyncSession
from experiments.analysis.results import Report
from experiments.assignment.columns import NO_ARM, arms, encoded
from experiments.design import MetricRole, PhaseDesign
from experiments.eligibility.frozen import Eligibility
from experiments.events.errors import TooManyRows
from experiments.events.log import EventLog
from experiments.events.state import PhaseState, Sums
from experiments.events.studies import UnitValues
from experiments.freezing import design_of
from experiments.lifecycle import ExperimentStatus, Step
from experiments.models import Experiment, Phase
from experiments.service import change, memos
from experiments.service.reporting import report_of
from experiments.shipping.comparing import Compared, column_sums, compared
from experiments.shipping.models import Basis, MemoKind, Remeasurement, Shipment
from experiments.shipping.parts import MemoMeasurement, parts_of_memo
from experiments.shipping.queries import last_memo, remeasurements_of
from experiments.shipping.ramps import parts_of
from experiments.shipping.sight import POWER, shipped_effect, smallest_effect
from experiments.shipping.writing import measurement_text

MAX_UNITS = 1_000_000
"""Above it a holdback's sums are taken as the log keeps them, without looking at each
unit's bucket; of a period that many units are read."""


@dataclass(frozen=True, slots=True)
class Due:
    """One measurement with all that it needs of the facts."""

    row: Remeasurement
    shipment: Shipment
    design: PhaseDesign
    """Of the phase that was decided on."""
    holdback: PhaseDesign | None
    shipped_effect: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a measurement came to."""

    basis: Basis
    compared: Compared | None
    note: str


async def due(session: AsyncSession, row_id: UUID) -> Due:
    """Everything that a measurement reads of the facts."""
    row = await session.get_one(Remeasurement, row_id)
    shipment = await session.get_one(Shipment, row.shipment_id)
    phase = await session.get_one(Phase, shipment.phase_id)
    holdback = None
    if shipment.holdback_phase_id is not None:
        holdback = design_of(await session.get_one(Phase, shipment.holdback_phase_id))
    report: Report | None = await report_of(session, phase.id)
    return Due(
        row=row,
        shipment=shipment,
        design=design_of(phase),
        holdback=holdback,
        shipped_effect=shipped_effect(report, shipment.variant),
    )


async def measured(log: EventLog, wanted: Due) -> Found | None:
    """Read the log; None while it has not come as far as the measurement is due.

    Raises:
        UnknownPhase: The log has not heard of the holdback yet.
    """
    phase = wanted.holdback or wanted.design
    state = await log.phase_state(phase.phase_id)
    if state.rebuilding or not _is_there(state, wanted.row.due_at):
        return None
    if wanted.holdback is None:
        return await _before_and_after(log, wanted)
    return await _from_holdback(log, wanted, wanted.holdback)


def _is_there(state: PhaseState, due_at: datetime) -> bool:
    """The watermark stands still while nothing happens: then all is there that is."""
    if state.watermark >= due_at:
        return True
    return not state.backlog and not any(each.maturing for each in state.metrics)


async def write_down(session: AsyncSession, row_id: UUID, found: Found) -> bool:
    """Keep what was found and append it to the memo, once; of two workers one does."""
    row = await session.get_one(Remeasurement, row_id)
    experiment = await change.hold(session, row.experiment_id)
    await session.refresh(row)
    if row.done_at is not None or experiment.status is not ExperimentStatus.SHIPPED:
        return False
    _fill(row, found, at=await now(session))
    session.add(row)
    await session.flush()
    await _append(session, experiment, row)
    await _finish_if_last(session, experiment, row)
    return True


async def _from_holdback(log: EventLog, wanted: Due, phase: PhaseDesign) -> Found:
    metric = next(m for m in phase.metrics if m.role is MetricRole.PRIMARY)
    control, treatment = phase.control.key, wanted.shipment.variant
    try:
        values = await log.studies.unit_values(
            phase.phase_id, metric.metric_id, limit=MAX_UNITS
        )
    except TooManyRows:
        state = await log.phase_state(phase.phase_id)
        sums = {
            arm.arm: arm.capped or arm.raw
            for arm in state.metrics
            if arm.metric_id == metric.metric_id
        }
        pair = sums.get(control, Sums()), sums.get(treatment, Sums())
    else:
        kept = in_their_bucket(values, wanted)
        y = values.y if metric.cap is None else values.capped_y
        chosen = [
            kept & (values.arm == values.arms.index(key))
            for key in (control, treatment)
        ]
        pair = (
            column_sums(y[chosen[0]], values.d[chosen[0]]),
            column_sums(y[chosen[1]], values.d[chosen[1]]),
        )
    plan = wanted.design.plan
    alpha = 0.05 if plan is None else plan.alpha
    found = compared(metric, *pair, confidence=1.0 - alpha)
    power = POWER if plan is None else plan.power
    return _judged(found, wanted, alpha=alpha, power=power)


def in_their_bucket(values: UnitValues, wanted: Due) -> NDArray[np.bool_]:
    """Which units have the arm that the split gave them, and stand in the layer."""
    design, shipment = wanted.design, wanted.shipment
    parts = parts_of(
        design,
        variant=shipment.variant,
        holdback=shipment.holdback,
        share=shipment.share,
    )
    column = encoded(list(values.ids))
    found = arms(column, design.seed, 2, (parts.held_back, parts.kept))
    keys = np.array(
        [values.arms.index(design.control.key), values.arms.index(shipment.variant)]
    )
    inside: NDArray[np.bool_] = (found != NO_ARM) & (keys[found] == values.arm)
    layer = Eligibility.of(design.eligibility or {}).layer
    if layer is not None:
        inside &= arms(column, layer.seed, 2, layer.ranges) != NO_ARM
    return inside


def _judged(found: Compared, wanted: Due, *, alpha: float, power: float) -> Found:
    """A holdback that could not have seen the effect has measured nothing."""
    if found.difference is None or found.control is None or found.treatment is None:
        return Found(Basis.CANNOT_MEASURE, found, found.unavailable)
    smallest = smallest_effect(
        (1, found.control.variance),
        (1, found.treatment.variance),
        alpha=alpha,
        power=power,
    )
    effect = wanted.shipped_effect
    if effect is None:
        return Found(
            Basis.HOLDBACK, found, "The effect that it was shipped for is not known."
        )
    if abs(effect) < smallest:
        return Found(
            Basis.CANNOT_MEASURE,
            found,
            f"It sees effects from {smallest:.3g} on; the one that was shipped is "
            f"{effect:+.3g}.",
        )
    return Found(Basis.HOLDBACK, found, f"It sees effects from {smallest:.3g} on.")


async def _before_and_after(log: EventLog, wanted: Due) -> Found:
    """As many days before the experiment as since everyone had the variant."""
    design, days = wanted.design, timedelta(days=wanted.row.day)
    until = wanted.row.due_at
    periods = (
        (design.started_at - days, design.started_at),
        (until - days, until),
    )
    sums = [await _period(log, design, *period) for period in periods]
    found = compared(design.primary, sums[0], sums[1], confidence=0.95)
    if found.difference is None:
        return Found(Basis.CANNOT_MEASURE, found, found.unavailable)
    return Found(
        Basis.OBSERVATIONAL,
        found,
        f"The {wanted.row.day} days before the experiment against the last "
        f"{wanted.row.day}: whatever else has changed is in it.",
    )


async def _period(
    log: EventLog, design: PhaseDesign, since: datetime, until: datetime
) -> Sums:
    if until - since <= design.primary.closes_after:
        return Sums()
    found = await log.studies.history(
        design.environment_id,
        design.unit,
        design.primary,
        since=since,
        until=until,
        limit=MAX_UNITS,
    )
    return column_sums(found.y, found.d)


def _fill(row: Remeasurement, found: Found, *, at: datetime) -> None:
    row.done_at, row.basis, row.note = at, found.basis, found.note
    if found.compared is None:
        return
    for side in ("control", "treatment"):
        estimate = getattr(found.compared, side)
        if estimate is not None:
            setattr(row, f"{side}_units", estimate.n)
            setattr(row, f"{side}_mean", estimate.value)
    row.metric_key = found.compared.metric_key
    difference = found.compared.difference
    if difference is not None:
        row.absolute, row.p_value = difference.value, difference.p_value
        row.low, row.high = difference.low, difference.high


async def _append(
    session: AsyncSession, experiment: Experiment, row: Remeasurement
) -> None:
    before = await last_memo(session, experiment.id)
    if before is None or row.basis is None:
        return
    found = MemoMeasurement(
        day=row.day,
        basis=row.basis,
        control_units=row.control_units,
        treatment_units=row.treatment_units,
        absolute=row.absolute,
        low=row.low,
        high=row.high,
        note=row.note,
    )
    parts = parts_of_memo(before.parts)
    await memos.append(
        session,
        experiment,
        replace(parts, measured=(*parts.measured, found)),
        MemoKind.REMEASURED,
        actor=WORKER,
        before=before,
        text=f"{before.text.rstrip()}\n\n{measurement_text(found)}\n",
    )


async def _finish_if_last(
    session: AsyncSession, experiment: Experiment, row: Remeasurement
) -> None:
    """What could never be measured is not called MEASURED."""
    rows = (await remeasurements_of(session, [row.shipment_id]))[row.shipment_id]
    bases = {each.basis for each in rows}
    if None in bases or bases == {Basis.CANNOT_MEASURE}:
        return
    await change.take(
        session,
        experiment,
        Step.MEASURE,
        actor=WORKER,
        environment_id=row.environment_id,
        facts={"days": [each.day for each in rows]},
    )
