"""What an analysis asks of the log beside a phase's state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from experiments.analysis.health import split_warns
from experiments.analysis.impact import MONTH_DAYS, Reach
from experiments.analysis.series import (
    Series,
    Studied,
    cohorts,
    days_to_plot,
    plotted,
    since_exposure,
)
from experiments.analysis.taken import Measured
from experiments.analysis.units import LIMIT, agrees, measure, metrics_by_unit
from experiments.design import MetricDesign, PhaseDesign, UnitKind
from experiments.events.state import PhaseState
from experiments.events.studies import Asked, DailyUnits
from experiments.events.study_slices import Slice
from workers.context import TaskContext

LONGEST = timedelta(days=365)
"""How far back units are counted at most."""

Month: TypeAlias = tuple[DailyUnits, ...]
"""The units of each day of the month before a look."""

_MONTH = timedelta(days=MONTH_DAYS)


async def measured(
    context: TaskContext, design: PhaseDesign, state: PhaseState
) -> Measured:
    """What a look reads of single units; nothing where sums are enough.

    Values that are not those of the state are left: the sums decide then.
    """
    found = {}
    for metric in metrics_by_unit(design, state):
        values = await context.log.studies.unit_values(
            design.phase_id, metric.metric_id, limit=LIMIT
        )
        if agrees(design, metric, state, values):
            for arm, effect in measure(design, metric, values).items():
                found[metric.metric_id, arm] = effect
    return found


@dataclass(frozen=True, slots=True)
class ToStudy:
    """A look to take: of which phase, at which state, and its number."""

    design: PhaseDesign
    state: PhaseState
    number: int


class Visits:
    """Units seen in an environment until one instant, counted once for many looks."""

    def __init__(
        self, context: TaskContext, designs: Iterable[PhaseDesign], until: datetime
    ) -> None:
        """Count nothing yet.

        Args:
            context: The stores.
            designs: The phases of one environment that may be looked at.
            until: The instant of the looks.
        """
        self._studies = context.log.studies
        self._until = until
        self._since: dict[UnitKind, set[datetime]] = {}
        self._counts: dict[UnitKind, tuple[Mapping[datetime, int], Month]] = {}
        for design in designs:
            self._since.setdefault(design.unit, set()).add(self._began(design))

    async def reach(self, look: ToStudy) -> Reach | None:
        """Units seen beside those exposed; of an import nobody else is in the log."""
        design = look.design
        since = self._began(design)
        if design.imported or since >= self._until:
            return None
        if design.unit not in self._counts:
            self._counts[design.unit] = await self._counted(design)
        seen, month = self._counts[design.unit]
        return Reach(
            look=look.number,
            exposed=dict(look.state.exposed),
            seen=seen[since],
            monthly=sum(each.first_seen for each in month),
            days=min(MONTH_DAYS, _span(month[0].day, self._until)) if month else 0,
        )

    async def _counted(
        self, design: PhaseDesign
    ) -> tuple[Mapping[datetime, int], Month]:
        environment_id, unit, until = design.environment_id, design.unit, self._until
        return (
            await self._studies.seen_since(
                environment_id, unit, self._since[unit], until=until
            ),
            await self._studies.traffic(
                environment_id, unit, since=until - _MONTH, until=until
            ),
        )

    def _began(self, design: PhaseDesign) -> datetime:
        return max(design.started_at, self._until - LONGEST)


async def studied(
    context: TaskContext, looks: Sequence[ToStudy], visits: Visits
) -> list[Studied]:
    """Who came by until each look, and how its effect came about by day.

    The looks are of phases of one environment, whose events are read once for them all.
    """
    asked = [asked for look in looks for _, asked in _to_plot(look)]
    curves = await context.log.studies.curves(asked)
    days = await context.log.days([look.design.phase_id for look in looks])
    found = []
    for look in looks:
        design, series = look.design, list[Series]()
        for metric, each in _to_plot(look):
            curve = curves[each.phase_id, each.metric_id]
            series += since_exposure(design, metric, curve)
        series += cohorts(design, plotted(design), days[design.phase_id])
        found.append(Studied(await visits.reach(look), tuple(series)))
    return found


def _to_plot(look: ToStudy) -> list[tuple[MetricDesign, Asked]]:
    """The metrics that have a day to plot, and what is asked of each."""
    design, until = look.design, look.state.watermark
    return [
        (metric, Asked(design.phase_id, metric.metric_id, days))
        for metric in plotted(design)
        if (days := days_to_plot(design, metric, until)) is not None
    ]


async def slices_of(
    context: TaskContext, design: PhaseDesign, state: PhaseState
) -> tuple[Slice, ...]:
    """Units by what their exposures said; only asked where the split warns."""
    if not split_warns(design, state):
        return ()
    plan = design.plan
    own = () if plan is None else tuple(each.attribute for each in plan.dimensions)
    return await context.log.studies.slices(design.phase_id, own)


def _span(first: datetime, until: datetime) -> int:
    return max(1, -(-(until - first) // timedelta(days=1)))
