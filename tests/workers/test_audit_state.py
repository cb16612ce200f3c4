"""The nightly audit finds a state that its events do not bear out; it is rebuilt."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import duckdb
import pytest
from sqlmodel import col, select

from core.database import Database
from experiments import service
from experiments.design import Direction, MetricKind, MetricRole
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.events.log import EXPOSURE, NewEvent
from experiments.events.postgres import SCHEMA
from experiments.measurement import MetricSpec
from experiments.models import Phase
from experiments.service.change import Intent
from experiments.state_audits.models import StateAudit
from experiments.state_audits.queries import audits_of, due_phases
from experiments.treatments import TreatmentKind
from tests.conftest import ON_POSTGRES, StoreUrls, Tenant
from workers.context import TaskContext
from workers.tasks import audit_state, fold_events, publish_phases

pytestmark = pytest.mark.stores

SINCE = datetime(2024, 5, 1, tzinfo=UTC)
KEY = "shorter-form"


@pytest.fixture
async def tomorrow(
    context: TaskContext, store_urls: StoreUrls
) -> AsyncIterator[TaskContext]:
    """The same stores, as a worker sees them two days later."""

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(days=2)

    database = Database(store_urls.facts, clock=clock)
    yield replace(context, database=database)
    await database.dispose()


async def begin(context: TaskContext, tenant: Tenant) -> Phase:
    """A phase with four units, two of which have paid, folded to the end."""
    spec = MetricSpec("Paid", MetricKind.CONVERSION, "paid", Direction.INCREASE)
    changes = Changes(
        hypothesis=HypothesisSpec("They pay.", "paid", Direction.INCREASE, 0.1),
        variants=[
            VariantSpec(key, key, 0.5, key == "long", {"value": key})
            for key in ("long", "short")
        ],
        measures=[MeasureSpec("paid", MetricRole.PRIMARY)],
        planned_units=100,
    )
    scope: dict[str, Any] = {"project_id": tenant.project_id, "actor": tenant.actor}
    async with context.database.sessions.begin() as session:
        await service.define_metric(session, **scope, key="paid", spec=spec)
        draft = await service.draft(
            session, **scope, key=KEY, treatment=TreatmentKind.FEATURE, changes=changes
        )
        await service.start(
            session,
            Intent.on(draft, tenant.actor),
            environment_id=tenant.environment_id,
            imported_since=SINCE,
        )
    sent = [
        NewEvent(
            id=f"{number}-{name}",
            name=name,
            user_id=f"u{number}",
            occurred_at=SINCE + timedelta(hours=number),
            experiment_key=KEY if name == EXPOSURE else None,
            variant_key=("long", "short")[number % 2] if name == EXPOSURE else None,
        )
        for number in range(4)
        for name in (EXPOSURE, *(["paid"] if number < 2 else []))
    ]
    await context.log.append(tenant.environment_id, sent, batch_id="import")
    await drain(context)
    async with context.database.readers() as session:
        return (await session.exec(select(Phase))).one()


async def drain(context: TaskContext) -> None:
    """Publish and fold until nothing is left."""
    while await publish_phases.run(context) + await fold_events.run(context):
        pass


async def corrupt(context: TaskContext, urls: StoreUrls, statement: str) -> None:
    """Change the log's tables behind its back."""
    if ON_POSTGRES:
        connection = await asyncpg.connect(urls.events)
        await connection.execute(f"SET search_path TO {SCHEMA}; {statement}")
        await connection.close()
        return
    await context.log.close()
    with duckdb.connect(str(Path(urls.events.removeprefix("duckdb:///")))) as file:
        file.execute(statement)
    await context.log.open()


async def last(context: TaskContext, phase: Phase) -> StateAudit:
    """The phase's latest audit."""
    async with context.database.readers() as session:
        newest = audits_of(phase.id).order_by(col(StateAudit.at).desc()).limit(1)
        return (await session.exec(newest)).one()


async def test_a_state_that_its_events_bear_out_is_equal(
    context: TaskContext, tomorrow: TaskContext, tenant: Tenant
) -> None:
    phase = await begin(context, tenant)
    assert await audit_state.run(tomorrow) == 1
    audit = await last(context, phase)
    assert (audit.equal, audit.differences) == (True, [])
    state = await context.log.phase_state(phase.id)
    assert (audit.position, audit.watermark) == (state.position, state.watermark)


async def test_a_corrupted_row_is_found_and_rebuilt(
    context: TaskContext,
    tomorrow: TaskContext,
    tenant: Tenant,
    store_urls: StoreUrls,
    caplog: pytest.LogCaptureFixture,
) -> None:
    phase = await begin(context, tenant)
    sound = await context.log.phase_state(phase.id)
    await corrupt(context, store_urls, "UPDATE state_delta SET y = y + 1")
    assert (await context.log.phase_state(phase.id)).metrics != sound.metrics
    await audit_state.run(tomorrow)
    audit = await last(context, phase)
    assert audit.equal is False
    metric = sound.metrics[0].metric_id
    assert f"metrics[long {metric}].raw.y" in audit.differences
    assert str(phase.id) in caplog.text
    await drain(context)
    assert (await context.log.phase_state(phase.id)).metrics == sound.metrics


async def test_a_phase_is_audited_once_a_day(
    context: TaskContext, tomorrow: TaskContext, tenant: Tenant
) -> None:
    await begin(context, tenant)
    assert await audit_state.run(context) == 0  # it is live for less than a day
    assert await audit_state.run(tomorrow) == 1
    assert await audit_state.run(tomorrow) == 0
    async with context.database.readers() as session:
        later = datetime.now(UTC) + timedelta(days=4)
        assert len(await due_phases(session, at=later, after=None, limit=5)) == 1


async def test_a_phase_that_waits_for_its_rebuild_is_left_alone(
    context: TaskContext, tomorrow: TaskContext, tenant: Tenant
) -> None:
    phase = await begin(context, tenant)
    await context.log.studies.doubt(phase.id)
    assert await audit_state.run(tomorrow) == 0
    await drain(context)
    assert await audit_state.run(tomorrow) == 1


async def test_a_phase_that_is_long_over_is_not_audited(
    context: TaskContext, tenant: Tenant
) -> None:
    phase = await begin(context, tenant)
    at = datetime.now(UTC) + timedelta(days=200)
    async with context.database.sessions.begin() as session:
        row = await session.get_one(Phase, phase.id)
        row.ended_at = at - timedelta(days=91)
        session.add(row)
    async with context.database.readers() as session:
        for moment, due in ((at, 0), (at - timedelta(days=2), 1)):
            found = await due_phases(session, at=moment, after=None, limit=5)
            assert len(found) == due


async def test_a_phase_that_fails_keeps_none_waiting(
    context: TaskContext,
    tomorrow: TaskContext,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phase = await begin(context, tenant)
    async with context.database.sessions.begin() as session:
        facts = phase.model_dump() | {"id": UUID(int=1), "number": 2}
        session.add(Phase(**facts))  # the log has never heard of it
    monkeypatch.setattr(audit_state, "BATCH", 1)
    with pytest.raises(ExceptionGroup):
        await audit_state.run(tomorrow)
    assert await audit_state.run(tomorrow) == 1
    assert (await last(context, phase)).equal is True
