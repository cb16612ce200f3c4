"""kill -9 of the worker at any moment: every step of governance is taken once.

Each round plants one step of every kind that a worker takes by itself, lets a worker
begin, and kills it at a random moment. What the last worker leaves is in the audit log.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlmodel import col, select, update

from core.audit import Actor, ActorKind, AuditRow
from core.database import AsyncSession, Database
from core.ids import new_id
from core.tenancy import Environment, Project
from experiments import queries, service
from experiments.analysis.documents import state_document
from experiments.analysis.models import HarmAlarm
from experiments.events.state import ArmMetricState, Sums
from experiments.governance.models import Schedule
from experiments.governance.ramps import RampStep
from experiments.lifecycle import DecisionOutcome
from experiments.models import Experiment
from experiments.plan import HarmAction
from experiments.shipping.models import Memo, MemoKind, Remeasurement
from tests.conftest import ON_POSTGRES, StoreUrls
from tests.experiments.company import Company, step
from tests.experiments.governance import people
from tests.experiments.shipping import concluded
from tests.processes import Installation

pytestmark = [
    pytest.mark.stores,
    pytest.mark.slow,
    pytest.mark.skipif(not ON_POSTGRES, reason="an embedded worker is the server"),
]

KILLS = 20
LONGEST_SECONDS = 1.5
"""A worker needs about as long for all that is planted in a round."""
DAY_LATER = datetime.now(UTC) + timedelta(days=2)
RAMP = (RampStep(0.1), RampStep(0.5), RampStep(1.0))
SHIPPED = service.ShipPlan("short", steps=(0.1, 0.5), hold_hours=0)
EXPECTED = {
    "start": {"experiment.start": 1},
    "ramp": {"experiment.ramp": 2},
    "alarm": {"experiment.stop": 1},
    "ship": {
        "rollout.advance": 2,
        "experiment.complete": 1,
        "memo.write": 3,
    },
}
"""What the worker does to an experiment of each kind, as the audit log says it.

Nobody is exposed here, so what was shipped is looked at three times and not called
MEASURED.
"""


async def plant(session: AsyncSession, company: Company, number: int) -> None:
    """One experiment of every kind, with something to be done at once."""
    environment: dict[str, Any] = {"environment_id": company.environment_id}
    row = await company.draft(session, f"start-{number}")
    await service.schedule(
        session,
        step(company, row),
        start_at=DAY_LATER.strftime("%Y-%m-%dT%H:%M"),
        time_zone="UTC",
        **environment,
    )
    past = datetime.now(UTC) - timedelta(minutes=1)
    found = await session.exec(
        select(Schedule).where(Schedule.experiment_id == row.id).order_by("id")
    )
    found.one().due_at = past
    row = await company.draft(session, f"ramp-{number}")
    row = await service.plan_ramp(session, step(company, row), steps=RAMP)
    phase = await service.start(session, step(company, row), **environment)
    await people.show(session, phase, people.report(phase))
    await ringing(session, company, number)
    await shipping(session, company, number)


async def ringing(session: AsyncSession, company: Company, number: int) -> None:
    """A guardrail that rang, and asks for a stop."""
    row = await company.draft(session, f"alarm-{number}")
    phase = await service.start(
        session, step(company, row), environment_id=company.environment_id
    )
    rings = people.harm("revenue", HarmAction.STOP, phase)
    metrics = await queries.metrics_by_keys(
        session, project_id=company.project_id, keys=["revenue"]
    )
    state = {
        side: state_document(
            ArmMetricState(
                arm,
                metrics["revenue"].id,
                Sums(n=5_000, y=y, yy=y),
                None,
                nonzero=y,
                maturing=0,
            )
        )
        for side, arm, y in (("control", "long", 290), ("treatment", "short", 200))
    }
    session.add(
        HarmAlarm(
            project_id=company.project_id,
            environment_id=company.environment_id,
            phase_id=phase.id,
            metric_id=metrics["revenue"].id,
            metric_key="revenue",
            arm="short",
            action=rings.action,
            bound=rings.bound,
            p_value=1e-6,
            at=phase.started_at,
            position=1,
            watermark=phase.started_at,
            state=state,
        )
    )
    await people.show(session, phase, people.report(phase, alarms=(rings,)))


async def shipping(session: AsyncSession, company: Company, number: int) -> None:
    """A variant on its way to everybody, each step of which is due."""
    row = await company.draft(session, f"ship-{number}")
    phase = await service.start(
        session, step(company, row), environment_id=company.environment_id
    )
    row = await service.stop(session, step(company, row), reason="Enough.")
    await concluded.show(session, phase, concluded.report())
    row = await service.decide(
        session,
        step(company, row),
        outcome=DecisionOutcome.SHIP,
        note="It works.",
        variant_key="short",
    )
    await concluded.ship(session, company, row, SHIPPED)


async def hurry(session: AsyncSession) -> None:
    """Let the days pass after which what was shipped is measured."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    await session.exec(
        update(Remeasurement)
        .where(col(Remeasurement.done_at).is_(None))
        .values(due_at=past)
    )


async def done(session: AsyncSession) -> dict[str, Counter[str]]:
    """What was done without a person, by experiment."""
    found = await session.exec(
        select(Experiment.key, AuditRow.action).where(
            col(AuditRow.subject_id) == Experiment.id,
            AuditRow.actor_kind == ActorKind.WORKER,
        )
    )
    counted: dict[str, Counter[str]] = {}
    for key, action in found.all():
        counted.setdefault(key, Counter())[action] += 1
    return counted


@pytest.fixture
async def planted(key: str, store_urls: StoreUrls) -> tuple[Database, Company]:
    """The company behind the key, and a way to its database."""
    del key
    database = Database(store_urls.facts)
    async with database.sessions.begin() as session:
        project = (await session.exec(select(Project))).one()
        environment = (await session.exec(select(Environment).order_by("id"))).first()
        assert environment is not None
        actor = Actor(ActorKind.MEMBER, new_id(), "ada")
        company = Company(project.id, environment.id, actor)
        await company.metrics(session)
    return database, company


async def test_a_worker_that_is_killed_between_steps_repeats_none(
    installation: Installation, planted: tuple[Database, Company]
) -> None:
    database, company = planted
    chance = Random(20)  # noqa: S311 - the same moments every time
    for number in range(KILLS):
        async with database.sessions.begin() as session:
            await plant(session, company, number)
            await hurry(session)
        worker = installation.start("worker")
        await asyncio.to_thread(worker.wait_for, "^(worker):")
        await asyncio.sleep(chance.uniform(0.0, LONGEST_SECONDS))
        worker.kill()
    installation.start("worker")
    wanted = {
        f"{kind}-{number}": Counter(actions)
        for kind, actions in EXPECTED.items()
        for number in range(KILLS)
    }
    counted: dict[str, Counter[str]] = {}
    deadline = time.monotonic() + 180
    while counted != wanted and time.monotonic() < deadline:
        await asyncio.sleep(1)
        async with database.sessions.begin() as session:
            await hurry(session)
        async with database.readers() as session:
            counted = await done(session)
    assert {k: v for k, v in counted.items() if v != wanted.get(k)} == {}
    assert counted.keys() == wanted.keys()
    async with database.readers() as session:
        memos = await session.exec(select(Memo.kind))
        kinds = Counter(memos.all())
        rows = (await session.exec(select(Remeasurement).order_by("id"))).all()
    assert kinds[MemoKind.REMEASURED] == len(rows) == 3 * KILLS
    assert all(row.done_at is not None for row in rows)
    await database.dispose()
