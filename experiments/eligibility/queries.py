"""Reads of layers, holdouts and segments, each within its project."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from experiments.assignment.ranges import Range
from experiments.design import UnitKind
from experiments.eligibility.segments import SegmentRule, named
from experiments.errors import HoldoutUnknown, LayerUnknown, SegmentAbsent
from experiments.lifecycle import HOLDING, ExperimentStatus
from experiments.models import Experiment, Holdout, Layer, Segment

MAX_USES = 200

Rule = TypeVar("Rule", Layer, Holdout, Segment)


@dataclass(frozen=True, slots=True)
class Taken:
    """Part of a layer, with the experiment that has it."""

    experiment_id: UUID
    experiment_key: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Uses:
    """The keys of the experiments and the segments that name a segment."""

    experiments: tuple[str, ...]
    segments: tuple[str, ...]


async def rules_by_ids(
    session: AsyncSession, kind: type[Rule], *, project_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Rule]:
    """Those of the layers, holdouts or segments that are in the project."""
    found = await session.exec(
        select(kind).where(kind.project_id == project_id, col(kind.id).in_(ids))
    )
    return {row.id: row for row in found.all()}


async def layer_by_id(
    session: AsyncSession, *, project_id: UUID, layer_id: UUID
) -> Layer:
    """One layer.

    Raises:
        LayerUnknown: There is none with this id in the project.
    """
    row = await session.get(Layer, layer_id)
    if row is None or row.project_id != project_id:
        raise LayerUnknown
    return row


async def layer_by_key(
    session: AsyncSession, *, project_id: UUID, key: str, path: tuple[str, ...] = ()
) -> Layer:
    """One layer.

    Raises:
        LayerUnknown: There is none with this key in the project.
    """
    found = await session.exec(
        select(Layer).where(Layer.project_id == project_id, Layer.key == key)
    )
    row = found.first()
    if row is None:
        raise LayerUnknown(key, path=path)
    return row


def listed_layers(project_id: UUID, *, with_archived: bool) -> SelectOfScalar[Layer]:
    """The project's layers, in no order yet."""
    statement = select(Layer).where(Layer.project_id == project_id)
    if not with_archived:
        statement = statement.where(col(Layer.archived_at).is_(None))
    return statement


async def taken_of(
    session: AsyncSession, layer_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Taken]]:
    """Which experiments that are live, or may start, have which slots."""
    found = await session.exec(
        select(
            Experiment.layer_id, Experiment.id, Experiment.key, Experiment.layer_ranges
        )
        .where(
            col(Experiment.layer_id).in_(layer_ids), col(Experiment.status).in_(HOLDING)
        )
        .order_by(col(Experiment.key))
    )
    taken: dict[UUID, list[Taken]] = {each: [] for each in layer_ids}
    for layer_id, experiment_id, key, ranges in found.all():
        if layer_id is not None:
            parts = tuple((start, end) for start, end in ranges)
            taken[layer_id].append(Taken(experiment_id, key, parts))
    return taken


async def holdout_by_id(
    session: AsyncSession, *, project_id: UUID, holdout_id: UUID
) -> Holdout:
    """One holdout.

    Raises:
        HoldoutUnknown: There is none with this id in the project.
    """
    row = await session.get(Holdout, holdout_id)
    if row is None or row.project_id != project_id:
        raise HoldoutUnknown
    return row


def listed_holdouts(project_id: UUID, *, with_ended: bool) -> SelectOfScalar[Holdout]:
    """The project's holdouts, in no order yet."""
    statement = select(Holdout).where(Holdout.project_id == project_id)
    if not with_ended:
        statement = statement.where(col(Holdout.ended_at).is_(None))
    return statement


async def holdouts_for(
    session: AsyncSession, *, project_id: UUID, unit: UnitKind, area: str | None
) -> Sequence[Holdout]:
    """The holdouts in force that a phase of this unit and area leaves alone."""
    found = await session.exec(
        listed_holdouts(project_id, with_ended=False)
        .where(
            Holdout.unit == unit,
            or_(col(Holdout.area).is_(None), col(Holdout.area) == area),
        )
        .order_by(col(Holdout.key))
    )
    return found.all()


async def segment_by_id(
    session: AsyncSession, *, project_id: UUID, segment_id: UUID
) -> Segment:
    """One segment.

    Raises:
        SegmentAbsent: There is none with this id in the project.
    """
    row = await session.get(Segment, segment_id)
    if row is None or row.project_id != project_id:
        raise SegmentAbsent
    return row


def listed_segments(
    project_id: UUID, *, with_archived: bool
) -> SelectOfScalar[Segment]:
    """The project's segments, in no order yet."""
    statement = select(Segment).where(Segment.project_id == project_id)
    if not with_archived:
        statement = statement.where(col(Segment.archived_at).is_(None))
    return statement


async def segments_behind(
    session: AsyncSession, *, project_id: UUID, source: object
) -> Mapping[str, SegmentRule]:
    """The segments in use that a condition names, and those that they name in turn."""
    rules: dict[str, SegmentRule] = {}
    wanted = named(source)
    while wanted:
        found = await session.exec(
            listed_segments(project_id, with_archived=False).where(
                col(Segment.key).in_(wanted)
            )
        )
        fresh = {row.key: rule_of(row) for row in found.all()}
        rules |= fresh
        inner = (named(each.condition) for each in fresh.values())
        wanted = frozenset().union(*inner) - rules.keys()
    return rules


def rule_of(row: Segment) -> SegmentRule:
    """The segment as conditions use it."""
    return SegmentRule(
        key=row.key,
        version=row.version,
        attribute=row.attribute,
        listed=tuple(row.listed),
        condition=row.condition,
    )


async def uses_of(
    session: AsyncSession,
    *,
    project_id: UUID,
    keys: Collection[str],
    statuses: Collection[ExperimentStatus] = HOLDING,
    limit: int | None = MAX_USES,
) -> Mapping[str, Uses]:
    """Who names each of the segments: the first of either kind, or with None all."""
    drafts = await session.exec(
        select(Experiment.key, Experiment.targeting)
        .where(
            Experiment.project_id == project_id,
            col(Experiment.status).in_(statuses),
            col(Experiment.targeting).is_not(None),
        )
        .order_by(col(Experiment.key))
    )
    conditions = await session.exec(
        select(Segment.key, Segment.condition)
        .where(
            Segment.project_id == project_id,
            col(Segment.archived_at).is_(None),
            col(Segment.condition).is_not(None),
        )
        .order_by(col(Segment.key))
    )
    experiments, segments = _by_segment(drafts.all()), _by_segment(conditions.all())
    return {
        key: Uses(
            tuple(experiments.get(key, ())[:limit]),
            tuple(segments.get(key, ())[:limit]),
        )
        for key in keys
    }


def _by_segment(
    sources: Iterable[tuple[str, object]],
) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for user, source in sources:
        for key in named(source):
            users.setdefault(key, []).append(user)
    return users
