"""What is asked of the log beside its state: units' values, overlaps, health."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from experiments.design import MetricDesign, Source, UnitKind
from experiments.events import (
    study_curves,
    study_exports,
    study_history,
    study_overlaps,
    study_slices,
    study_sources,
    study_states,
    study_traffic,
    study_units,
)
from experiments.events.store import Lane, Store
from experiments.events.study_curves import Asked, Curves, SinceExposure
from experiments.events.study_exports import ExposureRow, ValueRow
from experiments.events.study_history import HistoryValues
from experiments.events.study_overlaps import CrossedCell, Overlap
from experiments.events.study_slices import Slice
from experiments.events.study_sources import QaExposure, SourceHealth
from experiments.events.study_states import BothStates
from experiments.events.study_traffic import DailyUnits
from experiments.events.study_units import UnitValues

__all__ = [
    "Asked",
    "BothStates",
    "CrossedCell",
    "Curves",
    "DailyUnits",
    "ExposureRow",
    "HistoryValues",
    "Overlap",
    "QaExposure",
    "SinceExposure",
    "Slice",
    "SourceHealth",
    "Studies",
    "UnitValues",
    "ValueRow",
]


class Studies:
    """Reads that look at single units or raw events.

    Each says how much it reads and refuses to read more; what may scan much runs in
    the lane of audits, so that nobody waits for it who asks for a state.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def unit_values(
        self, phase_id: UUID, metric_id: UUID, *, limit: int
    ) -> UnitValues:
        """The matured units of one metric, as columns."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_units.unit_values(
                session, phase_id, metric_id, limit=limit
            )

    async def since_exposure(
        self, phase_id: UUID, metric_id: UUID, *, days: int
    ) -> tuple[SinceExposure, ...]:
        """The value so far by arm and day since exposure, of the same units."""
        asked = study_curves.Asked(phase_id, metric_id, days)
        return (await self.curves([asked]))[phase_id, metric_id]

    async def curves(self, asked: Sequence[Asked]) -> Curves:
        """The same of many metrics of one environment, in one read."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_curves.since_exposure(session, asked)

    async def slices(
        self, phase_id: UUID, attributes: Sequence[str] = ()
    ) -> tuple[Slice, ...]:
        """Units by what their first exposure carried, and by its day."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_slices.slices(session, phase_id, attributes)

    async def overlap(self, phase_id: UUID, other_id: UUID) -> Overlap:
        """How many units two phases share."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_overlaps.overlap(session, phase_id, other_id)

    async def crossed(
        self, phase_id: UUID, other_id: UUID, metric_id: UUID
    ) -> tuple[CrossedCell, ...]:
        """One metric's sums by the arms of two phases, over the units in both."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_overlaps.crossed(session, phase_id, other_id, metric_id)

    async def traffic(
        self,
        environment_id: UUID,
        unit: UnitKind,
        *,
        since: datetime,
        until: datetime,
    ) -> tuple[DailyUnits, ...]:
        """Distinct units by UTC day, and how many of them were new in the period."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_traffic.traffic(
                session, environment_id, unit, since=since, until=until
            )

    async def seen_since(
        self,
        environment_id: UUID,
        unit: UnitKind,
        since: Collection[datetime],
        *,
        until: datetime,
    ) -> dict[datetime, int]:
        """Distinct units seen from each of the instants on, in one read."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_traffic.seen_since(
                session, environment_id, unit, since, until=until
            )

    async def source_health(
        self,
        environment_id: UUID,
        source: Source,
        *,
        since: datetime,
        until: datetime,
    ) -> SourceHealth:
        """The events that a metric reads: how many, how late, how whole."""
        (found,) = await self.source_healths(
            environment_id, [source], since=since, until=until
        )
        return found

    async def source_healths(
        self,
        environment_id: UUID,
        sources: Sequence[Source],
        *,
        since: datetime,
        until: datetime,
    ) -> tuple[SourceHealth, ...]:
        """The events of many sources, read at once."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_sources.source_healths(
                session, environment_id, sources, since=since, until=until
            )

    async def history(
        self,
        environment_id: UUID,
        unit: UnitKind,
        metric: MetricDesign,
        *,
        since: datetime,
        until: datetime,
        limit: int,
    ) -> HistoryValues:
        """A metric's values among the units of a past period."""
        (found,) = await self.histories(
            environment_id, unit, [metric], since=since, until=until, limit=limit
        )
        return found

    async def histories(
        self,
        environment_id: UUID,
        unit: UnitKind,
        metrics: Sequence[MetricDesign],
        *,
        since: datetime,
        until: datetime,
        limit: int,
    ) -> tuple[HistoryValues, ...]:
        """The values of metrics whose windows close together, read at once."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_history.histories(
                session,
                environment_id,
                unit,
                metrics,
                since=since,
                until=until,
                limit=limit,
            )

    async def qa_exposures(
        self, environment_id: UUID, experiment_key: str
    ) -> tuple[QaExposure, ...]:
        """What exposures to a key have come in, whatever the phase."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_sources.qa_exposures(
                session, environment_id, experiment_key
            )

    async def exposures(
        self, phase_id: UUID, *, after: str | None, limit: int
    ) -> tuple[ExposureRow, ...]:
        """A page of a phase's units."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_exports.exposures(
                session, phase_id, after=after, limit=limit
            )

    async def values(
        self, phase_id: UUID, metric_id: UUID, *, after: str | None, limit: int
    ) -> tuple[ValueRow, ...]:
        """A page of one metric's unit values."""
        async with self._store.transaction(Lane.READ) as session:
            return await study_exports.values(
                session, phase_id, metric_id, after=after, limit=limit
            )

    async def both_states(self, phase_id: UUID) -> BothStates:
        """A phase's folded state and the recomputed one, of one instant."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await study_states.both_states(session, phase_id)

    async def doubt(self, phase_id: UUID) -> None:
        """Have a phase rebuilt by the next fold."""
        async with self._store.transaction(Lane.FOLD) as session:
            await study_states.doubt(session, phase_id)
