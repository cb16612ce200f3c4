"""Starting, pausing, resuming and stopping: what people are assigned changes here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import now
from core.database import AsyncSession
from core.ids import new_id
from experiments import queries
from experiments.assignment.seeds import phase_seed
from experiments.drafts import Draft
from experiments.errors import ChecklistIncomplete, DesignInvalid
from experiments.freezing import frozen_phase
from experiments.governance import queries as governance
from experiments.governance.ramps import RampStep
from experiments.lifecycle import PauseMode, Step
from experiments.models import Experiment, Phase
from experiments.readiness import blockers, launch_checks
from experiments.service import change
from experiments.service.approving import Agreement, agreement_of, check_agreed
from experiments.service.change import Intent
from experiments.service.launching import begin_ramp, write_launch
from experiments.service.planning import frozen_plan
from experiments.service.population import gathered, hold_places
from experiments.service.publishing import (
    locked_phase,
    republish,
    touch_definitions,
)
from experiments.service.readying import check_launch, record_launch


async def start(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    imported_since: datetime | None = None,
    scheduled_for: datetime | None = None,
) -> Phase:
    """Freeze the design into a phase; from the commit on people are assigned.

    `imported_since` is the earliest exposure of an experiment that ran elsewhere;
    `scheduled_for` the instant that somebody chose for the start. A draft with a ramp
    covers what the first of its steps does.

    Raises:
        ChecklistIncomplete: The launch checklist has blockers.
        ConditionInvalid, SegmentUnknown: The targeting cannot be evaluated.
        LayerSlotTaken: Another experiment has part of its slots.
        PrerequisiteInvalid: It requires what is not in use.
        NotApproved: The project's rules ask for approvals that it lacks.
        IllegalTransition: It was started before.
        StaleVersion: Somebody changed or started it first.
    """
    experiment = await change.read(session, intent, Step.START)
    await hold_places(session, experiment)
    draft = await queries.draft_of(session, experiment)
    agreement = await agreement_of(session, draft)
    readiness = None
    if imported_since is None:
        check_agreed(agreement, experiment, Step.START)
        readiness = await check_launch(session, draft, environment_id)
    else:
        check_ready(draft, importing=True)
    phase, steps = await _first(session, draft, environment_id, imported_since)
    facts = _launch_facts(phase, agreement, scheduled_for)
    await change.take(
        session,
        experiment,
        Step.START,
        actor=intent.actor,
        environment_id=environment_id,
        facts=facts,
        coverage=phase.coverage,
    )
    session.add(phase)
    await session.flush()
    await write_launch(session, phase, agreement, scheduled_for=scheduled_for)
    if readiness is not None:
        await record_launch(session, readiness, phase)
    if steps:
        await begin_ramp(session, phase, steps)
    await touch_definitions(session, environment_id)
    return phase


async def pause(
    session: AsyncSession,
    intent: Intent,
    *,
    mode: PauseMode,
    reason: str,
) -> Experiment:
    """Stop enrolling, or serve everyone the control, until it is resumed.

    Raises:
        IllegalTransition: It is not running.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    row = await change.take(
        session,
        experiment,
        Step.PAUSE,
        actor=intent.actor,
        reason=reason,
        facts={"mode": mode},
    )
    phase = await _held_phase(session, row)
    at = await now(session)
    begun = {"mode": mode, "from": at.isoformat(), "until": None}
    phase.pauses = [*phase.pauses, begun]
    await republish(session, phase)
    return row


async def resume(
    session: AsyncSession,
    intent: Intent,
) -> Experiment:
    """End the pause; the same people get the same variants as before it.

    Raises:
        IllegalTransition: It is not paused.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    row = await change.take(session, experiment, Step.RESUME, actor=intent.actor)
    phase = await _held_phase(session, row)
    phase.pauses = _closed(phase.pauses, await now(session))
    await republish(session, phase)
    return row


async def stop(
    session: AsyncSession,
    intent: Intent,
    *,
    reason: str,
) -> Experiment:
    """End the phase, with no winner: everyone gets the control.

    Raises:
        IllegalTransition: It is neither running nor paused.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    row = await change.take(
        session, experiment, Step.STOP, actor=intent.actor, reason=reason
    )
    phase = await _held_phase(session, row)
    await finish(session, phase, await now(session))
    return row


