"""What the event log has seen of a draft's people and metrics in the last weeks."""

from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from experiments.assignment.phases import Serving
from experiments.design import MetricDesign, UnitKind
from experiments.drafts import Measure
from experiments.events.errors import TooManyRows, UnknownPhase
from experiments.events.studies import (
    DailyUnits,
    HistoryValues,
    SourceHealth,
    Studies,
)
from experiments.freezing import metric_design
from experiments.plan import Adjustment
from experiments.readiness.checks import MAX_GUARDRAILS
from experiments.readiness.overlaps import MAX_NEIGHBOURS
from experiments.readiness.situation import Seen, Situation

DAYS = 14
MAX_UNITS = 5_000
"""Units whose values are read of one metric."""
MAX_SOURCES = 20
MAX_EXPOSURES = 5_000
"""Units that are read of each neighbour."""
MAX_WINDOW = timedelta(days=90)
"""Metrics that take longer have no history that a plan could be made from."""

_Answer = TypeVar("_Answer")


async def seen_by(studies: Studies, situation: Situation) -> Seen:
    """Read it all, one study after the other, each within its bound.

    What is more than a study may read is left out: its item says that it is unknown.
    """
    primary = metric_design(situation.primary)
    place, unit = situation.environment_id, situation.draft.experiment.unit
    values = {}
    for measure in _followed(situation):
        metric = metric_design(measure)
        found = await history_of(studies, place, unit, metric, until=situation.at)
        if found is not None:
            values[metric.key] = found
    before = None
    if situation.draft.plan.adjustment is Adjustment.LIN and not primary.is_ratio:
        before = await history_of(
            studies, place, unit, primary, until=situation.at, periods=1
        )
    return Seen(
        traffic=await traffic_of(studies, place, unit, until=situation.at),
        values=values,
        before=before,
        sources=await _sources(studies, situation),
        trials=await _bounded(
            studies.qa_exposures(place, situation.draft.experiment.key)
        )
        or (),
        exposed=await _exposed(studies, situation),
    )


async def history_of(
    studies: Studies,
    environment_id: UUID,
    unit: UnitKind,
    metric: MetricDesign,
    *,
    until: datetime,
    periods: int = 0,
) -> HistoryValues | None:
    """A metric's values among the units of two weeks whose windows have closed.

    `periods` goes back by as many periods of that length. None where the metric takes
    too long, or there is too much to read.
    """
    if metric.closes_after > MAX_WINDOW:
        return None
    length = timedelta(days=DAYS) + metric.closes_after
    end = until - periods * length
    return await _bounded(
        studies.history(
            environment_id, unit, metric, since=end - length, until=end, limit=MAX_UNITS
        )
    )


async def traffic_of(
    studies: Studies, environment_id: UUID, unit: UnitKind, *, until: datetime
) -> tuple[DailyUnits, ...]:
    """Units of the last two weeks by whole day, the first of them first."""
    end = until.replace(hour=0, minute=0, second=0, microsecond=0)
    days = await _bounded(
        studies.traffic(
            environment_id, unit, since=end - timedelta(days=DAYS), until=end
        )
    )
    return days or ()


def _followed(situation: Situation) -> list[Measure]:
    """The primary metric and the guardrails, as many as there may be."""
    return [situation.primary, *situation.guardrails[:MAX_GUARDRAILS]]


async def _sources(
    studies: Studies, situation: Situation
) -> Mapping[str, SourceHealth]:
    """The health of each metric's events; a denominator's under the key and a slash."""
    wanted = {}
    for measure in situation.draft.measures:
        metric = metric_design(measure)
        wanted[metric.key] = metric.numerator
        if metric.denominator is not None and metric.denominator != metric.numerator:
            wanted[f"{metric.key}/"] = metric.denominator
    found = {}
    for name, source in list(wanted.items())[:MAX_SOURCES]:
        health = await _bounded(
            studies.source_health(
                situation.environment_id,
                source,
                since=situation.at - timedelta(days=DAYS),
                until=situation.at,
            )
        )
        if health is not None:
            found[name] = health
    return found


async def _exposed(
    studies: Studies, situation: Situation
) -> Mapping[str, frozenset[str]]:
    """Ids that met each neighbour: the first ones by order, where there are many."""
    running = [
        each
        for each in situation.running
        if each.experiment_key in situation.neighbours
        and each.serving is not Serving.STOPPED
    ]
    found = {}
    for each in running[:MAX_NEIGHBOURS]:
        rows = await _bounded(
            studies.exposures(each.phase_id, after=None, limit=MAX_EXPOSURES)
        )
        if rows:
            found[each.experiment_key] = frozenset(row.id for row in rows)
    return found


async def _bounded(answer: Awaitable[_Answer]) -> _Answer | None:
    """The answer; None of what is too much to read, or not published yet."""
    try:
        return await answer
    except (TooManyRows, UnknownPhase):
        return None
