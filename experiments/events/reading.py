"""Read what is folded: the state of a phase, quantiles of its units, health."""

import asyncio
import math
from collections.abc import Collection, Mapping
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from core.subjects import SubjectKind
from experiments.design import MetricDesign, PhaseDesign
from experiments.events import definitions
from experiments.events.log import LogHealth, RecordedExposure, Stray, StrayReason
from experiments.events.replay import LoggedEvent, replay
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.events.store import (
    Row,
    Session,
    from_milliseconds,
    to_milliseconds,
)


async def phase_state(session: Session, phase_id: UUID) -> PhaseState:
    """Add up the deltas of one phase."""
    design, rebuilding = await definitions.find(session, phase_id)
    ((position, watermark, last_event_at, backlog),) = await session.run(
        "state_progress", phase_id=phase_id
    )
    counts = {
        row[0]: [int(count) for count in row[1:]]
        for row in await session.run("state_units", phase_id=phase_id)
    }
    exposed, in_gaps, conflicts, linked, joined = (
        {arm.key: counts.get(arm.key, [0] * 5)[column] for arm in design.arms}
        for column in range(5)
    )
    sums = {
        (row[0], row[1]): row[2:]
        for row in await session.run("state_sums", phase_id=phase_id)
    }
    ((first_exposure_at,),) = await session.run("state_first", phase_id=phase_id)
    return PhaseState(
        phase_id=phase_id,
        position=position,
        watermark=from_milliseconds(watermark),
        exposed=exposed,
        in_gaps=in_gaps,
        conflicts=conflicts,
        linked=linked,
        joined=joined,
        metrics=_metric_states(design, exposed, sums),
        first_exposure_at=_instant(first_exposure_at),
        last_event_at=_instant(last_event_at),
        backlog=max(backlog, int(rebuilding)),
        rebuilding=rebuilding,
    )


async def recompute(session: Session, phase_id: UUID) -> PhaseState:
    """Replay the raw events up to where the log is folded."""
    design, rebuilding = await definitions.find(session, phase_id)
    ((position, watermark, _, backlog),) = await session.run(
        "state_progress", phase_id=phase_id
    )
    rows = await session.run(
        "replay_events",
        environment_id=design.environment_id,
        experiment_key=design.experiment_key,
        position=position,
    )
    ((last_event_at,),) = await session.run(
        "replay_last", environment_id=design.environment_id, position=position
    )
    return await asyncio.to_thread(
        replay,
        design,
        (LoggedEvent(*row) for row in rows),
        position=position,
        watermark=watermark,
        last_event_at=last_event_at,
        backlog=max(backlog, int(rebuilding)),
    )


async def unit_total_quantile(
    session: Session, phase_id: UUID, metric_id: UUID, quantile: float
) -> int:
    """The smallest unit total that at least this share of the others does not pass."""
    if not 0 <= quantile <= 1:
        raise ValueError(f"{quantile} is no quantile: it must be in [0, 1].")
    ((units,),) = await session.run(
        "quantile_count", phase_id=phase_id, metric_id=metric_id
    )
    if units == 0:
        return 0
    place = math.ceil(Fraction(str(quantile)) * (units - 1))
    ((total,),) = await session.run(
        "quantile_at", phase_id=phase_id, metric_id=metric_id, place=place
    )
    return int(total)


async def first_exposures(
    session: Session,
    environment_id: UUID,
    ids: Collection[str],
    since: Mapping[str, datetime],
) -> list[RecordedExposure]:
    """The first exposure of each id to each arm, by position."""
    rows = await session.run(
        "first_exposures",
        environment_id=environment_id,
        ids=sorted(ids),
        experiment_keys=list(since),
        instants=[to_milliseconds(instant) for instant in since.values()],
    )
    return [
        RecordedExposure(
            experiment_key=experiment_key,
            kind=SubjectKind(kind.upper()),
            id=raw_id,
            variant_key=arm,
            occurred_at=from_milliseconds(occurred_at),
            position=position,
        )
        for experiment_key, kind, raw_id, arm, occurred_at, position in rows
    ]


async def stray_exposures(
    session: Session, environment_id: UUID, experiment_key: str | None, limit: int
) -> list[Stray]:
    """Exposures by key and variant, where no phase has that key or variant."""
    rows = await session.run(
        "stray_exposures",
        environment_id=environment_id,
        experiment_key=experiment_key,
        limit=limit,
    )
    return [
        Stray(
            experiment_key=key,
            variant_key=arm,
            reason=(
                StrayReason.UNKNOWN_VARIANT if known else StrayReason.UNKNOWN_EXPERIMENT
            ),
            exposures=exposures,
            first_at=from_milliseconds(first_at),
            last_at=from_milliseconds(last_at),
        )
        for key, arm, exposures, first_at, last_at, known in rows
    ]


async def health(session: Session, store: str) -> LogHealth:
    """How far the log is, over all environments."""
    ((position, backlog, appended_at, folded_at),) = await session.run("health")
    return LogHealth(
        ok=True,
        store=store,
        position=position,
        backlog=int(backlog),
        last_append_at=_instant(appended_at),
        last_fold_at=_instant(folded_at),
    )


def _metric_states(
    design: PhaseDesign,
    exposed: Mapping[str, int],
    sums: Mapping[tuple[str, UUID], Row],
) -> tuple[ArmMetricState, ...]:
    nothing = (0,) * 11
    return tuple(
        _metric_state(
            arm.key,
            metric,
            [int(part) for part in sums.get((arm.key, metric.metric_id), nothing)],
            exposed[arm.key],
        )
        for metric in design.metrics
        for arm in design.arms
    )


def _metric_state(
    arm: str, metric: MetricDesign, parts: list[int], exposed: int
) -> ArmMetricState:
    n, y, yy, d, dd, yd, capped_y, capped_yy, capped_yd, nonzero, refused = parts
    return ArmMetricState(
        arm=arm,
        metric_id=metric.metric_id,
        raw=Sums(n, y, yy, d, dd, yd),
        capped=(
            None
            if metric.cap is None
            else Sums(n, capped_y, capped_yy, d, dd, capped_yd)
        ),
        nonzero=nonzero,
        maturing=exposed - n - refused,
        refused=refused,
    )


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_milliseconds(milliseconds)
