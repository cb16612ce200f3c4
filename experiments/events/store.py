"""What the event log asks of a SQL store; DuckDB and PostgreSQL answer it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeAlias
from uuid import UUID

Row: TypeAlias = Sequence[Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Lane(StrEnum):
    """Work that never waits for work of another lane."""

    FOLD = "fold"
    READ = "read"
    AUDIT = "audit"


class StoredEvent(NamedTuple):
    """A valid event as the store keeps it; `id_key` finds its id again quickly.

    A tuple, because a batch of rows becomes columns in one pass.
    """

    environment_id: UUID
    id: str
    id_key: int
    name: str
    user_id: str | None
    anonymous_id: str | None
    account_id: str | None
    occurred_at: int
    clock_moved: bool
    value: str | None
    properties: str
    experiment_key: str | None
    variant_key: str | None
    phase: int
    batch_id: str | None


class Session(Protocol):
    """One transaction."""

    async def run(self, step: str, **parameters: object) -> list[Row]:
        """Run the statements of a step; the rows of the last one, if it has any."""

    async def lock(self, environment_id: UUID) -> None:
        """Wait until nobody else folds this environment, until the transaction ends."""


class Store(Protocol):
    """Tables, transactions, a clock, and a fast durable append."""

    name: str

    async def open(self) -> None:
        """Connect and bring the tables up to date."""

    async def close(self) -> None:
        """Let go of every connection."""

    async def now(self) -> datetime:
        """The store's clock."""

    def transaction(self, lane: Lane) -> AbstractAsyncContextManager[Session]:
        """Commit at the end of the block, roll back on an exception."""

    async def write(self, events: Sequence[StoredEvent], received_at: int) -> set[int]:
        """Append durably what is not stored yet; the indexes of what was appended.

        No two of `events` share environment and id.
        """


def to_milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """The UTC instant of whole milliseconds since 1970."""
    return EPOCH + milliseconds * MILLISECOND
