"""What a metric's values are like now, for plans before there is an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from experiments.design import MetricDesign, UnitKind
from experiments.events.studies import HistoryValues, Studies
from experiments.readiness.clustering import clusters_seen
from experiments.readiness.powering import LEAST_UNITS, baseline_of, explained_by
from experiments.readiness.questions import Baseline, Clusters
from experiments.readiness.seeing import history_of, traffic_of


@dataclass(frozen=True, slots=True)
class Observed:
    """A metric among the units of the last weeks."""

    baseline: Baseline
    units: int
    explained: float
    """The share of the variance that the value two weeks before explains."""
    daily: tuple[float, ...]
    history: HistoryValues


async def observed(
    studies: Studies,
    environment_id: UUID,
    unit: UnitKind,
    metric: MetricDesign,
    *,
    at: datetime,
) -> Observed | None:
    """Read it from the log; None where there are too few units to tell."""
    found = await history_of(studies, environment_id, unit, metric, until=at)
    if found is None or len(found.y) < LEAST_UNITS:
        return None
    before = None
    if not metric.is_ratio:
        before = await history_of(
            studies, environment_id, unit, metric, until=at, periods=1
        )
    days = await traffic_of(studies, environment_id, unit, until=at)
    return Observed(
        baseline=baseline_of(metric, found),
        units=len(found.y),
        explained=explained_by(before, found) if before is not None else 0.0,
        daily=tuple(float(day.first_seen) for day in days),
        history=found,
    )


def inside_accounts(
    observation: Observed, accounts: Mapping[str, str]
) -> Clusters | None:
    """Users as they come in accounts; None where too few accounts are known."""
    history = observation.history
    ids = [str(each) for each in history.ids]
    return clusters_seen(ids, history.y.astype(np.float64), accounts)
