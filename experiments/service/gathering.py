"""Gathering evidence of launch readiness: what is due, and what it is read from."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession
from core.ids import new_id
from core.tenancy import Environment
from experiments import queries
from experiments.assignment.phases import (
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    Serving,
    VariantDefinition,
)
from experiments.assignment.seeds import phase_seed
from experiments.drafts import Draft
from experiments.lifecycle import EDITABLE
from experiments.models import TEXT_LENGTH, Experiment, Layer, Variant
from experiments.readiness.checks import blockers, launch_checks
from experiments.readiness.items import GATHERED, Found, ItemCode, ItemStatus
from experiments.readiness.models import LaunchEvidence
from experiments.readiness.queries import evidence_of, sampled
from experiments.readiness.situation import Situation, fingerprint
from experiments.service import segments
from experiments.service.loading import definitions_of
from experiments.service.population import holdouts_of, specs_of
from experiments.service.readying import neighbours_of
from experiments.treatments import served_value

STALE_AFTER = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(days=60)
"""A draft that nobody touched for so long waits until somebody does."""

_NEEDED = frozenset({"VARIANTS", "CONTROL", "WEIGHTS", "PRIMARY_METRIC", "TARGETING"})
"""Without these a draft cannot be tried out."""


async def prepared_drafts(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> list[Experiment]:
    """A page of the experiments that may start, of all projects, by id."""
    statement = (
        select(Experiment)
        .where(
            col(Experiment.status).in_(EDITABLE),
            col(Experiment.updated_at) >= await now(session) - FORGOTTEN_AFTER,
        )
        .order_by(col(Experiment.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(Experiment.id) > after)
    return list((await session.exec(statement)).all())


async def environments_of(
    session: AsyncSession, project_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[Environment]]:
    """Each project's environments: at most fifty, production first."""
    found = await session.exec(
        select(Environment)
        .where(col(Environment.project_id).in_(project_ids))
        .order_by(col(Environment.production).desc(), col(Environment.id))
    )
    rows: dict[UUID, list[Environment]] = {each: [] for each in project_ids}
    for row in found.all():
        rows[row.project_id].append(row)
    return rows


async def is_due(session: AsyncSession, draft: Draft, environment_id: UUID) -> bool:
    """Whether some evidence is missing, of another draft, or more than a day old."""
    experiment_id = draft.experiment.id
    rows = (await evidence_of(session, [experiment_id], environment_id))[experiment_id]
    stale, design = await now(session) - STALE_AFTER, fingerprint(draft)
    fresh = {r.code for r in rows if r.design == design and r.evaluated_at > stale}
    return not fresh.issuperset(GATHERED)


def unready(draft: Draft) -> tuple[str, ...]:
    """What a draft lacks before it can be tried out."""
    return tuple(code for code in blockers(launch_checks(draft)) if code in _NEEDED)


async def situation_of(
    session: AsyncSession, draft: Draft, environment_id: UUID
) -> Situation:
    """Everything that the facts say of a draft that is whole.

    Raises:
        ConditionInvalid, SegmentUnknown: The targeting cannot be evaluated.
    """
    experiment = draft.experiment
    neighbours = await neighbours_of(session, experiment.project_id)
    return Situation(
        draft=draft,
        environment_id=environment_id,
        at=await now(session),
        definition=await _definition(session, draft),
        running=await definitions_of(session, environment_id),
        neighbours={
            each.key: each for each in neighbours if each.key != experiment.key
        },
        people=await sampled(session, environment_id, experiment.unit),
    )


async def record_evidence(
    session: AsyncSession,
    *,
    experiment_id: UUID,
    environment_id: UUID,
    design: str,
    found: Mapping[ItemCode, Found],
    at: datetime,
) -> None:
    """Put what was found in the place of what was known."""
    await session.exec(
        delete(LaunchEvidence).where(
            col(LaunchEvidence.experiment_id) == experiment_id,
            col(LaunchEvidence.environment_id) == environment_id,
        )
    )
    session.add_all(
        LaunchEvidence(
            id=new_id(),
            experiment_id=experiment_id,
            environment_id=environment_id,
            code=code,
            design=design,
            status=each.status,
            message=each.message[:TEXT_LENGTH],
            body=dict(each.evidence),
            evaluated_at=at,
        )
        for code, each in found.items()
    )
    await session.flush()


def unfinished(reason: str) -> Mapping[ItemCode, Found]:
    """What is told of a draft that cannot be tried out yet."""
    return {code: Found(ItemStatus.WAITING, reason) for code in GATHERED}


async def _definition(session: AsyncSession, draft: Draft) -> PhaseDefinition:
    """The phase that a start would make now; nothing is locked for it."""
    experiment = draft.experiment
    condition, _ = await segments.spelled_out(
        session,
        project_id=experiment.project_id,
        source=experiment.targeting or {},
        path=("targeting",),
    )
    number = await queries.next_number(session, experiment.id)
    return PhaseDefinition(
        experiment_id=experiment.id,
        experiment_key=experiment.key,
        treatment=experiment.treatment,
        phase_id=experiment.id,
        number=number,
        version=1,
        unit=experiment.unit,
        seed=phase_seed(experiment.project_id, experiment.key, number),
        coverage=experiment.coverage,
        condition=condition or None,
        variants=tuple(_variant(experiment, each) for each in draft.variants),
        serving=Serving.SPLIT,
        layer=await _slots(session, experiment),
        holdouts=await holdouts_of(session, experiment),
        prerequisites=tuple(
            Prerequisite(spec.experiment_key, frozenset(spec.variants))
            for spec in specs_of(experiment)
        ),
    )


def _variant(experiment: Experiment, row: Variant) -> VariantDefinition:
    return VariantDefinition(
        key=row.key,
        weight=row.weight,
        is_control=row.is_control,
        payload=row.payload,
        value=served_value(experiment.treatment, row.payload),
    )


async def _slots(session: AsyncSession, experiment: Experiment) -> LayerSlots | None:
    if experiment.layer_id is None:
        return None
    layer = await session.get_one(Layer, experiment.layer_id)
    ranges = tuple((start, end) for start, end in experiment.layer_ranges)
    return LayerSlots(layer.key, layer.seed, ranges)
