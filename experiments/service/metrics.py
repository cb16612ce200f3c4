"""Defining what is measured."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments import queries
from experiments.errors import MetricArchived, MetricInUse
from experiments.lifecycle import EDITABLE, LIVE
from experiments.measurement import MetricSpec, check_metric, columns_of
from experiments.models import Experiment, ExperimentMetric, Metric
from experiments.service.authorship import note_metric_author
from experiments.service.keys import keep
from experiments.service.parts import check_key
from experiments.service.recording import record


async def define_metric(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    spec: MetricSpec,
) -> Metric:
    """Write down a new metric.

    Raises:
        DesignInvalid: The key has other characters.
        MetricInvalid: Its parts do not fit its kind.
        KeyTaken: The project has a metric with this key.
        KeyReserved: It had one, which was archived.
    """
    check_key(key)
    check_metric(spec)
    metric = Metric(
        project_id=project_id,
        key=key,
        created_at=await now(session),
        **columns_of(spec),
    )
    await keep(session, metric)
    await record(session, metric, "metric.define", actor=actor, after=facts(metric))
    return metric


async def update_metric(
    session: AsyncSession,
    *,
    project_id: UUID,
    metric_id: UUID,
    expected_version: int,
    actor: Actor,
    spec: MetricSpec,
) -> Metric:
    """Change a metric. A phase that has begun keeps the one that it froze.

    Whoever does has a hand in the unstarted designs that measure it.

    Raises:
        MetricUnknown: There is none in the project.
        MetricInvalid: Its parts do not fit its kind.
        MetricArchived: It is out of use.
        StaleVersion: Somebody changed it since.
    """
    check_metric(spec)
    metric = await _read(session, project_id, metric_id, expected_version)
    before = facts(metric)
    metric = await _write(session, metric, **columns_of(spec))
    await note_metric_author(session, metric, actor)
    await record(
        session,
        metric,
        "metric.update",
        actor=actor,
        before=before,
        after=facts(metric),
    )
    return metric


async def archive_metric(
    session: AsyncSession,
    *,
    project_id: UUID,
    metric_id: UUID,
    expected_version: int,
    actor: Actor,
) -> Metric:
    """Take a metric out of use; its key stays reserved.

    Raises:
        MetricUnknown: There is none in the project.
        MetricArchived: It is out of use already.
        MetricInUse: A draft or a live experiment measures it.
        StaleVersion: Somebody changed it since.
    """
    metric = await _read(session, project_id, metric_id, expected_version)
    users = await session.exec(
        select(Experiment.key)
        .where(
            col(ExperimentMetric.experiment_id) == Experiment.id,
            ExperimentMetric.metric_id == metric_id,
            col(Experiment.status).in_(EDITABLE | LIVE),
        )
        .order_by(col(Experiment.key))
        .limit(5)
    )
    if keys := users.all():
        raise MetricInUse(f"It is measured by {', '.join(keys)}.")
    before = facts(metric)
    metric = await _write(session, metric, archived_at=await now(session))
    await record(
        session,
        metric,
        "metric.archive",
        actor=actor,
        before=before,
        after=facts(metric),
    )
    return metric


def facts(metric: Metric) -> dict[str, Any]:
    """What the audit trail remembers of a metric."""
    return metric.model_dump(mode="json", exclude={"id", "project_id"})


async def _read(
    session: AsyncSession, project_id: UUID, metric_id: UUID, expected: int
) -> Metric:
    metric = await queries.metric_by_id(
        session, project_id=project_id, metric_id=metric_id
    )
    if metric.version != expected:
        raise StaleVersion(metric.version)
    if metric.archived_at is not None:
        raise MetricArchived(f"The metric {metric.key} is archived.")
    return metric


async def _write(session: AsyncSession, metric: Metric, **values: Any) -> Metric:
    result = await session.exec(
        update(Metric)
        .where(col(Metric.id) == metric.id, col(Metric.version) == metric.version)
        .values(version=metric.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(metric)
    if result.rowcount != 1:
        raise StaleVersion(metric.version)
    return metric
