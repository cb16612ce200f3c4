"""What an alarm does: once, with its numbers, and what a person makes of it."""

import asyncio
from dataclasses import replace

import pytest
from sqlmodel import col, select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.ids import new_id
from experiments import queries, service
from experiments.design import Direction, MetricRole
from experiments.drafts import MeasureSpec
from experiments.errors import ReasonMissing
from experiments.governance import queries as governance
from experiments.governance.errors import AlarmDismissed, AlarmUnknown
from experiments.governance.models import AlarmKind, AlarmRow
from experiments.lifecycle import ExperimentStatus, PauseMode
from experiments.models import Experiment, Phase
from experiments.plan import HarmAction, MarginKind
from tests.experiments.company import CONVERSION, READY, Company, step
from tests.experiments.governance.people import (
    BOB,
    BROKEN,
    harm,
    report,
    show,
    started,
)

pytestmark = pytest.mark.stores

CHURN = "Churn 4.0% -> 5.8%: +1.8 points, at least +0.95; margin 0.5"


async def watched(
    sessions: Sessions,
    company: Company,
    action: HarmAction = HarmAction.STOP,
    kind: MarginKind = MarginKind.ABSOLUTE,
) -> Phase:
    """A running experiment with churn for a guardrail."""
    spec = replace(CONVERSION, name="Churn", direction=Direction.DECREASE)
    async with sessions.begin() as session:
        await service.define_metric(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="churn",
            spec=spec,
        )
    guard = MeasureSpec("churn", MetricRole.GUARDRAIL, 0.005, kind, action)
    measures = (*(READY.measures or ()), guard)
    _, phase = await started(sessions, company, measures=measures)
    return phase


async def ring(
    sessions: Sessions, phase: Phase, *alarms: tuple[str, HarmAction]
) -> int:
    """A snapshot with these alarms, and what one worker does about it."""
    async with sessions.begin() as session:
        said = tuple(harm(metric, action, phase) for metric, action in alarms)
        await show(session, phase, report(phase, alarms=said))
        return await service.act_on_alarms(session, phase.id)


async def by_worker(session: AsyncSession) -> list[AuditRow]:
    """What the worker wrote into the audit trail."""
    found = await session.exec(
        select(AuditRow)
        .where(AuditRow.actor_kind == "WORKER")
        .order_by(col(AuditRow.id))
    )
    return list(found.all())


async def status(session: AsyncSession, phase: Phase) -> ExperimentStatus:
    """Where the phase's experiment stands."""
    row = await session.get_one(Experiment, phase.experiment_id)
    return row.status


