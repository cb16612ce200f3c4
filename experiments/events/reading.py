"""Read what is folded: the state of a phase, quantiles of its units, health."""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from core.subjects import SubjectKind
from experiments.design import MetricKind, PhaseDesign
from experiments.events import definitions
from experiments.events.errors import UnknownPhase
from experiments.events.log import (
    Began,
    LogHealth,
    RecordedExposure,
    Stray,
    StrayReason,
)
from experiments.events.parts import dimensions, lookback
from experiments.events.replay import replay
from experiments.events.replay_units import LoggedEvent
from experiments.events.rows import (
    capped_sums,
    level_counts,
    metric_states,
    raw_sums,
    segment_states,
    survival_states,
)
from experiments.events.state import DayState, PhaseState, Standing, SurvivalState
from experiments.events.store import (
    Row,
    Session,
    from_milliseconds,
    to_milliseconds,
)


async def phase_state(session: Session, phase_id: UUID) -> PhaseState:
    """Add up the deltas of one phase.

    Raises:
        UnknownPhase: The phase was never published.
    """
    found = await phase_states(session, [phase_id])
    if phase_id not in found:
        raise UnknownPhase(phase_id)
    return found[phase_id]


async def phase_states(
    session: Session, phase_ids: Collection[UUID]
) -> dict[UUID, PhaseState]:
    """Add up the deltas of many phases, in the statements that one of them takes."""
    asked = {"phase_ids": list(phase_ids)}
    designs = await session.run("state_designs", **asked)
    counts = _grouped(await session.run("state_units", **asked))
    sums = _grouped(await session.run("state_sums", **asked))
    firsts = {row[0]: row[1] for row in await session.run("state_first", **asked)}
    known = {row[0]: definitions.decode(row[1]) for row in designs}
    levels: dict[UUID, list[Row]] = {}
    if any(dimensions(design) for design in known.values()):
        levels = _grouped(await session.run("state_levels", **asked))
    found = {}
    for phase_id, _, rebuilding, position, watermark, last_event_at, backlog in designs:
        design = known[phase_id]
        by_arm = _by_arm(design, counts.get(phase_id, []))
        by_key = {
            (arm, metric_id, dimension, level): [int(part) for part in parts]
            for arm, metric_id, dimension, level, *parts in sums.get(phase_id, [])
        }
        exposed, in_gaps, conflicts, linked, joined = by_arm
        found[phase_id] = PhaseState(
            phase_id=phase_id,
            position=position,
            watermark=from_milliseconds(watermark),
            exposed=exposed,
            in_gaps=in_gaps,
            conflicts=conflicts,
            linked=linked,
            joined=joined,
            metrics=metric_states(design, exposed, by_key),
            first_exposure_at=_instant(firsts.get(phase_id)),
            last_event_at=_instant(last_event_at),
            backlog=max(backlog, int(rebuilding)),
            segments=segment_states(design, by_key),
            survival=await _survival(session, design, watermark),
            levels=_levels(design, levels.get(phase_id, [])),
            rebuilding=bool(rebuilding),
        )
    return found


async def standings(
    session: Session, phase_ids: Collection[UUID]
) -> dict[UUID, Standing]:
    """How often the state of each phase changed, and how far it is folded."""
    rows = await session.run("standings", phase_ids=list(phase_ids))
    return {
        phase_id: Standing(
            moved=moved,
            rebuilding=bool(rebuilding),
            position=position,
            watermark=from_milliseconds(watermark),
            last_event_at=_instant(last_at),
            backlog=max(waiting, int(rebuilding)),
        )
        for phase_id, moved, rebuilding, position, watermark, last_at, waiting in rows
    }


async def days(
    session: Session, phase_ids: Collection[UUID]
) -> dict[UUID, tuple[DayState, ...]]:
    """Of each phase the sums of each arm and metric by day of first exposure.

    Raises:
        UnknownPhase: One was never published.
    """
    asked = {"phase_ids": list(phase_ids)}
    rows = await session.run("state_designs", **asked)
    known = {row[0]: definitions.decode(row[1]) for row in rows}
    for phase_id in phase_ids:
        if phase_id not in known:
            raise UnknownPhase(phase_id)
    metrics = {
        (phase_id, metric.metric_id): metric
        for phase_id, design in known.items()
        for metric in design.metrics
    }
    found: dict[UUID, list[DayState]] = {phase_id: [] for phase_id in phase_ids}
    for phase_id, arm, metric_id, day, *parts in await session.run(
        "state_days", **asked
    ):
        metric = metrics.get((phase_id, metric_id))
        if metric is not None and parts[0]:
            found[phase_id].append(
                DayState(
                    arm=arm,
                    metric_id=metric_id,
                    day=from_milliseconds(day).date(),
                    raw=raw_sums(parts),
                    capped=capped_sums(metric, parts),
                )
            )
    return {phase_id: tuple(rows) for phase_id, rows in found.items()}


async def _survival(
    session: Session, design: PhaseDesign, watermark: int
) -> tuple[SurvivalState, ...]:
    metrics = [each for each in design.metrics if each.kind is MetricKind.TIME_TO_EVENT]
    if not metrics:
        return ()
    exposed = await session.run("state_exposed", phase_id=design.phase_id)
    blocks = await session.run("state_blocks", phase_id=design.phase_id)
    return survival_states(design, metrics, exposed, blocks, watermark)


def _levels(
    design: PhaseDesign, rows: Sequence[Row]
) -> dict[str, dict[str, dict[str, int]]]:
    return level_counts(design, rows) if dimensions(design) else {}


def _by_arm(design: PhaseDesign, rows: Sequence[Row]) -> list[dict[str, int]]:
    """Counts of units, each by arm."""
    counts = {arm: [int(count) for count in row] for arm, *row in rows}
    return [
        {arm.key: counts.get(arm.key, [0] * 5)[column] for arm in design.arms}
        for column in range(5)
    ]


def _grouped(rows: Sequence[Row]) -> dict[UUID, list[Row]]:
    """Rows without the phase that each begins with, by that phase."""
    found: dict[UUID, list[Row]] = {}
    for phase_id, *rest in rows:
        found.setdefault(phase_id, []).append(rest)
    return found


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
        every=lookback(design) > timedelta(0),
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
        rebuilding=rebuilding,
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
    since: Mapping[str, Began],
) -> list[RecordedExposure]:
    """The first exposure of each id to each arm, by position."""
    rows = await session.run(
        "first_exposures",
        environment_id=environment_id,
        ids=sorted(ids),
        experiment_keys=list(since),
        numbers=[began.number for began in since.values()],
        instants=[to_milliseconds(began.at) for began in since.values()],
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
    """Exposures by key and variant that no phase counts, and why."""
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
            reason=StrayReason(reason),
            exposures=exposures,
            first_at=from_milliseconds(first_at),
            last_at=from_milliseconds(last_at),
        )
        for key, arm, exposures, first_at, last_at, reason in rows
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


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_milliseconds(milliseconds)
