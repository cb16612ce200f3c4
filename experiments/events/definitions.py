"""A phase's design as rows of the log, and which edits of it change numbers."""

from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

import msgspec

from experiments.design import (
    MetricDesign,
    MetricKind,
    PhaseDesign,
    Source,
    SourceValue,
)
from experiments.events.errors import Unfoldable, UnknownPhase
from experiments.events.store import MILLISECOND, Session, to_milliseconds

FOREVER = 9_007_199_254_740_991
"""Milliseconds past every event: the end of an interval that has none."""

FOLDABLE = frozenset(
    {
        MetricKind.CONVERSION,
        MetricKind.COUNT,
        MetricKind.SUM,
        MetricKind.MEAN,
        MetricKind.RATIO,
        MetricKind.RETENTION,
    }
)
MAX_STEPS = 10**9


async def publish(session: Session, design: PhaseDesign, *, now: datetime) -> bool:
    """Store a design; mark the phase for a rebuild where its numbers could differ.

    Raises:
        Unfoldable: A metric is of a kind or scale that the log cannot fold.
    """
    for metric in design.metrics:
        if metric.kind not in FOLDABLE or not 0 < metric.steps <= MAX_STEPS:
            raise Unfoldable(metric.key, metric.kind)
    await session.lock(design.environment_id)
    found = await session.run("phase_find", phase_id=design.phase_id)
    known = _decode(found[0][0]) if found else None
    if known == design:
        return False
    if design.finished_import and (known is None or not known.finished_import):
        await finish_import(session, design.environment_id, now=now)
    waiting = bool(found and found[0][1])
    rebuild = known is None or waiting or await _differs(session, known, design)
    await session.run(
        "phase_put",
        phase_id=design.phase_id,
        environment_id=design.environment_id,
        experiment_key=design.experiment_key,
        unit=design.unit.value,
        started_at=to_milliseconds(design.started_at),
        ended_at=_end(design.ended_at),
        design=msgspec.json.encode(design).decode(),
        rebuild=rebuild,
    )
    if known is None or _parts(known) != _parts(design):
        await _put_parts(session, design)
    if known is not None and not rebuild:
        await _recap(session, known, design)
    return True


async def find(session: Session, phase_id: UUID) -> tuple[PhaseDesign, bool]:
    """The stored design, and whether the phase still waits for its rebuild.

    Raises:
        UnknownPhase: The phase was never published.
    """
    found = await session.run("phase_find", phase_id=phase_id)
    if not found:
        raise UnknownPhase(phase_id)
    return _decode(found[0][0]), bool(found[0][1])


async def finish_import(
    session: Session, environment_id: UUID, *, now: datetime
) -> None:
    """Let the watermark rise to `now` once nothing waits to be folded."""
    await session.lock(environment_id)
    await session.run("progress", environment_id=environment_id)
    await session.run(
        "finish_import", environment_id=environment_id, now=to_milliseconds(now)
    )


async def _differs(session: Session, known: PhaseDesign, design: PhaseDesign) -> bool:
    """Whether units or values that are folded already would come out otherwise.

    An end or a pause that begins after every exposure so far changes nothing yet, and
    another cap is applied to the values that are there.
    """
    if _measured(known) != _measured(design):
        return True
    edge = _enrolment_edge(known, design)
    if edge == FOREVER:
        return False
    ((exposed,),) = await session.run(
        "phase_exposed_since",
        environment_id=design.environment_id,
        experiment_key=design.experiment_key,
        edge=edge,
    )
    return bool(exposed)


async def _recap(session: Session, known: PhaseDesign, design: PhaseDesign) -> None:
    caps = {metric.metric_id: metric.cap for metric in known.metrics}
    for metric in design.metrics:
        if caps[metric.metric_id] != metric.cap:
            await session.run(
                "phase_recap",
                phase_id=design.phase_id,
                metric_id=metric.metric_id,
                cap=metric.cap,
            )


def _enrolment_edge(known: PhaseDesign, design: PhaseDesign) -> int:
    """The first instant at which one design enrols and the other may not."""
    before, after = _closures(known), _closures(design)
    bounds = [bound for closure in before ^ after for bound in closure]
    shared = {opened for opened, _ in before} & {opened for opened, _ in after}
    return min((bound for bound in bounds if bound not in shared), default=FOREVER)


def _closures(design: PhaseDesign) -> set[tuple[int, int]]:
    """The intervals without enrolment: every gap, and all that follows the end."""
    gaps = {(to_milliseconds(opened), _end(closed)) for opened, closed in design.gaps}
    return gaps | {(_end(design.ended_at), FOREVER)}


async def _put_parts(session: Session, design: PhaseDesign) -> None:
    await session.run("phase_clear", phase_id=design.phase_id)
    for arm in design.arms:
        await session.run("phase_put_arm", phase_id=design.phase_id, arm=arm.key)
    for opened_at, closed_at in design.gaps:
        await session.run(
            "phase_put_gap",
            phase_id=design.phase_id,
            opened_at=to_milliseconds(opened_at),
            closed_at=_end(closed_at),
        )
    for metric in design.metrics:
        await session.run(
            "phase_put_metric",
            phase_id=design.phase_id,
            metric_id=metric.metric_id,
            kind=metric.kind.value,
            numerator_id=await _put_source(session, design, metric, metric.numerator),
            denominator_id=(
                None
                if metric.denominator is None or metric.kind is not MetricKind.RATIO
                else await _put_source(session, design, metric, metric.denominator)
            ),
            opens_after=_milliseconds(metric.opens_after),
            closes_after=_milliseconds(metric.closes_after),
            cap=metric.cap,
        )


async def _put_source(
    session: Session, design: PhaseDesign, metric: MetricDesign, source: Source
) -> int:
    steps = metric.steps if source.value is SourceValue.VALUE else 1
    text = f"{design.environment_id}\n{source.event_name}\n{source.value}\n{steps}"
    digest = blake2b(text.encode(), digest_size=8).digest()
    source_id = int.from_bytes(digest, signed=True)
    await session.run(
        "source_put",
        source_id=source_id,
        environment_id=design.environment_id,
        event_name=source.event_name,
        value=source.value.value,
        steps=steps,
    )
    return source_id


def _parts(design: PhaseDesign) -> tuple[object, ...]:
    """Everything that the state is a function of, besides events and watermark."""
    caps = [metric.cap for metric in design.metrics]
    return (*_measured(design), design.ended_at, design.gaps, caps)


def _measured(design: PhaseDesign) -> tuple[object, ...]:
    """The same without the bounds of enrolment and the caps."""
    return (
        design.experiment_key,
        design.unit,
        [arm.key for arm in design.arms],
        design.started_at,
        [
            (
                metric.metric_id,
                metric.kind,
                metric.numerator,
                metric.denominator,
                metric.opens_after,
                metric.closes_after,
                metric.steps,
            )
            for metric in design.metrics
        ],
    )


def _decode(text: str) -> PhaseDesign:
    return msgspec.json.decode(text, type=PhaseDesign)


def _end(instant: datetime | None) -> int:
    return FOREVER if instant is None else to_milliseconds(instant)


def _milliseconds(span: timedelta) -> int:
    return span // MILLISECOND
