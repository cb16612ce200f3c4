"""What a metric was among the units of a past period, without any phase."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from uuid import UUID

from experiments.design import MAX_UNIT_TOTAL, MetricDesign, UnitKind
from experiments.events.store import MILLISECOND, Row, Session, to_milliseconds
from experiments.events.study_rows import Integers, Texts, integers, read, texts

MAX_EVENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class HistoryValues:
    """Units of a period with their values, in steps, in order of kind and id.

    A unit stands at its first event in the period as if it had been exposed there.
    """

    population: int
    """Units whose window lies wholly inside the period."""
    ids: Texts
    y: Integers
    d: Integers
    refused: int
    """Units left out because their total passed MAX_UNIT_TOTAL."""

    @property
    def sampled(self) -> bool:
        """Whether only a part of the population was read."""
        return len(self.ids) + self.refused < self.population

    def quantile(self, quantile: float) -> int | None:
        """The `higher` order statistic of y, zeros included; None without units.

        Raises:
            ValueError: It is not in [0, 1].
        """
        if not 0 <= quantile <= 1:
            raise ValueError(f"{quantile} is no quantile: it must be in [0, 1].")
        if not len(self.y):
            return None
        place = math.ceil(Fraction(str(quantile)) * (len(self.y) - 1))
        ordered = self.y.copy()
        ordered.partition(place)
        return int(ordered[place])


async def histories(
    session: Session,
    environment_id: UUID,
    unit: UnitKind,
    metrics: Sequence[MetricDesign],
    *,
    since: datetime,
    until: datetime,
    limit: int,
) -> tuple[HistoryValues, ...]:
    """Values of units first seen in [since, until - window], each over its own window.

    Of more than `limit` units that many are read, chosen by a digest of their ids.

    Args:
        session: A transaction of the log.
        environment_id: Whose events are read.
        unit: What a unit is.
        metrics: What is read of each unit, in one pass: they close after as many days.
        since: Where the period begins.
        until: Where it ends.
        limit: Units that are read at most.

    Raises:
        TooManyRows: Those units have more than MAX_EVENTS events in their windows.
        ValueError: `limit` is below 1, or the windows close after different times.
    """
    if limit < 1:
        raise ValueError(f"{limit} is no bound: it must be 1 or more.")
    closes = {each.closes_after for each in metrics}
    if len(closes) != 1:
        raise ValueError("Units are read over windows that close together.")
    rows = await read(
        session,
        "study_history",
        limit=MAX_EVENTS,
        environment_id=environment_id,
        unit=unit.value,
        names=sorted({name for each in metrics for name in _names(each)}),
        opens_after=min(each.opens_after for each in metrics) // MILLISECOND,
        closes_after=closes.pop() // MILLISECOND,
        since=to_milliseconds(since),
        until=to_milliseconds(until),
        units=limit,
    )
    return await asyncio.to_thread(_valued, metrics, rows)


def _names(metric: MetricDesign) -> set[str]:
    sources = (metric.numerator, metric.denominator, *metric.later_steps)
    return {each.event_name for each in sources if each is not None}


def _valued(
    metrics: Sequence[MetricDesign], rows: Sequence[Row]
) -> tuple[HistoryValues, ...]:
    # The plain definition knows the log's names, and the log has these studies.
    from experiments.events.replay_units import LoggedEvent, RawId, Unit
    from experiments.events.replay_values import value_of

    population = int(rows[0][0]) if rows else 0
    ids: list[list[str]] = [[] for _ in metrics]
    pairs: list[list[tuple[int, int]]] = [[] for _ in metrics]
    refused = [0 for _ in metrics]
    named = [_names(each) for each in metrics]
    nobody = Unit(
        "", 0, RawId("user", ""), in_gap=False, linked=False, joined=False, levels={}
    )
    idle = [value_of(each, nobody, ()) for each in metrics]
    for raw, group in groupby(rows, key=lambda row: RawId(row[1], row[2])):
        events = [
            LoggedEvent("", name, None, None, None, since, value, None, None, told)
            for *_, name, since, value, told in group
            if name is not None
        ]
        unit = Unit("", 0, raw, in_gap=False, linked=False, joined=False, levels={})
        for at, metric in enumerate(metrics):
            own = [event for event in events if event.name in named[at]]
            pair = value_of(metric, unit, own) if own else idle[at]
            if max(map(abs, pair)) > MAX_UNIT_TOTAL:
                refused[at] += 1
                continue
            ids[at].append(raw.id)
            pairs[at].append(pair)
    return tuple(
        HistoryValues(
            population=population,
            ids=texts(ids[at]),
            y=integers([y for y, _ in pairs[at]]),
            d=integers([d for _, d in pairs[at]]),
            refused=refused[at],
        )
        for at in range(len(metrics))
    )
