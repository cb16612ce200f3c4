"""What is done about alarms: once each, by a worker; and how a person dismisses one."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from core.audit import WORKER, Actor
from core.clock import now
from core.database import AsyncSession
from experiments.analysis.models import Snapshot
from experiments.analysis.queries import alarms_of, current_of_phase
from experiments.freezing import design_of
from experiments.governance import queries as governance
from experiments.governance.alarms import Ringing, levels_of, report_of, ringing
from experiments.governance.errors import AlarmDismissed, AlarmUnknown
from experiments.governance.models import AlarmRow
from experiments.lifecycle import LIVE, ExperimentStatus, PauseMode
from experiments.models import TEXT_LENGTH, Experiment, Phase
from experiments.plan import HarmAction
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.recording import record
from experiments.service.running import pause, stop


async def act_on_alarms(session: AsyncSession, phase_id: UUID) -> int:
    """Do what the alarms of a phase's current snapshot ask for, each once.

    The gravest comes first; what it brought to a stand the others need not. Each
    leaves one audit row. Returns how many were new.
    """
    phase = await session.get_one(Phase, phase_id)
    experiment = await change.hold(session, phase.experiment_id)
    phase = await session.get_one(Phase, phase_id, populate_existing=True)
    snapshot = await current_of_phase(session, phase_id)
    if snapshot is None or phase.ended_at or experiment.status not in LIVE:
        return 0
    rows = await governance.alarms_of_phase(session, phase_id)
    known = {(row.kind, row.metric_key, row.arm) for row in rows}
    design = design_of(phase)
    levels = {
        (crossing.metric_key, crossing.arm): found
        for crossing in await alarms_of(session, phase_id)
        if (found := levels_of(crossing, design)) is not None
    }
    new = [
        each
        for each in ringing(report_of(snapshot), design, levels)
        if (each.kind, each.metric_key, each.arm) not in known
    ]
    for each in new:
        done = await _act(session, experiment, phase, each)
        await _raise(session, phase, snapshot, each, done)
        experiment = await change.hold(session, phase.experiment_id)
    return len(new)


async def dismiss_alarm(
    session: AsyncSession,
    *,
    environment_id: UUID,
    alarm_id: UUID,
    actor: Actor,
    reason: str,
) -> AlarmRow:
    """Say why an alarm no longer counts; what it stopped is not begun again by it.

    Raises:
        AlarmUnknown: There is none with this id in the environment.
        AlarmDismissed: Somebody dismissed it before.
        ReasonMissing, DesignInvalid: No reason was given, or too long a one.
    """
    reason = change.said(reason)
    found = await governance.alarms_by_ids(
        session, environment_id=environment_id, ids=[alarm_id]
    )
    row = found.get(alarm_id)
    if row is None:
        raise AlarmUnknown(path=("id",))
    await _dismiss(session, row, actor, reason)
    experiment = await session.get_one(Experiment, row.experiment_id)
    await record(
        session,
        experiment,
        "experiment.dismiss_alarm",
        actor=actor,
        environment_id=environment_id,
        before={"alarm": row.kind, "metric": row.metric_key, "arm": row.arm},
        after={"dismissed": True},
        reason=reason,
    )
    return row


async def _dismiss(
    session: AsyncSession, row: AlarmRow, actor: Actor, reason: str
) -> None:
    """Dismiss an alarm once; the database says who did."""
    result = await session.exec(
        update(AlarmRow)
        .where(col(AlarmRow.id) == row.id, col(AlarmRow.dismissed_at).is_(None))
        .values(
            dismissed_at=await now(session),
            dismissed_by=actor.name,
            dismissal=reason,
        )
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row)
    if result.rowcount != 1:
        raise AlarmDismissed(row.dismissed_by or "Somebody")


async def _act(
    session: AsyncSession, experiment: Experiment, phase: Phase, alarm: Ringing
) -> HarmAction:
    """Do what the alarm asks for, if it is not done yet; say what was done."""
    intent, why = Intent.on(experiment, WORKER), alarm.sentence
    if alarm.action is HarmAction.STOP and experiment.status in LIVE:
        await stop(session, intent, reason=why)
        return HarmAction.STOP
    is_running = experiment.status is ExperimentStatus.RUNNING
    if alarm.action is HarmAction.PAUSE_ENROLMENT and is_running:
        await pause(session, intent, mode=PauseMode.PAUSE_ENROLMENT, reason=why)
        return HarmAction.PAUSE_ENROLMENT
    await record(
        session,
        experiment,
        "experiment.alarm",
        actor=WORKER,
        environment_id=phase.environment_id,
        before={"status": experiment.status},
        after={
            "status": experiment.status,
            "alarm": alarm.kind,
            "metric": alarm.metric_key,
            "arm": alarm.arm,
            "asked": alarm.action,
        },
        reason=why,
    )
    return HarmAction.ALERT


async def _raise(
    session: AsyncSession,
    phase: Phase,
    snapshot: Snapshot,
    alarm: Ringing,
    done: HarmAction,
) -> None:
    session.add(
        AlarmRow(
            project_id=phase.project_id,
            environment_id=phase.environment_id,
            experiment_id=phase.experiment_id,
            phase_id=phase.id,
            snapshot_id=snapshot.id,
            kind=alarm.kind,
            metric_key=alarm.metric_key,
            arm=alarm.arm,
            asked=alarm.action,
            done=done,
            sentence=alarm.sentence[:TEXT_LENGTH],
            raised_at=await now(session),
        )
    )
    await session.flush()
