"""Reads of the experiments domain, each within its project or environment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from experiments.drafts import Draft, Measure
from experiments.errors import ExperimentUnknown, MetricUnknown, PhaseUnknown
from experiments.lifecycle import ExperimentStatus
from experiments.models import (
    Experiment,
    ExperimentMetric,
    Layer,
    Metric,
    Phase,
    PhaseKind,
    Variant,
)


@dataclass(frozen=True, slots=True)
class ExperimentFilter:
    """Which experiments a list shows."""

    statuses: Collection[ExperimentStatus] = ()
    search: str = ""


async def experiment_by_id(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    path: tuple[str, ...] = (),
) -> Experiment:
    """One experiment.

    Raises:
        ExperimentUnknown: There is none with this id in the project.
    """
    found = await session.get(Experiment, experiment_id)
    if found is None or found.project_id != project_id:
        raise ExperimentUnknown(path=path)
    return found


async def experiment_by_key(
    session: AsyncSession, *, project_id: UUID, key: str, path: tuple[str, ...] = ()
) -> Experiment:
    """One experiment.

    Raises:
        ExperimentUnknown: There is none with this key in the project.
    """
    statement = select(Experiment).where(
        Experiment.project_id == project_id, Experiment.key == key
    )
    found = (await session.exec(statement)).first()
    if found is None:
        raise ExperimentUnknown(key, path=path)
    return found


async def experiments_by_ids(
    session: AsyncSession, *, project_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Experiment]:
    """Those of the experiments that are in the project."""
    statement = select(Experiment).where(
        Experiment.project_id == project_id, col(Experiment.id).in_(ids)
    )
    return {row.id: row for row in (await session.exec(statement)).all()}


def listed_experiments(
    project_id: UUID, chosen: ExperimentFilter
) -> SelectOfScalar[Experiment]:
    """The project's experiments, in no order yet."""
    statement = select(Experiment).where(Experiment.project_id == project_id)
    if chosen.statuses:
        statement = statement.where(col(Experiment.status).in_(chosen.statuses))
    if chosen.search:
        pattern = chosen.search.lower()
        statement = statement.where(
            or_(
                func.lower(Experiment.name).contains(pattern, autoescape=True),
                func.lower(Experiment.key).contains(pattern, autoescape=True),
            )
        )
    return statement


async def draft_of(session: AsyncSession, experiment: Experiment) -> Draft:
    """The experiment with its arms and what it measures."""
    return (await drafts_of(session, [experiment]))[experiment.id]


async def drafts_of(
    session: AsyncSession, experiments: Sequence[Experiment]
) -> Mapping[UUID, Draft]:
    """Several experiments with their parts, in a fixed number of reads."""
    ids = [experiment.id for experiment in experiments]
    variants = await session.exec(
        select(Variant)
        .where(col(Variant.experiment_id).in_(ids))
        .order_by(col(Variant.position))
    )
    by_experiment: dict[UUID, list[Variant]] = {each: [] for each in ids}
    for variant in variants.all():
        by_experiment[variant.experiment_id].append(variant)
    links = await session.exec(
        select(ExperimentMetric, Metric)
        .where(
            col(ExperimentMetric.metric_id) == Metric.id,
            col(ExperimentMetric.experiment_id).in_(ids),
        )
        .order_by(col(ExperimentMetric.position))
    )
    measures: dict[UUID, list[Measure]] = {each: [] for each in ids}
    for link, metric in links.all():
        measures[link.experiment_id].append(
            Measure(metric, link.role, link.margin, link.margin_kind, link.harm_action)
        )
    layers = await _layers_of(session, experiments)
    return {
        experiment.id: Draft(
            experiment,
            tuple(by_experiment[experiment.id]),
            tuple(measures[experiment.id]),
            layers.get(experiment.layer_id),
        )
        for experiment in experiments
    }


async def _layers_of(
    session: AsyncSession, experiments: Sequence[Experiment]
) -> Mapping[UUID | None, Layer]:
    ids = {each.layer_id for each in experiments if each.layer_id is not None}
    if not ids:
        return {}
    found = await session.exec(select(Layer).where(col(Layer.id).in_(ids)))
    return {layer.id: layer for layer in found.all()}


async def phases_of(
    session: AsyncSession, *, environment_id: UUID, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Phase]]:
    """The randomisations of several experiments in an environment, each in order."""
    found = await session.exec(
        select(Phase)
        .where(
            Phase.environment_id == environment_id,
            col(Phase.experiment_id).in_(experiment_ids),
            Phase.kind == PhaseKind.RANDOMISED,
        )
        .order_by(col(Phase.number))
    )
    phases: dict[UUID, list[Phase]] = {each: [] for each in experiment_ids}
    for phase in found.all():
        phases[phase.experiment_id].append(phase)
    return phases


