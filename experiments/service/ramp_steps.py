"""The steps of a ramp: planned with the design, taken by a worker, let on by people."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from core.audit import WORKER
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments import queries
from experiments.analysis.queries import current_of_phase
from experiments.errors import DesignFrozen
from experiments.freezing import design_of
from experiments.governance import queries as governance
from experiments.governance.alarms import report_of, ringing, split_fits
from experiments.governance.errors import RampAbsent, RampInvalid, RampStepUnapproved
from experiments.governance.models import AlarmKind, Ramp, RampPlan
from experiments.governance.ramps import (
    RampFacts,
    RampStep,
    checked_steps,
    holds,
    passed,
    reached,
    steps_document,
    steps_of,
)
from experiments.lifecycle import EDITABLE, LIVE, ExperimentStatus
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import locked_phase, republish
from experiments.service.recording import record
from experiments.service.reviewing import bounded_note, check_reviewer, revoke_approvals


async def plan_ramp(
    session: AsyncSession,
    intent: Intent,
    *,
    steps: Sequence[RampStep],
) -> Experiment:
    """Say how coverage is to rise once it has started; no steps take the ramp away.

    Raises:
        RampInvalid: The steps break a rule.
        DesignFrozen: It has started.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    if experiment.status not in EDITABLE:
        raise DesignFrozen("The ramp was frozen at the start; raiseCoverage skips.")
    document = steps_document(checked_steps(steps))
    plans = await governance.ramp_plans(session, [experiment.id])
    before = steps_document(plans.get(experiment.id, ()))
    status = experiment.status
    columns = await revoke_approvals(session, experiment, intent.actor)
    row = await change.write(session, experiment, [status], **columns)
    plan = await session.get(RampPlan, row.id) or RampPlan(experiment_id=row.id)
    plan.steps = document
    session.add(plan)
    await record(
        session,
        row,
        "experiment.plan_ramp",
        actor=intent.actor,
        before={"status": status, "ramp": before, "version": row.version - 1},
        after={"status": row.status, "ramp": document, "version": row.version},
    )
    return row


