"""Looks at their scheduled cuts: folding stands still there until they were taken."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import col, select

from core.audit import ActorKind
from core.database import Database
from core.settings import Settings
from experiments.analysis.models import AttendedCut, Look, Snapshot
from experiments.analysis.queries import current_of_phase, read_report
from experiments.analysis.results import HorizonState, Outcome
from experiments.design import PhaseDesign, design_hash
from experiments.events.log import EXPOSURE, NewEvent, open_log
from experiments.freezing import document_of
from experiments.models import Experiment, Phase
from experiments.treatments import TreatmentKind
from tests.conftest import StoreUrls, Tenant
from tests.experiments.analysis.designs import START, design, planned
from workers.context import TaskContext, outbound
from workers.tasks import analyse_experiments, fold_events, publish_phases
from workers.wakes import EmbeddedQueue

pytestmark = pytest.mark.stores

UNITS = 1_200
FIRST_CUT = datetime(2026, 3, 10, 6, tzinfo=UTC)
LAG = timedelta(hours=1)


@dataclass
class Wall:
    """A clock that a test moves."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


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


async def begin(
    context: TaskContext,
    tenant: Tenant,
    phase_design: PhaseDesign,
    *,
    unknown: bool = False,
) -> UUID:
    """An experiment whose phase has this design, which the log may not know."""
    async with context.database.sessions.begin() as session:
        experiment = Experiment(
            project_id=tenant.project_id,
            key=phase_design.experiment_key,
            name="Reports limit",
            treatment=TreatmentKind.FEATURE,
            unit=phase_design.unit,
            owner_kind=ActorKind.MEMBER,
            owner_name="ada",
            created_at=START,
            updated_at=START,
        )
        session.add(experiment)
        await session.flush()
        phase = Phase(
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            experiment_id=experiment.id,
            number=1,
            seed=phase_design.seed,
            design={},
            design_hash=design_hash(phase_design),
            coverage=1.0,
            planned_units=phase_design.planned_units,
            started_at=START,
        )
        session.add(phase)
        await session.flush()
        stored = replace(
            phase_design,
            phase_id=phase.id,
            environment_id=tenant.environment_id,
        )
        phase.design = document_of(stored)
        phase.published_at = START if unknown else None
    await publish_phases.run(context)
    return stored.phase_id


def events(key: str = "reports-limit", *, paying: int = 4) -> list[NewEvent]:
    """Units met in the first hour; of sixty's, `paying` times as many pay."""
    found = []
    for number in range(UNITS):
        variant = "sixty" if number % 2 else "control"
        pays = number % 40 < (2 * paying if number % 2 else 8)
        found.append(
            NewEvent(
                id=f"{key}-{number}",
                name=EXPOSURE,
                user_id=f"u{number}",
                occurred_at=START + timedelta(minutes=number % 60),
                experiment_key=key,
                variant_key=variant,
            )
        )
        if pays:
            found.append(
                NewEvent(
                    id=f"{key}-{number}-paid",
                    name="paid",
                    user_id=f"u{number}",
                    occurred_at=START + timedelta(hours=3),
                )
            )
    return found


async def work(context: TaskContext) -> None:
    """Every task of the analysis, until nothing is left."""
    for _ in range(8):
        await fold_events.run(context)
        await analyse_experiments.run(context)


async def looks(context: TaskContext) -> list[Look]:
    async with context.database.readers() as session:
        return list((await session.exec(select(Look).order_by(col(Look.number)))).all())


async def running(context: TaskContext, tenant: Tenant, wall: Wall) -> UUID:
    """A phase in its first day, with all its units met."""
    phase_id = await begin(context, tenant, planned(design(planned_units=2_000)))
    await context.log.append(tenant.environment_id, events())
    wall.at = START + timedelta(days=1)
    await work(context)
    return phase_id


async def test_the_watermark_waits_at_the_cut_for_the_look(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    phase_id = await running(context, tenant, wall)
    wall.at = FIRST_CUT + timedelta(hours=5)
    await fold_events.run(context)
    assert (await context.log.phase_state(phase_id)).watermark == FIRST_CUT
    await fold_events.run(context)
    assert (await context.log.phase_state(phase_id)).watermark == FIRST_CUT
    await analyse_experiments.run(context)
    (look,) = await looks(context)
    assert look.cut == look.watermark == FIRST_CUT
    await context.log.append(
        tenant.environment_id,
        [NewEvent(id="later", name="paid", user_id="u1", occurred_at=FIRST_CUT)],
    )
    await fold_events.run(context)
    state = await context.log.phase_state(phase_id)
    assert state.watermark > FIRST_CUT


async def test_a_day_has_one_look_and_the_next_day_another(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await running(context, tenant, wall)
    for hours in (5, 9, 20, 26, 29):
        wall.at = FIRST_CUT + timedelta(hours=hours)
        await work(context)
    taken = await looks(context)
    assert [look.cut for look in taken] == [FIRST_CUT, FIRST_CUT + timedelta(days=1)]
    assert [look.number for look in taken] == [1, 2]
    assert taken[0].horizon is HorizonState.BEFORE
    assert taken[0].information == pytest.approx(0.6)
    assert taken[1].boundary is None
    assert taken[1].alpha_spent == pytest.approx(taken[0].alpha_spent)


async def test_after_downtime_only_the_latest_cut_has_a_look(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await running(context, tenant, wall)
    wall.at = FIRST_CUT + timedelta(days=4, hours=5)
    await work(context)
    (look,) = await looks(context)
    assert look.cut == FIRST_CUT + timedelta(days=4)


async def test_before_the_first_look_counts_are_shown_and_the_next_cut(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    phase_id = await running(context, tenant, wall)
    async with context.database.readers() as session:
        snapshot = await current_of_phase(session, phase_id)
    assert snapshot is not None
    report = read_report(snapshot)
    assert report.recommendation.outcome is Outcome.KEEP_RUNNING
    assert report.metrics[0].comparisons[0].raw.absolute is None
    assert report.next_cut == datetime(2026, 3, 9, 6, tzinfo=UTC)
    assert await looks(context) == []


async def test_a_failing_phase_holds_its_environment_only_for_a_while(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await running(context, tenant, wall)
    failing = replace(
        design(planned_units=2_000), experiment_key="broken", number=7, seed="0" * 16
    )
    await begin(context, tenant, planned(failing), unknown=True)
    wall.at = FIRST_CUT + timedelta(hours=1, minutes=30)
    await fold_events.run(context)
    with pytest.raises(ExceptionGroup):
        await analyse_experiments.run(context)
    assert [look.cut for look in await looks(context)] == [FIRST_CUT]
    assert await attended(context) is None
    wall.at = FIRST_CUT + timedelta(hours=4)
    with pytest.raises(ExceptionGroup):
        await analyse_experiments.run(context)
    assert await attended(context) == FIRST_CUT


async def attended(context: TaskContext) -> datetime | None:
    """The last cut that the environment is done with."""
    async with context.database.readers() as session:
        return (await session.exec(select(AttendedCut.cut))).one_or_none()


async def test_a_refresh_without_anything_new_writes_no_snapshot(
    context: TaskContext, tenant: Tenant, wall: Wall
) -> None:
    await running(context, tenant, wall)
    wall.at = FIRST_CUT + timedelta(hours=5)
    await work(context)
    async with context.database.readers() as session:
        before = len((await session.exec(select(Snapshot).order_by("id"))).all())
    context.memory.clear()
    await work(context)
    async with context.database.readers() as session:
        assert (
            len((await session.exec(select(Snapshot).order_by("id"))).all()) == before
        )
