"""Experiments that ran elsewhere, told of through the edge and its workers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.audit import Actor, ActorKind
from experiments import queries, service
from experiments.events.log import EXPOSURE, NewEvent
from experiments.service.change import Intent
from tests.api.conftest import Edge
from tests.api.experiments import CREATE_METRIC, DRAFT, mutate
from workers.context import TaskContext
from workers.tasks import analyse_experiments, fold_events, publish_phases

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
SOMEBODY = Actor(ActorKind.MEMBER, None, "ada")
KEY = "short-form"


async def define(edge: Edge, metrics: Sequence[dict[str, Any]], **draft: Any) -> None:
    """Make metrics, the first of which decides, and an import that is measured so."""
    for given in metrics:
        made = await edge.ask(
            CREATE_METRIC,
            input={
                "idempotencyKey": given["key"],
                "name": given["key"],
                "direction": "INCREASE",
                **given,
            },
        )
        assert made["data"]["createMetric"]["__typename"] == "MetricPayload", made
    roles = ["PRIMARY", *["SECONDARY"] * (len(metrics) - 1)]
    measured = [
        {"metricKey": given["key"], "role": role}
        for given, role in zip(metrics, roles, strict=True)
    ]
    hypothesis = {**DRAFT["hypothesis"], "metricKey": metrics[0]["key"]}
    await mutate(
        edge,
        "createExperiment",
        {**DRAFT, "metrics": measured, "hypothesis": hypothesis, **draft},
    )
    async with edge.database.sessions.begin() as session:
        experiment = await queries.experiment_by_key(
            session, project_id=edge.tenant.project.id, key=KEY
        )
        await service.start(
            session,
            Intent.on(experiment, SOMEBODY),
            environment_id=edge.tenant.environment.id,
            imported_since=SINCE,
        )


def exposure(
    number: int, arm: str, *, again: bool = False, account: str | None = None
) -> NewEvent:
    """A unit's exposure when the import begins, or once more an hour later."""
    return NewEvent(
        id=f"u{number}-{arm}-seen" if again else f"u{number}-seen",
        name=EXPOSURE,
        user_id=f"u{number}",
        occurred_at=SINCE + timedelta(hours=again),
        experiment_key=KEY,
        variant_key=arm,
        account_id=account,
    )


async def tell(edge: Edge, context: TaskContext, events: Sequence[NewEvent]) -> None:
    """Bring events in, and fold them."""
    environment_id = edge.tenant.environment.id
    verdicts = await context.log.append(environment_id, events, batch_id="import")
    assert not [each for each in verdicts if each.status == "REJECTED"]
    await settle(context)


async def settle(context: TaskContext) -> None:
    """Publish and fold until nothing is left."""
    while await publish_phases.run(context) + await fold_events.run(context):
        pass


async def conclude(edge: Edge, context: TaskContext, *, units: int) -> None:
    """Set the end marker, and take the one look."""
    async with edge.database.sessions.begin() as session:
        experiment = await queries.experiment_by_key(
            session, project_id=edge.tenant.project.id, key=KEY
        )
        phase = await queries.current_phase(session, experiment.id)
        await service.finish_import(
            session,
            environment_id=edge.tenant.environment.id,
            phase_id=phase.id,
            units=units,
            actor=SOMEBODY,
        )
    await settle(context)
    await analyse_experiments.run(context)