async def approve_ramp_step(
    session: AsyncSession,
    intent: Intent,
    *,
    step: int,
    note: str = "",
) -> Experiment:
    """Let a step begin, once everything else that it waits for is there.

    Steps are counted from 1. Doing it again changes nothing.

    Raises:
        RampAbsent: No ramp is under way.
        RampInvalid: There is no such step to come, or it waits for nobody.
        ReviewerNotPerson, SelfApproval: Somebody else lets it begin.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.held(session, intent)
    phase, ramp = await _under_way(session, experiment)
    _check_waits(ramp, step)
    if step - 1 in _approved(ramp):
        return experiment
    note = bounded_note(note)
    await check_reviewer(session, experiment, intent.actor)
    row = await change.write(session, experiment, [experiment.status])
    said = {
        "step": step,
        "actor_kind": intent.actor.kind,
        "actor_name": intent.actor.name,
        "note": note,
        "at": (await now(session)).isoformat(),
    }
    ramp.approvals = [*ramp.approvals, said]
    session.add(ramp)
    await record(
        session,
        row,
        "experiment.approve_ramp_step",
        actor=intent.actor,
        environment_id=phase.environment_id,
        before={"version": row.version - 1},
        after={"step": step, "phase": phase.number, "version": row.version},
        reason=note or None,
    )
    return row


async def advance(session: AsyncSession, *, phase_id: UUID, exposed: int) -> bool:
    """Begin the next step of a phase's ramp, or note what it waits for.

    Of several who try at once one does it; returns whether this call did.

    Raises:
        StaleVersion: Somebody else changed the experiment meanwhile.
    """
    ramp = await session.get(Ramp, phase_id)
    if ramp is None or ramp.finished_at is not None:
        return False
    experiment = await change.hold(session, ramp.experiment_id)
    phase = await locked_phase(session, phase_id)
    ramp = await _held(session, phase_id)
    if ramp is None or ramp.finished_at or phase.ended_at:
        return False
    facts = await _facts(session, phase, ramp, exposed)
    if found := holds(facts):
        await _wait(session, ramp, [asdict(hold) for hold in found], facts)
        return False
    before, coverage = phase.coverage, facts.steps[facts.step + 1].coverage
    row = await change.write(
        session, experiment, [ExperimentStatus.RUNNING], coverage=coverage
    )
    await _enter(session, ramp, facts.step + 1, facts.at)
    phase.coverage = coverage
    await republish(session, phase)
    await record(
        session,
        row,
        "experiment.ramp",
        actor=WORKER,
        environment_id=phase.environment_id,
        before={"coverage": before, "version": row.version - 1},
        after={
            "coverage": coverage,
            "phase": phase.number,
            "step": facts.step + 2,
            "version": row.version,
        },
        reason=passed(facts),
    )
    return True


async def skip_ahead(session: AsyncSession, phase_id: UUID, coverage: float) -> None:
    """Let a ramp go on from where a person raised the coverage to.

    Raises:
        RampStepUnapproved: On the way is a step that waits for a reviewer.
    """
    ramp = await _held(session, phase_id)
    if ramp is None or ramp.finished_at is not None:
        return
    steps = steps_of(ramp.steps)
    to = reached(steps, coverage)
    if to is None or to <= ramp.step:
        return
    approved = _approved(ramp)
    for index in range(ramp.step + 1, to + 1):
        if steps[index].needs_approval and index not in approved:
            raise RampStepUnapproved(index + 1, steps[index].coverage)
    await _enter(session, ramp, to, await now(session))


async def _under_way(
    session: AsyncSession, experiment: Experiment
) -> tuple[Phase, Ramp]:
    """The phase that runs and its ramp, which is held.

    Raises:
        RampAbsent: No ramp is under way.
    """
    if experiment.status not in LIVE:
        raise RampAbsent
    phase = await queries.current_phase(session, experiment.id)
    ramp = await _held(session, phase.id)
    if ramp is None or ramp.finished_at is not None:
        raise RampAbsent
    return phase, ramp


def _check_waits(ramp: Ramp, step: int) -> None:
    path = ("step",)
    if not ramp.step + 1 < step <= len(ramp.steps):
        raise RampInvalid(
            f"Steps {ramp.step + 2} to {len(ramp.steps)} are to come.", path=path
        )
    if not steps_of(ramp.steps)[step - 1].needs_approval:
        raise RampInvalid(f"Step {step} waits for nobody.", path=path)


async def _held(session: AsyncSession, phase_id: UUID) -> Ramp | None:
    return await session.get(
        Ramp, phase_id, with_for_update=True, populate_existing=True
    )


async def _enter(session: AsyncSession, ramp: Ramp, step: int, at: datetime) -> None:
    """Stand at a step, if it stands where it was read."""
    last = step == len(ramp.steps) - 1
    result = await session.exec(
        update(Ramp)
        .where(col(Ramp.phase_id) == ramp.phase_id, col(Ramp.step) == ramp.step)
        .values(step=step, entered_at=at, holds=[], finished_at=at if last else None)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(ramp)
    if result.rowcount != 1:
        raise StaleVersion(ramp.step)


async def _wait(
    session: AsyncSession, ramp: Ramp, found: list[dict[str, Any]], facts: RampFacts
) -> None:
    if ramp.holds != found or ramp.exposed != facts.exposed:
        ramp.holds, ramp.exposed, ramp.checked_at = found, facts.exposed, facts.at
        session.add(ramp)
        await session.flush()


async def _facts(
    session: AsyncSession, phase: Phase, ramp: Ramp, exposed: int
) -> RampFacts:
    design = design_of(phase)
    snapshot = await current_of_phase(session, phase.id)
    rows = await governance.alarms_of_phase(session, phase.id)
    in_force = {
        (row.metric_key, row.arm)
        for row in rows
        if row.kind is AlarmKind.HARM and row.dismissed_at is None
    }
    fits = None
    if snapshot is not None:
        report = report_of(snapshot)
        fits = split_fits(report)
        known = {(row.kind, row.metric_key, row.arm) for row in rows}
        in_force |= {
            (each.metric_key, each.arm)
            for each in ringing(report, design)
            if each.kind is AlarmKind.HARM
            and (each.kind, each.metric_key, each.arm) not in known
        }
    in_force = {each for each in in_force if each[1] not in design.dropped_at}
    return RampFacts(
        steps=steps_of(ramp.steps),
        step=ramp.step,
        entered_at=ramp.entered_at,
        at=await now(session),
        pauses=design.gaps,
        exposed=exposed,
        split_fits=fits,
        alarms=len(in_force),
        approved=_approved(ramp),
    )


def _approved(ramp: Ramp) -> frozenset[int]:
    return frozenset(each["step"] - 1 for each in ramp.approvals)
