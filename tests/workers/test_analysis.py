"""An import's one look waits for its caps and for the sums that they change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from experiments import queries, service
from experiments.analysis.models import Snapshot
from experiments.analysis.queries import read_report
from experiments.analysis.results import Reading
from experiments.design import Direction, MetricKind, MetricRole, SourceValue
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.events.log import EXPOSURE, NewEvent
from experiments.measurement import MetricSpec
from experiments.service.change import Intent
from experiments.treatments import TreatmentKind
from tests.conftest import Tenant
from workers.context import TaskContext
from workers.tasks import analyse_experiments, fold_events, publish_phases

pytestmark = pytest.mark.stores

UNITS = 400
SINCE = datetime(2024, 5, 1, tzinfo=UTC)
KEY = "shorter-form"


async def begin(context: TaskContext, tenant: Tenant) -> None:
    """An experiment that ran elsewhere, with a capped sum as its primary metric."""
    project_id, actor = tenant.project_id, tenant.actor
    spec = MetricSpec(
        name="Spent",
        kind=MetricKind.SUM,
        event_name="paid",
        direction=Direction.INCREASE,
        value=SourceValue.VALUE,
        cap_quantile=0.9,
    )
    variants = [
        VariantSpec(key, key, 0.5, key == "long", {"value": key})
        for key in ("long", "short")
    ]
    changes = Changes(
        hypothesis=HypothesisSpec("They spend more.", "spent", Direction.INCREASE, 1.0),
        variants=variants,
        measures=[MeasureSpec("spent", MetricRole.PRIMARY)],
        planned_units=UNITS + 1,
    )
    async with context.database.sessions.begin() as session:
        await service.define_metric(
            session, project_id=project_id, actor=actor, key="spent", spec=spec
        )
        draft = await service.draft(
            session,
            project_id=project_id,
            actor=actor,
            key=KEY,
            treatment=TreatmentKind.FEATURE,
            changes=changes,
        )
        await service.start(
            session,
            Intent.on(draft, actor),
            environment_id=tenant.environment_id,
            imported_since=SINCE,
        )


def events() -> list[NewEvent]:
    """Exposures and payments; one unit in fifty pays a thousand times as much."""
    found = []
    for number in range(UNITS):
        user = f"u{number}"
        found.append(
            NewEvent(
                id=f"{user}-seen",
                name=EXPOSURE,
                user_id=user,
                occurred_at=SINCE,
                experiment_key=KEY,
                variant_key="short" if number % 2 else "long",
            )
        )
        paid = Decimal(number % 7 + 1) * (1_000 if number % 50 == 0 else 1)
        found.append(
            NewEvent(
                id=f"{user}-paid",
                name="paid",
                user_id=user,
                occurred_at=SINCE + timedelta(hours=3),
                value=paid,
            )
        )
    return found


async def finish(context: TaskContext, tenant: Tenant) -> None:
    """Set the end marker."""
    async with context.database.sessions.begin() as session:
        experiment = await queries.experiment_by_key(
            session, project_id=tenant.project_id, key=KEY
        )
        phase = await queries.current_phase(session, experiment.id)
        await service.finish_import(
            session,
            environment_id=tenant.environment_id,
            phase_id=phase.id,
            units=UNITS,
            actor=tenant.actor,
        )


async def snapshots(context: TaskContext) -> list[Snapshot]:
    async with context.database.readers() as session:
        return list((await session.exec(select(Snapshot).order_by("id"))).all())


async def drain(context: TaskContext) -> None:
    """Publish and fold until nothing is left, without any analysis."""
    while await publish_phases.run(context) + await fold_events.run(context):
        pass


async def test_nothing_is_concluded_before_the_end_marker(
    context: TaskContext, tenant: Tenant
) -> None:
    await begin(context, tenant)
    await context.log.append(tenant.environment_id, events(), batch_id="import")
    await drain(context)
    assert await analyse_experiments.run(context) == 0
    assert await snapshots(context) == []


async def test_the_look_is_taken_on_capped_sums_in_any_order_of_the_tasks(
    context: TaskContext, tenant: Tenant
) -> None:
    await begin(context, tenant)
    await context.log.append(tenant.environment_id, events(), batch_id="import")
    await drain(context)
    await finish(context, tenant)
    await drain(context)
    assert await analyse_experiments.run(context) == 1  # the cap is read and fixed
    assert await analyse_experiments.run(context) == 0
    assert await snapshots(context) == []
    await publish_phases.run(context)
    assert await analyse_experiments.run(context) == 1
    (snapshot,) = await snapshots(context)
    (metric,) = read_report(snapshot).metrics
    (comparison,) = metric.comparisons
    assert metric.cap == 7
    assert comparison.capped is not None
    assert spread(comparison.capped) < spread(comparison.raw) / 10


def spread(reading: Reading) -> float:
    """How wide an interval is."""
    assert reading.low is not None
    assert reading.high is not None
    return reading.high - reading.low