def check_ready(draft: Draft, *, importing: bool = False) -> None:
    """Refuse to begin a phase while something is left to do.

    Raises:
        ChecklistIncomplete: The launch checklist has blockers.
    """
    if blocking := blockers(launch_checks(draft, importing=importing)):
        raise ChecklistIncomplete(blocking)


async def begin(
    session: AsyncSession,
    draft: Draft,
    *,
    environment_id: UUID,
    number: int,
    at: datetime,
    coverage: float,
    imported: bool = False,
) -> Phase:
    """The phase that a draft becomes now, yet to be written down.

    Its design remembers the coverage that it begins with.

    Raises:
        ConditionInvalid, SegmentUnknown: The targeting cannot be evaluated.
        LayerSlotTaken: Another experiment has part of its slots.
        PrerequisiteInvalid: It requires what is not in use.
    """
    experiment = draft.experiment
    eligibility = await gathered(session, draft, importing=imported)
    phase = frozen_phase(
        draft,
        eligibility,
        phase_id=new_id(),
        environment_id=environment_id,
        number=number,
        seed=phase_seed(experiment.project_id, experiment.key, number),
        started_at=at,
        plan=await frozen_plan(
            session,
            draft,
            importing=imported,
            environment_id=environment_id,
            eligibility=eligibility,
        ),
    )
    phase.imported = imported
    phase.coverage = coverage
    phase.design = {**phase.design, "coverage": coverage}
    return phase


async def finish(session: AsyncSession, phase: Phase, at: datetime) -> None:
    """End a phase that is held; an open pause ends with it."""
    phase.ended_at = at
    phase.pauses = _closed(phase.pauses, at)
    await republish(session, phase)


async def _held_phase(session: AsyncSession, experiment: Experiment) -> Phase:
    phase = await queries.current_phase(session, experiment.id)
    return await locked_phase(session, phase.id)


async def _first(
    session: AsyncSession,
    draft: Draft,
    environment_id: UUID,
    imported_since: datetime | None,
) -> tuple[Phase, tuple[RampStep, ...]]:
    """The phase that a start begins, and the ramp by which its coverage rises."""
    experiment, at = draft.experiment, await now(session)
    if imported_since is not None and imported_since > at:
        raise DesignInvalid("An import lies in the past.", path=("importedSince",))
    number = await queries.next_number(session, experiment.id)
    importing = imported_since is not None
    steps = () if importing else await _ramp(session, experiment)
    phase = await begin(
        session,
        draft,
        environment_id=environment_id,
        number=number,
        at=imported_since or at,
        imported=importing,
        coverage=steps[0].coverage if steps else experiment.coverage,
    )
    return phase, steps


async def _ramp(session: AsyncSession, experiment: Experiment) -> tuple[RampStep, ...]:
    plans = await governance.ramp_plans(session, [experiment.id])
    return plans.get(experiment.id, ())


def _launch_facts(
    phase: Phase, agreement: Agreement, scheduled_for: datetime | None
) -> dict[str, Any]:
    """What the audit trail remembers of a start."""
    facts: dict[str, Any] = {"phase": phase.number, "design_hash": phase.design_hash}
    if scheduled_for is not None:
        facts["scheduled_for"] = scheduled_for.isoformat()
    return {**facts, "reviewed": agreement.reached, "coverage": phase.coverage}


def _closed(pauses: list[dict[str, Any]], at: datetime) -> list[dict[str, Any]]:
    return [{**p, "until": p["until"] or at.isoformat()} for p in pauses]
