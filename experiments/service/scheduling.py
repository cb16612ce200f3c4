"""Scheduled starts: at somebody's wall clock, exactly once, whoever is up by then."""

from datetime import datetime, timedelta
from uuid import UUID

from core.audit import WORKER
from core.clock import now
from core.database import AsyncSession
from core.problems import Problem
from core.tenancy import Project
from experiments import queries
from experiments.governance import queries as governance
from experiments.governance.calendar import instant_of, wall_time, zone_of
from experiments.governance.errors import ScheduleInvalid
from experiments.governance.models import Schedule, ScheduleStatus
from experiments.lifecycle import ExperimentStatus, Step
from experiments.models import TEXT_LENGTH, Experiment
from experiments.service import change
from experiments.service.approving import agreement_of, check_agreed, check_listed
from experiments.service.change import Intent
from experiments.service.population import hold_places
from experiments.service.running import start
from experiments.service.scheduled import cancel_schedule, settle

FURTHEST = timedelta(days=366)


async def schedule(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    start_at: str,
    time_zone: str | None = None,
) -> Experiment:
    """Let a worker start the experiment when the zone's clocks show this time.

    Of a time that they show twice the first is meant; one that they skip is the
    instant at which they do.

    Raises:
        ScheduleInvalid: The time is none, is over or is too far away.
        ChecklistIncomplete: The launch checklist has blockers.
        NotApproved: The project's rules ask for approvals that it lacks.
        IllegalTransition: It is neither approved nor, under SOLO, a draft.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent, Step.SCHEDULE)
    planned = await _planned(session, intent, environment_id, start_at, time_zone)
    draft = await queries.draft_of(session, experiment)
    check_agreed(await agreement_of(session, draft), experiment, Step.SCHEDULE)
    await check_listed(session, draft)
    row = await change.take(
        session,
        experiment,
        Step.SCHEDULE,
        actor=intent.actor,
        environment_id=environment_id,
        facts={
            "start_at": planned.local_time,
            "time_zone": planned.time_zone,
            "due_at": planned.due_at.isoformat(),
        },
    )
    session.add(planned)
    await session.flush()
    return row


async def unschedule(
    session: AsyncSession,
    intent: Intent,
) -> Experiment:
    """Give up the scheduled start; what was approved stays approved.

    Raises:
        IllegalTransition: No start is scheduled.
        StaleVersion: Somebody changed it, or it has started.
    """
    experiment = await change.read(session, intent, Step.UNSCHEDULE)
    row = await change.take(
        session, experiment, await _way_back(session, experiment), actor=intent.actor
    )
    await cancel_schedule(session, row.id)
    return row


async def start_scheduled(session: AsyncSession, schedule_id: UUID) -> bool:
    """Start what is due; of several who try at once, one does.

    A start that is refused is given up, with the reason, and never tried again.
    Returns whether this call settled the schedule.
    """
    due = await session.get_one(Schedule, schedule_id)
    await hold_places(session, await session.get_one(Experiment, due.experiment_id))
    experiment = await change.hold(session, due.experiment_id)
    at = await now(session)
    waits = experiment.status is ExperimentStatus.SCHEDULED
    status = ScheduleStatus.STARTED if waits else ScheduleStatus.CANCELLED
    if not await settle(session, schedule_id, status, at=at) or not waits:
        return False
    try:
        async with session.begin_nested():
            await start(
                session,
                Intent.on(experiment, WORKER),
                environment_id=due.environment_id,
                scheduled_for=due.due_at,
            )
    except Problem as problem:
        await _give_up(session, schedule_id, problem)
    return True


async def _give_up(session: AsyncSession, schedule_id: UUID, problem: Problem) -> None:
    due = await session.get_one(Schedule, schedule_id, populate_existing=True)
    due.status = ScheduleStatus.REFUSED
    due.refusal_code, due.refusal = problem.code, problem.message[:TEXT_LENGTH]
    session.add(due)
    experiment = await change.hold(session, due.experiment_id)
    await change.take(
        session,
        experiment,
        await _way_back(session, experiment),
        actor=WORKER,
        environment_id=due.environment_id,
        reason=due.refusal,
        facts={"refused": problem.code, "scheduled_for": due.due_at.isoformat()},
    )


async def _way_back(session: AsyncSession, experiment: Experiment) -> Step:
    review = await governance.open_review(session, experiment.id)
    return Step.RECALL if review is None else Step.UNSCHEDULE


async def _planned(
    session: AsyncSession,
    intent: Intent,
    environment_id: UUID,
    start_at: str,
    time_zone: str | None,
) -> Schedule:
    """The start that somebody asks for, by the project's clocks if by no others.

    Raises:
        ScheduleInvalid: The time is none, is over or is too far away.
    """
    project = await session.get_one(Project, intent.project_id)
    zone = time_zone or project.time_zone
    local = wall_time(start_at)
    at = await now(session)
    return Schedule(
        project_id=intent.project_id,
        environment_id=environment_id,
        experiment_id=intent.experiment_id,
        local_time=local.isoformat(),
        time_zone=zone,
        due_at=_due(local, zone, at),
        created_at=at,
    )


def _due(local: datetime, zone: str, at: datetime) -> datetime:
    path = ("startAt",)
    due = instant_of(local, zone_of(zone))
    if due <= at:
        raise ScheduleInvalid("That is over; startExperiment starts it now.", path=path)
    if due > at + FURTHEST:
        raise ScheduleInvalid(
            f"A start is at most {FURTHEST.days} days away.", path=path
        )
    return due