async def test_a_guardrail_stops_its_experiment_once(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    assert await ring(sessions, phase, ("churn", HarmAction.STOP)) == 1
    assert await ring(sessions, phase, ("churn", HarmAction.STOP)) == 0
    async with sessions() as session:
        assert await status(session, phase) is ExperimentStatus.STOPPED
        (row,) = await by_worker(session)
        (alarm,) = await governance.alarms_of_phase(session, phase.id)
        ended = await session.get_one(Phase, phase.id)
    assert (row.action, row.reason) == ("experiment.stop", CHURN)
    assert (alarm.asked, alarm.done) == (HarmAction.STOP, HarmAction.STOP)
    assert alarm.sentence == CHURN
    assert ended.ended_at is not None


async def test_of_many_workers_one_acts(sessions: Sessions, company: Company) -> None:
    phase = await watched(sessions, company)
    async with sessions.begin() as session:
        alarm = harm("churn", HarmAction.STOP, phase)
        await show(session, phase, report(phase, alarms=(alarm,)))

    async def once() -> int:
        async with sessions.begin() as session:
            return await service.act_on_alarms(session, phase.id)

    assert sum(await asyncio.gather(*(once() for _ in range(5)))) == 1
    async with sessions() as session:
        assert len(await by_worker(session)) == 1


async def test_the_gravest_alarm_acts_and_each_leaves_one_row(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    alarms = [
        ("revenue", HarmAction.ALERT),
        ("paid", HarmAction.PAUSE_ENROLMENT),
        ("churn", HarmAction.STOP),
    ]
    assert await ring(sessions, phase, *alarms) == 3
    async with sessions() as session:
        assert await status(session, phase) is ExperimentStatus.STOPPED
        actions = [row.action for row in await by_worker(session)]
        rows = await governance.alarms_of_phase(session, phase.id)
    assert actions == ["experiment.stop", "experiment.alarm", "experiment.alarm"]
    assert [(row.asked, row.done) for row in rows] == [
        (HarmAction.STOP, HarmAction.STOP),
        (HarmAction.PAUSE_ENROLMENT, HarmAction.ALERT),
        (HarmAction.ALERT, HarmAction.ALERT),
    ]


async def test_an_alarm_can_pause_enrolment_and_a_later_one_stop(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    await ring(sessions, phase, ("churn", HarmAction.PAUSE_ENROLMENT))
    async with sessions() as session:
        assert await status(session, phase) is ExperimentStatus.PAUSED
        paused = await queries.current_phase(session, phase.experiment_id)
        (pause,) = paused.pauses
    assert pause["mode"] == PauseMode.PAUSE_ENROLMENT
    await ring(sessions, phase, ("revenue", HarmAction.STOP))
    async with sessions() as session:
        assert await status(session, phase) is ExperimentStatus.STOPPED


async def test_an_alert_changes_nothing_but_is_kept(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company, kind=MarginKind.RELATIVE)
    await ring(sessions, phase, ("churn", HarmAction.ALERT))
    async with sessions() as session:
        assert await status(session, phase) is ExperimentStatus.RUNNING
        (row,) = await by_worker(session)
    assert row.action == "experiment.alarm"
    assert row.reason is not None
    assert row.reason.endswith("; margin 0.5% of the control")


async def test_a_broken_split_rings_once(sessions: Sessions, company: Company) -> None:
    phase = await watched(sessions, company)
    for _ in range(2):
        async with sessions.begin() as session:
            await show(session, phase, report(phase, split=BROKEN))
            await service.act_on_alarms(session, phase.id)
    async with sessions() as session:
        (alarm,) = await governance.alarms_of_phase(session, phase.id)
        assert await status(session, phase) is ExperimentStatus.RUNNING
        assert len(await by_worker(session)) == 1
    assert (alarm.kind, alarm.done) == (AlarmKind.SRM, HarmAction.ALERT)
    assert alarm.sentence == (
        "The split was planned 50:50 and came to 5,000 to 5,200, p < 0.0001."
    )


async def test_an_experiment_that_stands_still_hears_no_alarm(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, phase.experiment_id)
        await service.stop(session, step(company, row), reason="Enough.")
    assert await ring(sessions, phase, ("churn", HarmAction.STOP)) == 0


async def dismissed(
    sessions: Sessions, company: Company, row: AlarmRow, reason: str = "A bug."
) -> AlarmRow:
    """Bob says that it no longer counts."""
    async with sessions.begin() as session:
        return await service.dismiss_alarm(
            session,
            environment_id=company.environment_id,
            alarm_id=row.id,
            actor=BOB,
            reason=reason,
        )


async def test_a_person_dismisses_an_alarm_once_with_a_reason(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    await ring(sessions, phase, ("churn", HarmAction.ALERT))
    async with sessions() as session:
        (row,) = await governance.alarms_of_phase(session, phase.id)
    with pytest.raises(ReasonMissing):
        await dismissed(sessions, company, row, " ")
    found = await dismissed(sessions, company, row)
    assert (found.dismissed_by, found.dismissal) == ("bob", "A bug.")
    with pytest.raises(AlarmDismissed):
        await dismissed(sessions, company, row)
    # It is the same alarm that rings on, and it was heard.
    assert await ring(sessions, phase, ("churn", HarmAction.ALERT)) == 0


async def test_an_alarm_elsewhere_is_not_found(
    sessions: Sessions, company: Company
) -> None:
    phase = await watched(sessions, company)
    await ring(sessions, phase, ("churn", HarmAction.ALERT))
    async with sessions.begin() as session:
        (row,) = await governance.alarms_of_phase(session, phase.id)
        with pytest.raises(AlarmUnknown):
            await service.dismiss_alarm(
                session,
                environment_id=new_id(),
                alarm_id=row.id,
                actor=BOB,
                reason="A bug.",
            )