async def environments_of(session: AsyncSession, experiment_id: UUID) -> Sequence[UUID]:
    """Where an experiment has had phases."""
    found = await session.exec(
        select(Phase.environment_id)
        .where(Phase.experiment_id == experiment_id)
        .distinct()
        .order_by(col(Phase.environment_id))
    )
    return found.all()


async def next_number(session: AsyncSession, experiment_id: UUID) -> int:
    """Which phase a start would begin now, counted from 1."""
    found = await session.exec(
        select(func.max(Phase.number)).where(Phase.experiment_id == experiment_id)
    )
    return (found.one() or 0) + 1


async def current_phase(session: AsyncSession, experiment_id: UUID) -> Phase:
    """The last randomisation that was begun; what a holdback is compared in is none.

    Raises:
        PhaseUnknown: The experiment was never started.
    """
    found = await session.exec(
        select(Phase)
        .where(Phase.experiment_id == experiment_id, Phase.kind == PhaseKind.RANDOMISED)
        .order_by(col(Phase.number).desc())
        .limit(1)
    )
    phase = found.first()
    if phase is None:
        raise PhaseUnknown
    return phase


async def phase_by_id(
    session: AsyncSession, *, environment_id: UUID, phase_id: UUID
) -> Phase:
    """One phase.

    Raises:
        PhaseUnknown: There is none with this id in the environment.
    """
    phase = await session.get(Phase, phase_id)
    if phase is None or phase.environment_id != environment_id:
        raise PhaseUnknown
    return phase


async def unpublished_phases(session: AsyncSession, *, limit: int) -> Sequence[Phase]:
    """Phases whose current version the event log has not heard of."""
    found = await session.exec(
        select(Phase)
        .where(col(Phase.published_at).is_(None))
        .order_by(col(Phase.id))
        .limit(limit)
    )
    return found.all()


async def published_phases(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[tuple[UUID, UUID, int]]:
    """The next randomisations that the event log knows as they are, of those in use.

    Of each its id, its environment and its version.
    """
    statement = (
        select(Phase.id, Phase.environment_id, Phase.version)
        .where(
            col(Phase.published_at).is_not(None),
            col(Phase.experiment_id) == Experiment.id,
            Experiment.status != ExperimentStatus.ARCHIVED,
            Phase.kind == PhaseKind.RANDOMISED,
        )
        .order_by(col(Phase.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Phase.id > after)
    return (await session.exec(statement)).all()


async def phases_by_ids(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Sequence[Phase]:
    """Those of the phases that there are."""
    found = await session.exec(select(Phase).where(col(Phase.id).in_(phase_ids)))
    return found.all()


async def publications(session: AsyncSession) -> tuple[int, int]:
    """Two numbers that move whenever the event log has heard of a phase anew."""
    found = await session.exec(
        select(
            func.count(col(Phase.id)), func.coalesce(func.sum(Phase.version), 0)
        ).where(col(Phase.published_at).is_not(None))
    )
    phases, versions = found.one()
    return int(phases), int(versions)


async def metric_by_id(
    session: AsyncSession, *, project_id: UUID, metric_id: UUID
) -> Metric:
    """One metric.

    Raises:
        MetricUnknown: There is none with this id in the project.
    """
    metric = await session.get(Metric, metric_id)
    if metric is None or metric.project_id != project_id:
        raise MetricUnknown
    return metric


async def metrics_by_keys(
    session: AsyncSession, *, project_id: UUID, keys: Collection[str]
) -> Mapping[str, Metric]:
    """Those of the metrics that the project has."""
    found = await session.exec(
        select(Metric).where(Metric.project_id == project_id, col(Metric.key).in_(keys))
    )
    return {metric.key: metric for metric in found.all()}


async def metrics_by_ids(
    session: AsyncSession, *, project_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Metric]:
    """Those of the metrics that are in the project."""
    found = await session.exec(
        select(Metric).where(Metric.project_id == project_id, col(Metric.id).in_(ids))
    )
    return {metric.id: metric for metric in found.all()}


def listed_metrics(project_id: UUID, *, with_archived: bool) -> SelectOfScalar[Metric]:
    """The project's metrics, in no order yet."""
    statement = select(Metric).where(Metric.project_id == project_id)
    if not with_archived:
        statement = statement.where(col(Metric.archived_at).is_(None))
    return statement
