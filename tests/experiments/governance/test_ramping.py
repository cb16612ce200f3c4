"""Coverage that rises by steps, on the stores."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.problems import StaleVersion
from core.tenancy import Governance
from experiments import queries, service
from experiments.errors import DesignFrozen
from experiments.governance import queries as governance
from experiments.governance.errors import (
    RampAbsent,
    RampInvalid,
    RampStepUnapproved,
    ReviewerNotPerson,
    SelfApproval,
)
from experiments.governance.models import Ramp
from experiments.governance.ramps import RampStep
from experiments.lifecycle import ExperimentStatus, PauseMode
from experiments.models import Experiment, Phase
from experiments.plan import HarmAction
from tests.experiments.company import Company, step
from tests.experiments.governance.conftest import Govern
from tests.experiments.governance.people import (
    BOB,
    BROKEN,
    KEY,
    Clock,
    harm,
    report,
    show,
)

pytestmark = pytest.mark.stores

STEPS = (RampStep(0.1, 24, 500), RampStep(0.25, 24, 500), RampStep(0.5))
DAY = timedelta(hours=24)


async def ramping(
    sessions: Sessions, company: Company, steps: tuple[RampStep, ...] = STEPS
) -> tuple[Experiment, Phase]:
    """A running experiment at the first step of its ramp, with good results."""
    async with sessions.begin() as session:
        row = await company.draft(session)
        row = await service.plan_ramp(session, step(company, row), steps=steps)
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        await show(session, phase, report(phase))
    return row, phase


async def look(sessions: Sessions, phase: Phase, exposed: int = 500) -> bool:
    """What one worker does with one ramp."""
    async with sessions.begin() as session:
        return await service.advance(session, phase_id=phase.id, exposed=exposed)


async def coverage(session: AsyncSession, row: Experiment) -> tuple[float, float]:
    """Of the experiment and of its phase."""
    phase = await queries.current_phase(session, row.id)
    found = await session.get_one(Experiment, row.id, populate_existing=True)
    return found.coverage, phase.coverage


async def stands(session: AsyncSession, phase: Phase) -> Ramp:
    """The ramp as it is."""
    return (await governance.ramps(session, [phase.id]))[phase.id]


async def test_coverage_rises_by_its_steps_in_one_phase(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, phase = await ramping(sessions, company)
    seen = []
    for exposed in (500, 499, 500, 1_200, 5_000):
        clock.now += DAY
        await look(sessions, phase, exposed)
        async with sessions() as session:
            seen.append(await coverage(session, row))
    assert seen == [(c, c) for c in (0.25, 0.25, 0.5, 0.5, 0.5)]
    async with sessions() as session:
        phases = await queries.phases_of(
            session, environment_id=company.environment_id, experiment_ids=[row.id]
        )
        audited = await session.exec(
            select(AuditRow).where(AuditRow.action == "experiment.ramp").order_by("id")
        )
        rows = audited.all()
        ramp = await stands(session, phase)
    assert [(each.seed, each.number) for each in phases[row.id]] == [(phase.seed, 1)]
    assert [each.actor_kind for each in rows] == ["WORKER", "WORKER"]
    assert rows[0].reason is not None
    assert rows[0].reason.startswith("Step 2 of 3: held for 24.0 h, 500 units")
    assert ramp.finished_at is not None


async def test_it_starts_at_the_first_step(
    sessions: Sessions, company: Company
) -> None:
    row, _ = await ramping(sessions, company)
    async with sessions() as session:
        assert await coverage(session, row) == (0.1, 0.1)


async def test_of_two_workers_one_takes_the_step(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, phase = await ramping(sessions, company)
    clock.now += DAY

    async def once() -> bool:
        try:
            return await look(sessions, phase)
        except StaleVersion:
            return False

    assert sum(await asyncio.gather(*(once() for _ in range(4)))) == 1
    async with sessions() as session:
        assert await coverage(session, row) == (0.25, 0.25)


async def test_it_says_what_it_waits_for(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    _, phase = await ramping(sessions, company)
    clock.now += timedelta(hours=6)
    assert not await look(sessions, phase, 12)
    async with sessions() as session:
        ramp = await stands(session, phase)
    assert [hold["reason"] for hold in ramp.holds] == ["HOLD_TIME", "SAMPLE"]
    assert ramp.holds[0]["message"] == "It is held for 24 h; 18.0 h are left."
    assert ramp.holds[1]["message"] == "12 units were exposed; 500 are asked."


async def test_an_alarm_or_a_broken_split_holds_it(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    _, phase = await ramping(sessions, company)
    clock.now += DAY
    async with sessions.begin() as session:
        alarm = harm("revenue", HarmAction.ALERT, phase)
        await show(session, phase, report(phase, alarms=(alarm,), split=BROKEN))
    assert not await look(sessions, phase)
    async with sessions() as session:
        ramp = await stands(session, phase)
    assert [hold["reason"] for hold in ramp.holds] == ["SRM", "ALARM"]


async def test_a_dismissed_alarm_holds_it_no_longer(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, phase = await ramping(sessions, company)
    clock.now += DAY
    async with sessions.begin() as session:
        alarm = harm("revenue", HarmAction.ALERT, phase)
        await show(session, phase, report(phase, alarms=(alarm,)))
        assert await service.act_on_alarms(session, phase.id) == 1
    assert not await look(sessions, phase)
    async with sessions.begin() as session:
        (raised,) = await governance.alarms_of_phase(session, phase.id)
        await service.dismiss_alarm(
            session,
            environment_id=company.environment_id,
            alarm_id=raised.id,
            actor=BOB,
            reason="A tracking bug.",
        )
    assert await look(sessions, phase)
    async with sessions() as session:
        assert await coverage(session, row) == (0.25, 0.25)


async def test_a_pause_holds_it_and_stops_its_clock(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, phase = await ramping(sessions, company)
    clock.now += timedelta(hours=20)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        row = await service.pause(
            session, step(company, row), mode=PauseMode.PAUSE_ENROLMENT, reason="A bug."
        )
    clock.now += DAY
    assert not await look(sessions, phase)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        assert row.status is ExperimentStatus.PAUSED
        await service.resume(session, step(company, row))
    clock.now += timedelta(hours=3)
    assert not await look(sessions, phase)
    clock.now += timedelta(hours=1)
    assert await look(sessions, phase)


async def test_a_raise_by_hand_skips_ahead(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, phase = await ramping(sessions, company)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        await service.raise_coverage(session, step(company, row), coverage=0.3)
        ramp = await stands(session, phase)
    assert (ramp.step, ramp.finished_at) == (1, None)
    clock.now += DAY
    assert await look(sessions, phase)
    async with sessions.begin() as session:
        assert await coverage(session, row) == (0.5, 0.5)


async def test_a_step_that_waits_for_a_reviewer_is_never_skipped(
    sessions: Sessions, company: Company, clock: Clock, govern: Govern
) -> None:
    steps = (RampStep(0.1), RampStep(0.5, needs_approval=True), RampStep(1.0))
    row, phase = await ramping(sessions, company, steps)
    await govern(Governance.TEAM)
    assert not await look(sessions, phase)
    async with sessions() as session:
        row = await session.get_one(Experiment, row.id)
        given, bob = step(company, row), step(company, row, BOB)
        with pytest.raises(RampStepUnapproved):
            await service.raise_coverage(session, given, coverage=0.9)
    async with sessions.begin() as session:
        for actor, refusal in ((company.actor, SelfApproval), (KEY, ReviewerNotPerson)):
            with pytest.raises(refusal):
                await service.approve_ramp_step(
                    session, replace(given, actor=actor), step=2
                )
        for number in (1, 3, 4):
            with pytest.raises(RampInvalid):
                await service.approve_ramp_step(session, bob, step=number)
        await service.approve_ramp_step(session, bob, step=2, note="Go.")
    assert await look(sessions, phase)
    async with sessions() as session:
        assert await coverage(session, row) == (0.5, 0.5)


async def test_a_ramp_is_part_of_what_is_reviewed_and_frozen_with_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        row = await service.submit(session, step(company, row))
        row = await service.plan_ramp(session, step(company, row), steps=STEPS)
        assert row.status is ExperimentStatus.IN_REVIEW
        row = await service.withdraw(session, step(company, row))
        await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        row = await session.get_one(Experiment, row.id, populate_existing=True)
        with pytest.raises(DesignFrozen):
            await service.plan_ramp(session, step(company, row), steps=())


async def test_without_a_ramp_there_is_no_step_to_approve(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        row = await session.get_one(Experiment, row.id, populate_existing=True)
        with pytest.raises(RampAbsent):
            await service.approve_ramp_step(session, step(company, row, BOB), step=2)
