"""A phase's design as rows of the log, and which edits of it change numbers."""

import re
from datetime import datetime
from uuid import UUID

import msgspec

from experiments.design import MetricKind, PhaseDesign
from experiments.events import parts
from experiments.events.errors import Unfoldable, UnknownPhase, UnreadableProperty
from experiments.events.parts import FOREVER, end, lookback, sources
from experiments.events.store import Session, to_milliseconds

FOLDABLE = frozenset(MetricKind)
MAX_STEPS = 10**9
MAX_LATER_STEPS = 19
"""Steps of a funnel after its first."""

_PROPERTY = re.compile(r"[A-Za-z0-9_.$-]{1,128}")


async def publish(session: Session, design: PhaseDesign, *, now: datetime) -> bool:
    """Store a design; mark the phase for a rebuild where its numbers could differ.

    Raises:
        Unfoldable: A metric is of a kind or scale that the log cannot fold.
        UnreadableProperty: No event can carry a property that is asked for.
    """
    _check(design)
    await session.lock(design.environment_id)
    found = await session.run("phase_find", phase_id=design.phase_id)
    known = decode(found[0][0]) if found else None
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
        ended_at=end(design.ended_at),
        design=msgspec.json.encode(design).decode(),
        number=design.number,
        rebuild=rebuild,
    )
    if known is None or _parts(known) != _parts(design):
        await parts.put(session, design)
        await session.run("phase_moved", phase_id=design.phase_id)
    if known is not None and not rebuild:
        await _recap(session, known, design)
    return True


async def bring_up_to_date(session: Session) -> None:
    """Put the parts of every design that an older version stored.

    What it could not know of a phase is filled by a rebuild; the rest stands.
    """
    outdated = await session.run("phases_outdated")
    for environment_id in sorted({row[1] for row in outdated}):
        await session.lock(environment_id)
    for phase_id, _ in await session.run("phases_outdated") if outdated else ():
        design, _ = await find(session, phase_id)
        await parts.put(session, design)
        await session.run(
            "phase_update",
            phase_id=phase_id,
            number=design.number,
            rebuild=design.plan is not None,
        )


async def find(session: Session, phase_id: UUID) -> tuple[PhaseDesign, bool]:
    """The stored design, and whether the phase still waits for its rebuild.

    Raises:
        UnknownPhase: The phase was never published.
    """
    found = await session.run("phase_find", phase_id=phase_id)
    if not found:
        raise UnknownPhase(phase_id)
    return decode(found[0][0]), bool(found[0][1])


async def finish_import(
    session: Session, environment_id: UUID, *, now: datetime
) -> None:
    """Let the watermark rise to `now` once nothing waits to be folded."""
    await session.lock(environment_id)
    await session.run("progress", environment_id=environment_id)
    await session.run(
        "finish_import", environment_id=environment_id, now=to_milliseconds(now)
    )


def _check(design: PhaseDesign) -> None:
    for metric in design.metrics:
        if (
            metric.kind not in FOLDABLE
            or not 0 < metric.steps <= MAX_STEPS
            or len(metric.later_steps) > MAX_LATER_STEPS
        ):
            raise Unfoldable(metric.key, metric.kind)
        for source in sources(metric):
            for each in source.filters:
                _check_property(each.property)
            if source.property is not None:
                _check_property(source.property)
    for dimension in parts.dimensions(design):
        _check_property(dimension.attribute)


def _check_property(name: str) -> None:
    if not _PROPERTY.fullmatch(name):
        raise UnreadableProperty(name)


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
            await session.run("fold_state")
            await session.run("fold_segments")


def _enrolment_edge(known: PhaseDesign, design: PhaseDesign) -> int:
    """The first instant at which one design enrols and the other may not."""
    before, after = _closures(known), _closures(design)
    bounds = [bound for closure in before ^ after for bound in closure]
    shared = {opened for opened, _ in before} & {opened for opened, _ in after}
    return min((bound for bound in bounds if bound not in shared), default=FOREVER)


def _closures(design: PhaseDesign) -> set[tuple[int, int]]:
    """The intervals without enrolment: every gap, and all that follows the end."""
    gaps = {(to_milliseconds(opened), end(closed)) for opened, closed in design.gaps}
    return gaps | {(end(design.ended_at), FOREVER)}


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
                metric.later_steps,
            )
            for metric in design.metrics
        ],
        lookback(design),
        [
            (dimension.key, dimension.attribute, dimension.levels, dimension.stratum)
            for dimension in parts.dimensions(design)
        ],
    )


def decode(text: str) -> PhaseDesign:
    """A design as it was stored."""
    return msgspec.json.decode(text, type=PhaseDesign)
