"""The parts of a design as rows that SQL can join: arms, metrics, dimensions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from experiments.design import (
    MetricDesign,
    MetricKind,
    PhaseDesign,
    Source,
    SourceValue,
)
from experiments.events.state import STRATA
from experiments.events.store import MILLISECOND, Session, to_milliseconds
from experiments.plan import OTHER, UNKNOWN, Adjustment, Dimension

FOREVER = 9_007_199_254_740_991
"""Milliseconds past every event: the end of an interval that has none."""

READ_BY_EVENT = frozenset(
    {MetricKind.CADENCE, MetricKind.FUNNEL, MetricKind.TIME_TO_EVENT}
)


async def put(session: Session, design: PhaseDesign) -> None:
    """Replace the parts that are stored for a phase."""
    await session.run("phase_clear", phase_id=design.phase_id)
    for arm in design.arms:
        await session.run("phase_put_arm", phase_id=design.phase_id, arm=arm.key)
    for opened_at, closed_at in design.gaps:
        await session.run(
            "phase_put_gap",
            phase_id=design.phase_id,
            opened_at=to_milliseconds(opened_at),
            closed_at=end(closed_at),
        )
    for metric in design.metrics:
        await _put_metric(session, design, metric)
    for place, dimension in enumerate(dimensions(design), start=1):
        await _put_dimension(session, design, place, dimension)
    if any(dimension.stratum for dimension in dimensions(design)):
        await session.run(
            "phase_put_dimension",
            phase_id=design.phase_id,
            dimension=STRATA,
            place=len(dimensions(design)) + 1,
            attribute=None,
            stratum=False,
            other_place=0,
        )


def lookback(design: PhaseDesign) -> timedelta:
    """How far before exposure its covariates reach; nothing where it has none."""
    if design.plan is None or design.plan.adjustment is Adjustment.NONE:
        return timedelta(0)
    return timedelta(days=design.plan.lookback_days)


def dimensions(design: PhaseDesign) -> tuple[Dimension, ...]:
    """The dimensions of its plan; their order is the order of places."""
    return () if design.plan is None else design.plan.dimensions


def sources(metric: MetricDesign) -> Iterator[Source]:
    """Every stream of values that a metric reads."""
    yield metric.numerator
    if metric.denominator is not None:
        yield metric.denominator
    yield from metric.later_steps


def end(instant: datetime | None) -> int:
    """The instant at which an interval ends, if it does."""
    return FOREVER if instant is None else to_milliseconds(instant)


async def _put_metric(
    session: Session, design: PhaseDesign, metric: MetricDesign
) -> None:
    numerator_id = await _put_source(session, design, metric, metric.numerator)
    await session.run(
        "phase_put_metric",
        phase_id=design.phase_id,
        metric_id=metric.metric_id,
        kind=metric.kind.value,
        numerator_id=numerator_id,
        denominator_id=(
            None
            if metric.denominator is None or metric.kind is not MetricKind.RATIO
            else await _put_source(session, design, metric, metric.denominator)
        ),
        opens_after=metric.opens_after // MILLISECOND,
        closes_after=metric.closes_after // MILLISECOND,
        cap=metric.cap,
        looks_back=lookback(design) // MILLISECOND,
    )
    if metric.kind not in READ_BY_EVENT:
        return
    steps = metric.later_steps if metric.kind is MetricKind.FUNNEL else ()
    ids = [numerator_id]
    ids += [await _put_source(session, design, metric, step) for step in steps]
    for place, source_id in enumerate(ids, start=1):
        await session.run(
            "phase_put_step",
            phase_id=design.phase_id,
            metric_id=metric.metric_id,
            place=place,
            source_id=source_id,
        )


async def _put_dimension(
    session: Session, design: PhaseDesign, place: int, dimension: Dimension
) -> None:
    await session.run(
        "phase_put_dimension",
        phase_id=design.phase_id,
        dimension=dimension.key,
        place=place,
        attribute=dimension.attribute,
        stratum=dimension.stratum,
        other_place=len(dimension.levels),
    )
    for level_place, level in enumerate((*dimension.levels, OTHER, UNKNOWN)):
        await session.run(
            "phase_put_level",
            phase_id=design.phase_id,
            dimension=dimension.key,
            place=level_place,
            level=level,
        )


async def _put_source(
    session: Session, design: PhaseDesign, metric: MetricDesign, source: Source
) -> int:
    steps = metric.steps if source.value is SourceValue.VALUE else 1
    chosen = source.property if source.value is SourceValue.VALUE else None
    identity = [str(design.environment_id), source.event_name, source.value, str(steps)]
    if source.filters or chosen is not None:
        identity.append(msgspec.json.encode([source.filters, chosen]).decode())
    digest = blake2b("\n".join(identity).encode(), digest_size=8).digest()
    source_id = int.from_bytes(digest, signed=True)
    await session.run(
        "source_put",
        source_id=source_id,
        environment_id=design.environment_id,
        event_name=source.event_name,
        value=source.value.value,
        steps=steps,
        property=chosen,
    )
    for each in source.filters:
        await session.run(
            "source_put_filter",
            source_id=source_id,
            property=each.property,
            operator=each.operator.value,
            asked=msgspec.json.encode(each.values).decode(),
        )
    return source_id
