"""The event log on a SQL store: who may append, fold and read, and when it commits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from experiments.design import PhaseDesign
from experiments.events import definitions, reading
from experiments.events.fold import compact, fold
from experiments.events.group_commit import GroupCommit
from experiments.events.log import (
    Began,
    Clock,
    FoldReport,
    LogHealth,
    NewEvent,
    RecordedExposure,
    Status,
    Stray,
    Verdict,
)
from experiments.events.state import DayState, PhaseState, Standing
from experiments.events.store import Lane, Store, StoredEvent, to_milliseconds
from experiments.events.studies import Studies
from experiments.events.validation import Refusal, admit

COMMIT_LIMIT = 5_000
"""Events that share one commit, unless one caller brings more."""
FOLDS_BETWEEN_COMPACTIONS = 200


@dataclass(frozen=True, slots=True)
class _Append:
    environment_id: UUID
    events: Sequence[NewEvent]
    batch_id: str | None


class SqlLog:
    """Implements `EventLog`; all that differs between stores is behind `Store`."""

    def __init__(self, store: Store, *, clock: Clock | None, lag: timedelta) -> None:
        self.studies = Studies(store)
        self._store = store
        self._clock = clock
        self._lag = lag
        self._folds: Counter[UUID] = Counter()
        self._commits: GroupCommit[_Append, list[Verdict]] = GroupCommit(
            self._commit, weigh=lambda append: len(append.events), limit=COMMIT_LIMIT
        )

    async def open(self) -> None:
        """Connect and bring the tables up to date."""
        await self._store.open()
        async with self._store.transaction(Lane.FOLD) as session:
            await definitions.bring_up_to_date(session)

    async def close(self) -> None:
        """Finish what is being written and let go of the store."""
        await self._commits.drain()
        await self._store.close()

    async def append(
        self,
        environment_id: UUID,
        events: Sequence[NewEvent],
        *,
        batch_id: str | None = None,
    ) -> list[Verdict]:
        """Store durably and answer each event."""
        if not events:
            return []
        return await self._commits.submit(_Append(environment_id, events, batch_id))

    async def publish_phase(self, design: PhaseDesign) -> bool:
        """Copy a design into the log; False where it is already known."""
        now = await self._now()
        async with self._store.transaction(Lane.FOLD) as session:
            return await definitions.publish(session, design, now=now)

    async def finish_import(self, environment_id: UUID) -> None:
        """Let the watermark rise to now once nothing waits."""
        now = await self._now()
        async with self._store.transaction(Lane.FOLD) as session:
            await definitions.finish_import(session, environment_id, now=now)

    async def fold(
        self,
        environment_id: UUID,
        *,
        limit: int = 50_000,
        hold_at: datetime | None = None,
    ) -> FoldReport:
        """Fold up to `limit` events and what became due."""
        now = await self._now()
        async with self._store.transaction(Lane.FOLD) as session:
            report = await fold(
                session,
                environment_id,
                limit=limit,
                now=now,
                lag=self._lag,
                hold_at=hold_at,
            )
        self._folds[environment_id] += not report.idle
        if self._folds[environment_id] >= FOLDS_BETWEEN_COMPACTIONS:
            del self._folds[environment_id]
            await self.compact(environment_id)
        return report

    async def environments_with_work(self) -> list[UUID]:
        """Environments that a fold would change."""
        horizon = to_milliseconds(await self._now() - self._lag)
        async with self._store.transaction(Lane.READ) as session:
            return [row[0] for row in await session.run("work", horizon=horizon)]

    async def compact(self, environment_id: UUID) -> None:
        """Merge the deltas of every phase; the sums stay the same."""
        async with self._store.transaction(Lane.FOLD) as session:
            await compact(session, environment_id)

    async def phase_state(self, phase_id: UUID) -> PhaseState:
        """The folded state."""
        async with self._store.transaction(Lane.READ) as session:
            return await reading.phase_state(session, phase_id)

    async def phase_states(self, phase_ids: Collection[UUID]) -> dict[UUID, PhaseState]:
        """The folded states of many phases."""
        if not phase_ids:
            return {}
        async with self._store.transaction(Lane.READ) as session:
            return await reading.phase_states(session, phase_ids)

    async def standings(self, phase_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Whether the states of phases changed."""
        if not phase_ids:
            return {}
        async with self._store.transaction(Lane.READ) as session:
            return await reading.standings(session, phase_ids)

    async def days(
        self, phase_ids: Collection[UUID]
    ) -> dict[UUID, tuple[DayState, ...]]:
        """The sums by day of first exposure."""
        async with self._store.transaction(Lane.READ) as session:
            return await reading.days(session, phase_ids)

    async def recompute(self, phase_id: UUID) -> PhaseState:
        """The same state from the raw events."""
        async with self._store.transaction(Lane.AUDIT) as session:
            return await reading.recompute(session, phase_id)

    async def unit_total_quantile(
        self, phase_id: UUID, metric_id: UUID, quantile: float
    ) -> int:
        """The `higher` order statistic of matured units' totals."""
        async with self._store.transaction(Lane.READ) as session:
            return await reading.unit_total_quantile(
                session, phase_id, metric_id, quantile
            )

    async def first_exposures(
        self,
        environment_id: UUID,
        ids: Collection[str],
        since: Mapping[str, Began],
    ) -> list[RecordedExposure]:
        """What these ids met first, in the order of receipt."""
        if not ids or not since:
            return []
        async with self._store.transaction(Lane.READ) as session:
            return await reading.first_exposures(session, environment_id, ids, since)

    async def stray_exposures(
        self,
        environment_id: UUID,
        *,
        experiment_key: str | None = None,
        limit: int = 200,
    ) -> list[Stray]:
        """Folded exposures that no phase has a place for."""
        async with self._store.transaction(Lane.READ) as session:
            return await reading.stray_exposures(
                session, environment_id, experiment_key, limit
            )

    async def count(self, environment_id: UUID) -> int:
        """Events stored."""
        async with self._store.transaction(Lane.READ) as session:
            rows = await session.run("count", environment_id=environment_id)
        return int(rows[0][0]) if rows else 0

    async def health(self) -> LogHealth:
        """How the log is doing."""
        async with self._store.transaction(Lane.READ) as session:
            return await reading.health(session, self._store.name)

    async def _now(self) -> datetime:
        return await self._store.now() if self._clock is None else self._clock()

    async def _commit(self, appends: Sequence[_Append]) -> list[list[Verdict]]:
        """Judge every event of a group, write the valid ones in one commit."""
        now = await self._now()
        places: dict[tuple[UUID, str], int] = {}
        fresh: list[StoredEvent] = []
        answers: list[list[Verdict | int]] = []
        for append in appends:
            answer: list[Verdict | int] = []
            for index, event in enumerate(append.events):
                judged = admit(
                    event,
                    environment_id=append.environment_id,
                    now=now,
                    batch_id=append.batch_id,
                )
                if isinstance(judged, Refusal):
                    answer.append(_rejected(index, event, judged))
                elif (append.environment_id, event.id) in places:
                    answer.append(Verdict(index, event.id, Status.DUPLICATE))
                else:
                    places[append.environment_id, event.id] = len(fresh)
                    answer.append(len(fresh))
                    fresh.append(judged)
            answers.append(answer)
        accepted = (
            await self._store.write(fresh, to_milliseconds(now)) if fresh else set()
        )
        return [
            [
                item
                if isinstance(item, Verdict)
                else _stored(index, fresh[item], new=item in accepted)
                for index, item in enumerate(answer)
            ]
            for answer in answers
        ]


def _rejected(index: int, event: NewEvent, refusal: Refusal) -> Verdict:
    return Verdict(index, event.id, Status.REJECTED, refusal.code, refusal.message)


def _stored(index: int, event: StoredEvent, *, new: bool) -> Verdict:
    if not new:
        return Verdict(index, event.id, Status.DUPLICATE)
    if event.clock_moved:
        return Verdict(
            index, event.id, Status.ACCEPTED, "CLOCK", "Moved to when it was received."
        )
    return Verdict(index, event.id, Status.ACCEPTED)
