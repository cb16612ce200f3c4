"""Two phases of one experiment in the event log: each unit counts where it was met."""

from dataclasses import replace
from datetime import datetime

import pytest

from experiments import queries, service
from experiments.analysis.queries import current_by_experiments, current_by_phases
from experiments.events.log import EXPOSURE, NewEvent
from experiments.models import Phase
from experiments.service import WeightSpec
from tests.conftest import Tenant
from tests.experiments.company import Company, step
from workers.context import TaskContext
from workers.tasks import analyse_experiments, fold_events, publish_phases

pytestmark = pytest.mark.stores

UNEVEN = [WeightSpec("long", 0.8), WeightSpec("short", 0.2)]


def met(users: range, variant: str, at: datetime) -> list[NewEvent]:
    """Users who met a variant at one instant."""
    return [
        NewEvent(
            id=f"{variant}-{number}-{at.timestamp()}",
            name=EXPOSURE,
            user_id=f"u{number}",
            occurred_at=at,
            experiment_key="short-form",
            variant_key=variant,
        )
        for number in users
    ]


async def drain(context: TaskContext) -> None:
    """Publish and fold until nothing is left."""
    while await publish_phases.run(context) + await fold_events.run(context):
        pass


async def both_phases(context: TaskContext, tenant: Tenant) -> list[Phase]:
    """An experiment in its second phase, and the first one's units in the log."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    sessions = context.database.sessions
    async with sessions.begin() as session:
        await company.metrics(session)
        experiment = await company.draft(session)
        intent = step(company, experiment)
        first = await service.start(
            session, intent, environment_id=tenant.environment_id
        )
    seen = met(range(5), "long", first.started_at)
    seen += met(range(5, 9), "short", first.started_at)
    await context.log.append(tenant.environment_id, seen)
    await drain(context)
    async with sessions.begin() as session:
        await service.start_new_phase(
            session,
            replace(intent, expected_version=2),
            environment_id=tenant.environment_id,
            weights=UNEVEN,
            reason="Careful.",
        )
    await publish_phases.run(context)
    async with context.database.readers() as session:
        phases = await queries.phases_of(
            session,
            environment_id=tenant.environment_id,
            experiment_ids=[experiment.id],
        )
    return list(phases[experiment.id])


async def test_a_unit_counts_in_the_phase_that_ran_when_it_was_met(
    context: TaskContext, tenant: Tenant
) -> None:
    first, second = await both_phases(context, tenant)
    assert first.ended_at == second.started_at
    # At the very instant of the change the new phase has begun.
    seen = met(range(3), "short", second.started_at)
    seen += met(range(20, 26), "long", second.started_at)
    await context.log.append(tenant.environment_id, seen)
    await drain(context)
    old = await context.log.phase_state(first.id)
    new = await context.log.phase_state(second.id)
    assert old.exposed == {"long": 5, "short": 4}
    assert new.exposed == {"long": 6, "short": 3}
    # Whoever met another arm in the phase before is no conflict in this one.
    assert sum(new.conflicts.values()) == 0
    assert await context.log.recompute(first.id) is not None


async def test_each_phase_is_analysed_and_the_experiment_shows_its_last(
    context: TaskContext, tenant: Tenant
) -> None:
    first, second = await both_phases(context, tenant)
    await drain(context)
    assert await analyse_experiments.run(context) == 2
    async with context.database.readers() as session:
        shown = await current_by_experiments(
            session,
            environment_id=tenant.environment_id,
            experiment_ids=[first.experiment_id],
        )
        each = await current_by_phases(
            session,
            environment_id=tenant.environment_id,
            phase_ids=[first.id, second.id],
        )
    assert shown[first.experiment_id].snapshot.phase_id == second.id
    assert {found.snapshot.phase_id for found in each.values()} == {
        first.id,
        second.id,
    }
    exposed = [arm.exposed for arm in each[first.id].report.health.arms]
    assert sorted(exposed) == [4, 5]
