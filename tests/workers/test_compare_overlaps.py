"""Two experiments on the same people: a planted interaction stands on both."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from core.database import Database
from core.settings import Settings
from experiments.analysis.models import InteractionTest
from experiments.analysis.pairs import pairs_by_phase
from experiments.events.log import EXPOSURE, NewEvent, open_log
from tests.conftest import StoreUrls, Tenant
from tests.experiments.analysis.designs import START, design, planned
from tests.workers.test_cuts import LAG, Wall, begin, work
from workers.context import TaskContext, outbound
from workers.tasks import compare_overlaps
from workers.wakes import EmbeddedQueue

pytestmark = pytest.mark.stores

UNITS = 1_600
KEYS = ("reports-limit", "pricing")
ARMS = ("control", "sixty")


@pytest.fixture
def wall() -> Wall:
    """An hour after the first exposures."""
    return Wall(START + timedelta(hours=1))


@pytest.fixture
async def context(
    store_urls: StoreUrls, tenant: Tenant, wall: Wall, tmp_path: Path
) -> AsyncIterator[TaskContext]:
    """What tasks work with, at the instants that the test chooses."""
    settings = Settings(data_dir=tmp_path, outbound_allow=("127.0.0.0/8",))
    database = Database(store_urls.facts, clock=wall)
    log = open_log(store_urls.events, clock=wall, lag=LAG)
    await log.open()
    async with outbound(settings) as http:
        yield TaskContext(database, log, settings, EmbeddedQueue(), http)
    await log.close()
    await database.dispose()


def events(*, together: int, shift: int = 0) -> list[NewEvent]:
    """Units of both; where both have sixty, `together` of 20 pay instead of 2.

    Args:
        together: Payers of 20 in both treatments.
        shift: By how many units the second experiment's are others.
    """
    found = []
    for number in range(UNITS):
        for key, place, unit in (
            (KEYS[0], number, number),
            (KEYS[1], number // 2, number + shift),
        ):
            found.append(
                NewEvent(
                    id=f"{key}-{number}",
                    name=EXPOSURE,
                    user_id=f"u{unit}",
                    occurred_at=START + timedelta(minutes=5),
                    experiment_key=key,
                    variant_key=ARMS[place % 2],
                )
            )
        both = number % 4 == 3
        if number // 4 % 20 < (together if both else 2):
            found.append(
                NewEvent(
                    id=f"paid-{number}",
                    name="paid",
                    user_id=f"u{number}",
                    occurred_at=START + timedelta(hours=3),
                )
            )
    return found


async def settled(
    context: TaskContext, tenant: Tenant, wall: Wall, sent: list[NewEvent]
) -> list[object]:
    """Both experiments, with all their windows closed."""
    plan = planned(design(planned_units=4_000))
    phases: list[object] = []
    for key in KEYS:
        named = replace(plan, experiment_key=key, seed=key.ljust(16, "0")[:16])
        phases.append(await begin(context, tenant, named))
    await context.log.append(tenant.environment_id, sent)
    wall.at = START + timedelta(days=8, hours=3)
    await work(context)
    return phases


async def tests_made(context: TaskContext) -> list[InteractionTest]:
    async with context.database.readers() as session:
        found = await session.exec(
            select(InteractionTest).order_by(col(InteractionTest.id))
        )
        return list(found.all())


async def test_a_planted_interaction_stands_on_both_experiments(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    phases = await settled(context, tenant, wall, events(together=8))
    assert await compare_overlaps.run(context) == 2
    rows = await tests_made(context)
    assert {row.phase_id for row in rows} == set(phases)
    for row in rows:
        assert row.estimate == pytest.approx(0.3)
        assert row.adjusted_p_value < 0.001
        assert (row.units, row.tests, row.metric_key) == (UNITS, 1, "paid")
    async with context.database.readers() as session:
        shown = await pairs_by_phase(session, phases)  # type: ignore[arg-type]
    assert [len(each) for each in shown.values()] == [2, 2]
    assert {each[1:] for each in shown[rows[0].phase_id]} == {KEYS, KEYS[::-1]}


async def test_the_same_units_are_not_tested_twice(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await settled(context, tenant, wall, events(together=8))
    assert await compare_overlaps.run(context) == 2
    before = await tests_made(context)
    assert await compare_overlaps.run(context) == 0
    assert await tests_made(context) == before


async def test_experiments_on_other_units_are_not_compared(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await settled(context, tenant, wall, events(together=8, shift=UNITS - 50))
    assert await compare_overlaps.run(context) == 0
    assert await tests_made(context) == []
