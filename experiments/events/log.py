"""What an event log promises: durable once acknowledged, counted once, exact."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

from core.subjects import SubjectKind
from experiments.design import PhaseDesign
from experiments.events.errors import UnknownLogUrl
from experiments.events.state import DayState, PhaseState, Standing
from experiments.events.studies import Studies

EXPOSURE = "$exposure"
"""A subject met a variant: carries `experiment_key` and `variant_key`."""
IDENTIFY = "$identify"
"""Traits of a subject; with both ids a link, with user and account a membership."""
MEMBERSHIP = "$membership"
"""From `occurred_at` on, the user belongs to the account."""

Clock: TypeAlias = Callable[[], datetime]
Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

WATERMARK_LAG = timedelta(hours=1)


class Status(StrEnum):
    """What became of one event."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event as a caller hands it in; ids make repeats harmless."""

    id: str
    name: str
    user_id: str | None = None
    anonymous_id: str | None = None
    account_id: str | None = None
    occurred_at: datetime | None = None
    """When it happened; the moment of receipt where the caller does not say."""
    value: Decimal | None = None
    properties: Mapping[str, Json] = field(default_factory=dict)
    experiment_key: str | None = None
    variant_key: str | None = None
    phase: int | None = None
    """The number of the phase that an exposure is of: it counts in no other."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one event of a batch, by its index in that batch."""

    index: int
    id: str
    status: Status
    code: str | None = None
    """Why it was rejected, or CLOCK where an accepted event was moved to receipt."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class FoldReport:
    """What one bounded fold did, and what it left."""

    folded: int
    backlog: int
    matured: int
    """Unit values that entered their metric because a window closed."""
    rebuilt: int
    """Phases filled from the raw events after their definition changed."""
    watermark: datetime
    took: timedelta

    @property
    def idle(self) -> bool:
        """Whether nothing was waiting."""
        return not (self.folded or self.matured or self.rebuilt)


@dataclass(frozen=True, slots=True)
class RecordedExposure:
    """The first time that an id met one variant, by the order of receipt."""

    experiment_key: str
    kind: SubjectKind
    id: str
    """What was hashed: the user id, or the anonymous one of an event without."""
    variant_key: str
    occurred_at: datetime
    position: int


class Began(NamedTuple):
    """A phase by its number, and when it began."""

    number: int
    at: datetime


class StrayReason(StrEnum):
    """Why no phase counts an exposure."""

    UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"
    UNKNOWN_VARIANT = "UNKNOWN_VARIANT"
    OTHER_PHASE = "OTHER_PHASE"
    """It names another phase than the one under way: kept from one that was over, or
    of another environment."""


@dataclass(frozen=True, slots=True)
class Stray:
    """Exposures of one key and variant that no phase counts, for one reason."""

    experiment_key: str
    variant_key: str
    reason: StrayReason
    exposures: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LogHealth:
    """Whether the log answers, and how far folding is behind."""

    ok: bool
    store: str
    position: int
    backlog: int
    last_append_at: datetime | None
    last_fold_at: datetime | None


class EventLog(Protocol):
    """Raw events and the exact state folded from them; safe to call concurrently."""

    @property
    def studies(self) -> Studies:
        """What is asked of the log beside its state."""

    async def open(self) -> None:
        """Connect and bring the log's own tables up to date.

        Raises:
            LogInUse: Another process holds the embedded log.
        """

    async def close(self) -> None:
        """Finish what is being written and let go of the store."""

    async def append(
        self,
        environment_id: UUID,
        events: Sequence[NewEvent],
        *,
        batch_id: str | None = None,
    ) -> list[Verdict]:
        """Store events durably and answer each; a repeat changes nothing.

        Concurrent callers share one commit. `batch_id` names an import, which may
        bring events of any age.
        """

    async def publish_phase(self, design: PhaseDesign) -> bool:
        """Copy a phase's design into the log; False where it is already known.

        A design whose numbers could differ marks the phase for a rebuild, which the
        next fold does from the raw events.
        """

    async def finish_import(self, environment_id: UUID) -> None:
        """Let the next fold without a backlog raise the watermark to this instant."""

    async def fold(
        self,
        environment_id: UUID,
        *,
        limit: int = 50_000,
        hold_at: datetime | None = None,
    ) -> FoldReport:
        """Fold up to `limit` events and what became due, in one transaction.

        The watermark does not rise past `hold_at`; it may stand exactly there.
        """

    async def environments_with_work(self) -> list[UUID]:
        """Environments with events to fold, phases to rebuild or windows closing."""

    async def compact(self, environment_id: UUID) -> None:
        """Merge what folds appended to the state; no sum changes."""

    async def phase_state(self, phase_id: UUID) -> PhaseState:
        """The folded state of a phase.

        Raises:
            UnknownPhase: The phase was never published.
        """

    async def phase_states(self, phase_ids: Collection[UUID]) -> dict[UUID, PhaseState]:
        """The folded states at one instant of those of the phases that are known."""

    async def standings(self, phase_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Whether the states of phases changed, without reading them."""

    async def days(
        self, phase_ids: Collection[UUID]
    ) -> dict[UUID, tuple[DayState, ...]]:
        """Of each phase the sums of matured units by the UTC day of first exposure.

        Raises:
            UnknownPhase: One was never published.
        """

    async def recompute(self, phase_id: UUID) -> PhaseState:
        """The same state from the raw events alone, by the plain definition.

        Raises:
            UnknownPhase: The phase was never published.
        """

    async def unit_total_quantile(
        self, phase_id: UUID, metric_id: UUID, quantile: float
    ) -> int:
        """The `higher` order statistic of matured units' totals in steps, zeros too."""

    async def first_exposures(
        self,
        environment_id: UUID,
        ids: Collection[str],
        since: Mapping[str, Began],
    ) -> list[RecordedExposure]:
        """What these persons' ids met first, folded or not, in the order of receipt.

        One exposure at most for each arm of each experiment in `since`, of those of
        the phase that began there. The ids are a user's or a visitor's.
        """

    async def stray_exposures(
        self,
        environment_id: UUID,
        *,
        experiment_key: str | None = None,
        limit: int = 200,
    ) -> list[Stray]:
        """Folded exposures that no phase counts, the latest first."""

    async def count(self, environment_id: UUID) -> int:
        """Events stored, folded or not."""

    async def health(self) -> LogHealth:
        """How the log is doing."""


def open_log(
    url: str, *, clock: Clock | None = None, lag: timedelta = WATERMARK_LAG
) -> EventLog:
    """Choose the store by URL; call `open()` on the result before using it.

    Args:
        url: `duckdb:///relative/or//absolute/path`, `duckdb://:memory:`, or
            `postgresql://...`.
        clock: Injected by tests; else the store's own clock.
        lag: How far the watermark stays behind the clock.

    Raises:
        UnknownLogUrl: The scheme names neither store.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb":
        from experiments.events.duckdb import DuckDBStore
        from experiments.events.sql_log import SqlLog

        return SqlLog(DuckDBStore(rest.removeprefix("/")), clock=clock, lag=lag)
    if scheme.partition("+")[0] in {"postgresql", "postgres"}:
        from experiments.events.postgres import PostgresStore
        from experiments.events.sql_log import SqlLog

        return SqlLog(PostgresStore(f"postgresql://{rest}"), clock=clock, lag=lag)
    raise UnknownLogUrl(scheme)
