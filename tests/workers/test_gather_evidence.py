"""Evidence of launch readiness by the worker, from the facts and the log."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core.clock import now
from core.subjects import Join, Statement, SubjectKind, Told, remember
from experiments import service
from experiments.design import Direction, MetricRole
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.events.log import EXPOSURE, NewEvent
from experiments.models import Experiment
from experiments.readiness.items import GATHERED, ItemCode, ItemStatus
from experiments.readiness.models import LaunchEvidence
from experiments.readiness.queries import evidence_of
from tests.conftest import Tenant
from tests.experiments.company import Company, step
from workers.context import TaskContext
from workers.tasks import fold_events, gather_evidence, publish_phases

pytestmark = pytest.mark.stores

PEOPLE = 300
QUICKLY = {"splits": 50, "shuffles": 50}
"""Smaller rehearsals, where they are not what is tested."""
ALONE = (VariantSpec("long", "Long", 1.0, is_control=True, payload={"value": 9}),)
WHOLE = HypothesisSpec("It pays.", "paid", Direction.INCREASE, 0.1)


@pytest.fixture
def company(tenant: Tenant) -> Company:
    """Where the drafts are written."""
    return Company(tenant.project_id, tenant.environment_id, tenant.actor)


async def drafted(context: TaskContext, company: Company, **changes: Any) -> Experiment:
    """A whole draft with a metric of its own."""
    async with context.database.sessions.begin() as session:
        await company.metrics(session)
        return await company.draft(session, hypothesis=WHOLE, **changes)


async def busy_weeks(context: TaskContext, company: Company) -> None:
    """Three hundred users who come by over three weeks; one in three pays."""
    async with context.database.sessions.begin() as session:
        at = await now(session)
        told = Told(
            statements=[
                Statement(SubjectKind.USER, f"u{k}", {"plan": "free"}, at)
                for k in range(PEOPLE)
            ],
            joins=[Join(f"u{k}", f"a{k % 30}", at) for k in range(PEOPLE)],
        )
        await remember(session, company.environment_id, told)
    events = []
    for k in range(PEOPLE):
        day = at - timedelta(days=20 - k % 20, minutes=k)
        events.append(
            NewEvent(id=f"v{k}", name="visit", user_id=f"u{k}", occurred_at=day)
        )
        if k % 3 == 0:
            paid = day + timedelta(minutes=5)
            events.append(
                NewEvent(id=f"p{k}", name="paid", user_id=f"u{k}", occurred_at=paid)
            )
    await context.log.append(company.environment_id, events, batch_id="history")


async def evidence(
    context: TaskContext, company: Company, row: Experiment
) -> dict[ItemCode, LaunchEvidence]:
    """What was found of the draft, by item."""
    async with context.database.readers() as session:
        found = await evidence_of(session, [row.id], company.environment_id)
    return {each.code: each for each in found[row.id]}


async def test_a_draft_is_tried_out_on_who_came_by(
    context: TaskContext, company: Company
) -> None:
    await busy_weeks(context, company)
    row = await drafted(context, company, planned_units=None)
    assert await gather_evidence.run(context) == 1
    found = await evidence(context, company, row)
    assert found.keys() == set(GATHERED)
    power = found[ItemCode.POWER].body
    assert power["baseline"] == pytest.approx(1 / 3, abs=0.08)
    assert power["size"]["total"] > 300
    assert power["size"]["weeks"] >= 1
    assert power["margins"].keys() == set()
    assert found[ItemCode.SPLIT_REHEARSAL].status is ItemStatus.OK
    assert found[ItemCode.SPLIT_REHEARSAL].body["real_ids"] == PEOPLE
    replay = found[ItemCode.NULL_REPLAY].body
    assert (replay["shuffles"], replay["units"]) == (500, power["units_seen"])
    assert found[ItemCode.POPULATION].body["eligible"] == 1.0
    assert found[ItemCode.ROLLBACK].status is ItemStatus.OK
    assert found[ItemCode.EXPOSURE_SEEN].status is ItemStatus.WARNING
    assert found[ItemCode.METRIC_HEALTH].body["paid"]["events"] > 0


async def test_a_second_run_finds_nothing_to_do_until_the_design_is_edited(
    context: TaskContext, company: Company
) -> None:
    row = await drafted(context, company)
    assert await gather_evidence.run(context, **QUICKLY) == 1
    first = await evidence(context, company, row)
    assert await gather_evidence.run(context, **QUICKLY) == 0
    again = await evidence(context, company, row)
    assert {e.id for e in again.values()} == {e.id for e in first.values()}
    async with context.database.sessions.begin() as session:
        await service.update(
            session,
            step(company, row),
            changes=Changes(targeting={"plan": "free"}),
        )
    assert await gather_evidence.run(context, **QUICKLY) == 1
    async with context.database.readers() as session:
        rows = (await session.exec(select(LaunchEvidence).order_by("id"))).all()
    assert len(rows) == len(GATHERED)
    assert {each.design for each in rows} != {e.design for e in first.values()}


async def test_evidence_a_day_old_is_gathered_anew(
    context: TaskContext, company: Company
) -> None:
    row = await drafted(context, company)
    await gather_evidence.run(context, **QUICKLY)
    async with context.database.sessions.begin() as session:
        for each in (await session.exec(select(LaunchEvidence).order_by("id"))).all():
            each.evaluated_at -= timedelta(days=1, seconds=1)
            session.add(each)
    assert await gather_evidence.run(context, **QUICKLY) == 1
    found = await evidence(context, company, row)
    async with context.database.readers() as session:
        assert found[ItemCode.POWER].evaluated_at > await now(session) - timedelta(
            minutes=5
        )


async def test_a_draft_that_is_not_whole_waits_and_says_for_what(
    context: TaskContext, company: Company
) -> None:
    row = await drafted(context, company, variants=ALONE)
    assert await gather_evidence.run(context, **QUICKLY) == 1
    found = await evidence(context, company, row)
    assert {each.status for each in found.values()} == {ItemStatus.WAITING}
    assert "VARIANTS" in found[ItemCode.POWER].message
    assert await gather_evidence.run(context, **QUICKLY) == 0


async def test_what_runs_is_not_tried_out_any_more(
    context: TaskContext, company: Company
) -> None:
    row = await drafted(context, company)
    async with context.database.sessions.begin() as session:
        await service.start(
            session,
            step(company, row),
            environment_id=company.environment_id,
        )
    assert await gather_evidence.run(context, **QUICKLY) == 0


async def test_a_neighbour_is_seen_by_rules_and_by_exposures(
    context: TaskContext, company: Company
) -> None:
    await busy_weeks(context, company)
    row = await drafted(context, company)
    async with context.database.sessions.begin() as session:
        phase = await service.start(
            session,
            step(company, row),
            environment_id=company.environment_id,
        )
        other = await company.draft(session, "next", hypothesis=WHOLE, coverage=0.5)
    met = [
        NewEvent(
            id=f"x{k}",
            name=EXPOSURE,
            user_id=f"u{k}",
            occurred_at=phase.started_at,
            experiment_key="short-form",
            variant_key="long",
        )
        for k in range(100)
    ]
    await context.log.append(company.environment_id, met)
    while await publish_phases.run(context) + await fold_events.run(context):
        pass
    assert await gather_evidence.run(context, **QUICKLY) == 1
    found = (await evidence(context, company, other))[ItemCode.OVERLAP]
    assert found.status is ItemStatus.WARNING
    (neighbour,) = found.body["neighbours"]
    assert (neighbour["key"], neighbour["share"]) == ("short-form", 1.0)
    assert neighbour["people"] == pytest.approx(PEOPLE / 2, abs=30)
    assert 0 < neighbour["exposed"] < 1
    assert (neighbour["same_metric"], neighbour["layer"]) == (True, True)


async def test_pages_go_round_until_every_draft_was_looked_at(
    context: TaskContext, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather_evidence, "BATCH", 2)
    async with context.database.sessions.begin() as session:
        await company.metrics(session)
        for number in range(3):
            await company.draft(
                session,
                f"e{number}",
                variants=(),
                measures=[MeasureSpec("paid", MetricRole.PRIMARY)],
            )
    assert [await gather_evidence.run(context, **QUICKLY) for _ in range(4)] == [
        2,
        1,
        0,
        0,
    ]
