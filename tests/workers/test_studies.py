"""What is studied when a look is taken, and when the split warns."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from core.database import Database
from core.settings import Settings
from experiments.analysis.models import LookStudy
from experiments.analysis.queries import current_of_phase, whole_report
from experiments.analysis.results import Report
from experiments.analysis.series import SeriesKind, series_from
from experiments.events.log import NewEvent, open_log
from tests.conftest import StoreUrls, Tenant
from tests.experiments.analysis.designs import START, design, planned
from tests.workers.test_cuts import (
    FIRST_CUT,
    LAG,
    UNITS,
    Wall,
    begin,
    events,
    running,
    work,
)
from workers.context import TaskContext, outbound
from workers.wakes import EmbeddedQueue

pytestmark = pytest.mark.stores


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


async def studies(context: TaskContext) -> list[LookStudy]:
    async with context.database.readers() as session:
        return list((await session.exec(select(LookStudy).order_by("id"))).all())


async def test_a_look_keeps_who_came_by_and_how_the_effect_came_about(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await running(context, tenant, wall)
    strangers = [
        NewEvent(id=f"s{n}", name="visit", user_id=f"stranger{n}", occurred_at=wall.at)
        for n in range(800)
    ]
    await context.log.append(tenant.environment_id, strangers)
    await work(context)
    assert await studies(context) == []
    wall.at = FIRST_CUT + timedelta(hours=5)
    await work(context)
    (study,) = await studies(context)
    assert (study.number, study.watermark) == (1, FIRST_CUT)
    assert study.reach == {
        "look": 1,
        "exposed": {"control": 600, "sixty": 600},
        "seen": UNITS + 800,
        "monthly": UNITS + 800,
        "days": 9,
    }
    by_kind = {each.kind: each for each in series_from(study.series)}
    since = by_kind[SeriesKind.SINCE_EXPOSURE].points
    assert len(since) == 7
    assert [p.treatment.n for p in since] == [600] * 7
    assert since[0].absolute == since[-1].absolute
    assert [p.date for p in by_kind[SeriesKind.COHORTS].points] == ["2026-03-02"]


async def test_looks_at_one_hour_read_the_environments_events_once(
    context: TaskContext,
    tenant: Tenant,
    wall: Wall,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three phases of one cut; the last began a day later, and is not yet looked at."""
    reads = Counter[str]()
    studies_of_log = context.log.studies
    for name in ("seen_since", "traffic", "curves"):
        monkeypatch.setattr(
            studies_of_log, name, counted(getattr(studies_of_log, name), reads, name)
        )
    first = await running(context, tenant, wall)
    second = await begin(
        context,
        tenant,
        planned(
            replace(
                design(planned_units=2_000),
                experiment_key="twin",
                seed="1" * 16,
                started_at=START + timedelta(minutes=30),
            )
        ),
    )
    await begin(
        context,
        tenant,
        planned(
            replace(
                design(planned_units=2_000),
                experiment_key="late",
                seed="2" * 16,
                started_at=START + timedelta(days=1),
            )
        ),
    )
    await context.log.append(tenant.environment_id, events("twin"))
    wall.at = FIRST_CUT + timedelta(hours=5)
    await work(context)
    found = {study.phase_id: study for study in await studies(context)}
    assert found.keys() == {first, second}
    assert reads == {"seen_since": 1, "traffic": 1, "curves": 1}
    sent = [*events(), *events("twin")]
    for phase_id, began in ((first, START), (second, START + timedelta(minutes=30))):
        reach = found[phase_id].reach
        since = {each.user_id for each in sent if (each.occurred_at or began) >= began}
        assert reach is not None
        assert reach["seen"] == len(since)


def counted(
    read: Callable[..., Awaitable[object]], reads: Counter[str], name: str
) -> Callable[..., Awaitable[object]]:
    async def reading(*arguments: object, **named: object) -> object:
        reads[name] += 1
        return await read(*arguments, **named)

    return reading


async def test_the_page_after_the_look_says_what_shipping_would_bring(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    phase_id = await running(context, tenant, wall)
    wall.at = FIRST_CUT + timedelta(hours=5)
    await work(context)
    async with context.database.readers() as session:
        snapshot = await current_of_phase(session, phase_id)
    assert snapshot is not None
    (impact,) = whole_report(snapshot).impact
    assert impact.trigger_rate == 1.0
    assert impact.units_per_month == UNITS


async def test_a_broken_split_is_traced_to_the_sdk_that_broke_it(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    """In v2 of the SDK a third of the control's exposures are lost."""
    phase_id = await begin(context, tenant, planned(design(planned_units=2_000)))
    sent = []
    for number, event in enumerate(events(paying=4)):
        broken = number % 3 == 0
        if broken and event.variant_key == "control" and number % 2 == 0:
            continue
        version = "v2" if broken else "v1"
        sent.append(replace(event, properties={"sdk_version": version}))
    await context.log.append(tenant.environment_id, sent)
    wall.at = START + timedelta(days=1)
    await work(context)
    report = await shown(context, phase_id)
    health = report.health
    assert health.failed
    assert (health.slices[0].attribute, health.slices[0].level) == ("sdk_version", "v2")
    assert health.slices[0].rejected
    assert "where sdk_version is v2" in health.diagnosis[0]
    assert health.diagnosis[1].startswith("Elsewhere it fits")


async def test_a_split_that_fits_is_not_sliced(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    phase_id = await running(context, tenant, wall)
    assert (await shown(context, phase_id)).health.slices == ()


async def shown(context: TaskContext, phase_id: object) -> Report:
    """What the phase's page is made from."""
    async with context.database.readers() as session:
        snapshot = await current_of_phase(session, phase_id)  # type: ignore[arg-type]
    assert snapshot is not None
    return whole_report(snapshot)
