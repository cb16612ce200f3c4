"""Nobody waits for an experiment while holding what belongs to it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, select

from core.clock import now
from core.database import AsyncSession, Sessions
from core.problems import StaleVersion
from experiments import service
from experiments.design import UnitKind
from experiments.drafts import LayerSpec
from experiments.governance.models import Ramp, Schedule
from experiments.governance.ramps import RampStep
from experiments.models import Experiment, Layer
from experiments.service.shipping import ShipPlan
from experiments.shipping.models import Shipment
from tests.conftest import ON_POSTGRES
from tests.experiments.company import Company, step
from tests.experiments.governance.people import BOB
from tests.experiments.shipping.concluded import Clock, as_it_is, decided, ship

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has one writer at a time"),
]

Work = Callable[[AsyncSession], Awaitable[object]]
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def waits(session: AsyncSession) -> None:
    """Until somebody waits for what this session holds."""
    connection = await session.connection()
    async with asyncio.timeout(20):
        while True:
            if (await connection.execute(text(WAITING))).scalar_one():
                return
            await asyncio.sleep(0.01)


async def meet(
    sessions: Sessions,
    work: Work,
    held: tuple[type[SQLModel], UUID],
    wanted: tuple[type[SQLModel], UUID],
) -> None:
    """While `work` waits for what is held it holds nothing that is wanted next."""

    async def other() -> None:
        with suppress(StaleVersion):
            async with sessions.begin() as session:
                await work(session)

    async with sessions.begin() as session:
        await session.get(held[0], held[1], with_for_update={"key_share": True})
        task = asyncio.create_task(other())
        await waits(session)
        lock: Any = {"nowait": True}
        await session.get(wanted[0], wanted[1], with_for_update=lock)
    await task


async def shipping(
    sessions: Sessions, company: Company, clock: Clock, **plan: Any
) -> tuple[Experiment, Shipment]:
    """A rollout that is on its way, or at its end."""
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        chosen = ShipPlan("short", holdback=0.05, **plan)
        shipment = await ship(session, company, row, chosen)
        return await as_it_is(session, row), shipment


@pytest.fixture
def clock() -> Clock:
    """It stands still until it is moved."""
    return Clock()


async def test_a_workers_step_of_a_rollout_waits_with_empty_hands(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, shipment = await shipping(sessions, company, clock, hold_hours=0)
    await meet(
        sessions,
        lambda session: service.advance_if_due(session, row.id),
        (Experiment, row.id),
        (Shipment, shipment.id),
    )


async def test_a_persons_step_of_a_rollout_waits_with_empty_hands(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, shipment = await shipping(sessions, company, clock)
    given = step(company, row)
    await meet(
        sessions,
        lambda session: service.advance_rollout(session, given),
        (Experiment, row.id),
        (Shipment, shipment.id),
    )


async def test_putting_away_waits_with_empty_hands(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    row, shipment = await shipping(sessions, company, clock, steps=())
    given = step(company, row)
    await meet(
        sessions,
        lambda session: service.archive(session, given, references_gone=True),
        (Experiment, row.id),
        (Shipment, shipment.id),
    )


async def test_a_reviewers_word_on_a_ramp_waits_with_empty_hands(
    sessions: Sessions, company: Company
) -> None:
    steps = (RampStep(0.1), RampStep(1.0, needs_approval=True))
    async with sessions.begin() as session:
        row = await company.draft(session)
        row = await service.plan_ramp(session, step(company, row), steps=steps)
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
    given = step(company, row, BOB)
    await meet(
        sessions,
        lambda session: service.approve_ramp_step(session, given, step=2),
        (Experiment, row.id),
        (Ramp, phase.id),
    )


async def test_a_scheduled_start_waits_for_a_layer_with_empty_hands(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        layer = await service.create_layer(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="checkout",
            name="Checkout",
            unit=UnitKind.USER,
        )
        row = await company.draft(session, layer=LayerSpec("checkout", share=0.5))
        await service.schedule(
            session,
            step(company, row),
            environment_id=company.environment_id,
            start_at=(await now(session) + timedelta(days=1)).strftime(
                "%Y-%m-%dT%H:%M"
            ),
            time_zone="UTC",
        )
        due = (await session.exec(select(Schedule))).one()
        due.due_at -= timedelta(days=2)
        session.add(due)
    await meet(
        sessions,
        lambda session: service.start_scheduled(session, due.id),
        (Layer, layer.id),
        (Experiment, row.id),
    )
