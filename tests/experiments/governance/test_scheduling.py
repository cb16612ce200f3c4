"""A start at a wall clock: once, late if nobody was up, given up if it is refused."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.audit import AuditRow
from core.clock import now
from core.database import AsyncSession, Sessions
from core.problems import IllegalTransition
from core.tenancy import Governance, Project
from experiments import queries, service
from experiments.drafts import Changes
from experiments.governance import queries as governance
from experiments.governance.errors import NotApproved, ScheduleInvalid
from experiments.governance.models import ReviewVerdict, ScheduleStatus
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment
from tests.experiments.company import Company, step
from tests.experiments.governance.conftest import Govern
from tests.experiments.governance.people import BOB, Clock, at

pytestmark = pytest.mark.stores

PARIS: dict[str, Any] = {
    "start_at": "2026-10-25T09:00",
    "time_zone": "Europe/Paris",
}
"""On the day on which clocks go back."""


async def scheduled(
    session: AsyncSession, company: Company, row: Experiment | None = None
) -> Experiment:
    """A draft that starts at nine in Paris."""
    return await service.schedule(
        session,
        step(company, row or await company.draft(session)),
        environment_id=company.environment_id,
        **PARIS,
    )


async def tick(sessions: Sessions) -> int:
    """What one worker does in one round."""
    async with sessions() as session:
        due = await governance.due_schedules(session, at=await now(session), limit=50)
    done = 0
    for schedule_id in due:
        async with sessions.begin() as session:
            done += await service.start_scheduled(session, schedule_id)
    return done


async def read(session: AsyncSession, company: Company, row: Experiment) -> Experiment:
    """The experiment as it is."""
    return await queries.experiment_by_id(
        session, project_id=company.project_id, experiment_id=row.id
    )


async def test_a_start_that_was_missed_is_caught_up_with_once(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await scheduled(session, company)
    assert row.status is ExperimentStatus.SCHEDULED
    # Nine in Paris is eight in UTC since the night; workers are down from 8:55 local.
    clock.now = at("2026-10-25T07:55")
    assert await tick(sessions) == 0
    clock.now = at("2026-10-25T08:10")
    rounds = await asyncio.gather(*(tick(sessions) for _ in range(4)))
    assert sum(rounds) == 1
    assert await tick(sessions) == 0
    async with sessions() as session:
        phases = await queries.phases_of(
            session,
            environment_id=company.environment_id,
            experiment_ids=[row.id],
        )
        (phase,) = phases[row.id]
        launch = (await governance.launches(session, [phase.id]))[phase.id]
        audited = await session.exec(
            select(AuditRow).where(AuditRow.action == "experiment.start").order_by("id")
        )
        (start,) = audited.all()
        schedule = (await governance.last_schedules(session, [row.id]))[row.id]
    assert phase.started_at == at("2026-10-25T08:10")
    assert launch.scheduled_for == at("2026-10-25T08:00")
    assert (schedule.local_time, schedule.time_zone) == (
        "2026-10-25T09:00:00",
        "Europe/Paris",
    )
    assert (schedule.status, schedule.due_at) == (
        ScheduleStatus.STARTED,
        at("2026-10-25T08:00"),
    )
    assert start.actor_kind == "WORKER"
    assert start.after is not None
    assert start.after["scheduled_for"] == "2026-10-25T08:00:00+00:00"


async def test_without_a_zone_the_projects_clock_counts(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        project = await session.get_one(Project, company.project_id)
        project.time_zone = "Asia/Tokyo"
        session.add(project)
        row = await company.draft(session)
        # A Monday at nine.
        await service.schedule(
            session,
            step(company, row),
            environment_id=company.environment_id,
            start_at="2026-10-26T09:00",
        )
        schedule = (await governance.last_schedules(session, [row.id]))[row.id]
    assert schedule.time_zone == "Asia/Tokyo"
    assert schedule.due_at == at("2026-10-26T00:00")


async def test_a_start_that_is_refused_is_given_up_with_the_reason(
    sessions: Sessions, company: Company, clock: Clock, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await company.draft(session)
        row = await service.submit(session, step(company, row))
        row = await service.assess(
            session, step(company, row, BOB), verdict=ReviewVerdict.APPROVE
        )
        row = await scheduled(session, company, row)
        metric = (
            await queries.metrics_by_keys(
                session, project_id=company.project_id, keys=["paid"]
            )
        )["paid"]
        # By no service: what is measured went away while nobody looked.
        metric.archived_at = clock.now
        session.add(metric)
    clock.now = at("2026-10-25T08:00")
    assert await tick(sessions) == 1
    clock.now += timedelta(days=1)
    assert await tick(sessions) == 0
    async with sessions() as session:
        found = await read(session, company, row)
        schedule = (await governance.last_schedules(session, [row.id]))[row.id]
        audited = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "experiment.unschedule")
            .order_by("id")
        )
        (given_up,) = audited.all()
    assert found.status is ExperimentStatus.APPROVED
    assert schedule.status is ScheduleStatus.REFUSED
    assert schedule.refusal_code == "CHECKLIST_INCOMPLETE"
    assert given_up.actor_kind == "WORKER"
    assert given_up.reason == schedule.refusal
    assert given_up.reason is not None
    assert "METRIC_ARCHIVED" in given_up.reason


async def test_what_nobody_submitted_is_a_draft_again_when_it_is_refused(
    sessions: Sessions, company: Company, clock: Clock, govern: Govern
) -> None:
    async with sessions.begin() as session:
        row = await scheduled(session, company)
    await govern(Governance.TEAM)
    clock.now = at("2026-10-25T08:00")
    assert await tick(sessions) == 1
    async with sessions() as session:
        found = await read(session, company, row)
        schedule = (await governance.last_schedules(session, [row.id]))[row.id]
    assert found.status is ExperimentStatus.DRAFT
    assert schedule.refusal_code == "NOT_APPROVED"


async def test_a_schedule_is_given_up_by_a_person_and_by_an_edit(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await scheduled(session, company)
        row = await service.unschedule(session, step(company, row))
        assert row.status is ExperimentStatus.DRAFT
        row = await scheduled(session, company, row)
        changes = Changes(planned_units=2_000)
        row = await service.update(session, step(company, row), changes=changes)
        assert row.status is ExperimentStatus.DRAFT
        row = await service.submit(session, step(company, row))
        row = await service.assess(
            session, step(company, row, BOB), verdict=ReviewVerdict.APPROVE
        )
        row = await scheduled(session, company, row)
        row = await service.unschedule(session, step(company, row))
        assert row.status is ExperimentStatus.APPROVED
        row = await scheduled(session, company, row)
        changes = Changes(planned_units=3_000)
        row = await service.update(session, step(company, row), changes=changes)
        assert row.status is ExperimentStatus.IN_REVIEW
    clock.now = at("2026-10-26T08:00")
    assert await tick(sessions) == 0


async def test_a_start_by_hand_settles_the_schedule(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await scheduled(session, company)
        await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
    clock.now = at("2026-10-26T08:00")
    assert await tick(sessions) == 0
    async with sessions() as session:
        found = await session.exec(
            select(AuditRow)
            .where(col(AuditRow.action) == "experiment.start")
            .order_by("id")
        )
        assert len(found.all()) == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"start_at": "2026-10-24T07:59", "time_zone": "UTC"}, ("startAt",)),
        ({"start_at": "2028-01-01T09:00"}, ("startAt",)),
        ({"start_at": "9999-12-31T23:59", "time_zone": "Pacific/Apia"}, ("startAt",)),
        ({"start_at": "2026-10-26T09:00Z"}, ("startAt",)),
        ({"start_at": "2026-10-26T09:00", "time_zone": "Mars"}, ("timeZone",)),
    ],
)
async def test_a_start_lies_ahead_and_not_too_far(
    sessions: Sessions, company: Company, given: dict[str, Any], path: tuple[str, ...]
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        with pytest.raises(ScheduleInvalid) as refused:
            await service.schedule(
                session,
                step(company, row),
                environment_id=company.environment_id,
                **given,
            )
    assert refused.value.path == path


async def test_only_what_may_start_is_scheduled(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        with pytest.raises(NotApproved):
            await scheduled(session, company)
        row = await company.draft(session, "other")
        row = await service.submit(session, step(company, row))
        with pytest.raises(IllegalTransition):
            await scheduled(session, company, row)
