"""The production store: a schema in PostgreSQL, shared by many processes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.reach import CONNECT_SECONDS, Unreachable
from experiments.events.dialect import Dialect, script, statements
from experiments.events.errors import LogTooNew
from experiments.events.store import Lane, Row, StoredEvent

SCHEMA = "hone_events"
SCHEMA_VERSION = 3
KEY_PARTITIONS = 16

_APPENDER_LOCK = 0x486F6E65
_SCHEMA_LOCK = 0x486F6E66
_FOLD_LOCKS = 0x486F

_INCOMING = """
CREATE TEMPORARY TABLE incoming (
  ordinal bigint, environment_id uuid, id text COLLATE "C", id_key bigint, name text,
  user_id text, anonymous_id text, account_id text, occurred_at bigint,
  clock_moved boolean, value text, properties text, experiment_key text,
  variant_key text, phase bigint, batch_id text
) ON COMMIT DROP
"""
_APPEND = """
WITH fresh AS (
  INSERT INTO event_key (environment_id, id)
  SELECT environment_id, id FROM incoming
  ON CONFLICT DO NOTHING
  RETURNING environment_id, id
), stored AS (
  INSERT INTO event (
    position, environment_id, id, id_key, name, user_id, anonymous_id, account_id,
    occurred_at, received_at, clock_moved, value, properties, experiment_key,
    variant_key, phase, batch_id
  )
  SELECT
    (SELECT coalesce(max(position), 0) FROM stream) + incoming.ordinal + 1,
    incoming.environment_id, incoming.id, id_key, name, user_id, anonymous_id,
    account_id, occurred_at, $1, clock_moved, value::numeric(28, 18), properties,
    experiment_key, variant_key, phase, batch_id
  FROM incoming
  JOIN fresh
    ON fresh.environment_id = incoming.environment_id AND fresh.id = incoming.id
  RETURNING environment_id, position
), counted AS (
  INSERT INTO stream (environment_id, position, events, appended_at)
  SELECT environment_id, max(position), count(*), $1 FROM stored GROUP BY 1
  ON CONFLICT (environment_id) DO UPDATE SET
    position = excluded.position,
    events = stream.events + excluded.events,
    appended_at = excluded.appended_at
)
SELECT incoming.ordinal
FROM incoming
JOIN fresh
  ON fresh.environment_id = incoming.environment_id AND fresh.id = incoming.id
"""


_STUDY = "study_"
"""Steps that join much with much. What they join first has no statistics, so PostgreSQL
takes it for a few rows, and reads the other side anew for each of them."""


class _Transaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def run(self, step: str, **parameters: object) -> list[Row]:
        rows: list[Row] = []
        if step.startswith(_STUDY):
            await self._connection.execute("SET LOCAL enable_nestloop = off")
        for statement in statements(step, Dialect.POSTGRES):
            values = [parameters[name] for name in statement.parameters]
            rows = await self._connection.fetch(statement.text, *values)
        return rows

    async def lock(self, environment_id: UUID) -> None:
        key = int.from_bytes(environment_id.bytes[-4:], signed=True)
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock($1, $2)", _FOLD_LOCKS, key
        )


class PostgresStore:
    """Keeps the log in a PostgreSQL database; one appender at a time commits."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None

    async def open(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=CONNECT_SECONDS)
        try:
            async with connection.transaction():
                await _prepare(connection)
        finally:
            await connection.close()
        # Working tables are made anew in each transaction, so that no plan outlives
        # the table it was made for: statements are not kept.
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=8,
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,
            server_settings={
                "search_path": SCHEMA,
                "jit": "off",
                "work_mem": "64MB",
                "default_statistics_target": "10",
                "random_page_cost": "1.1",
            },
        )

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _opened(self) -> Any:
        if self._pool is None:
            raise Unreachable("The event log's database has not answered yet.")
        return self._pool

    async def now(self) -> datetime:
        instant: datetime = await self._opened().fetchval("SELECT clock_timestamp()")
        return instant

    @asynccontextmanager
    async def transaction(self, lane: Lane) -> AsyncIterator[_Transaction]:
        reading = lane is not Lane.FOLD
        async with (
            self._opened().acquire() as connection,
            connection.transaction(
                isolation="repeatable_read" if reading else "read_committed",
                readonly=reading,
            ),
        ):
            yield _Transaction(connection)

    async def write(self, events: Sequence[StoredEvent], received_at: int) -> set[int]:
        async with self._opened().acquire() as connection, connection.transaction():
            # Positions are given under this lock, so they commit in their order and a
            # fold never passes one that is still on its way.
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _APPENDER_LOCK)
            await connection.execute(_INCOMING)
            await connection.copy_records_to_table(
                "incoming",
                records=((ordinal, *event) for ordinal, event in enumerate(events)),
                columns=("ordinal", *StoredEvent._fields),
            )
            rows = await connection.fetch(_APPEND, received_at)
        return {ordinal for (ordinal,) in rows}


async def _prepare(connection: Any) -> None:
    """Create what is missing in the log's own schema."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)"
    )
    found = await connection.fetchval("SELECT max(version) FROM schema_version")
    if found is not None and found > SCHEMA_VERSION:
        raise LogTooNew(found, SCHEMA_VERSION)
    if found == SCHEMA_VERSION:
        return
    await connection.execute(script("functions_postgres"))
    steps = ["schema"]
    if found == 1:
        steps.append("schema_since_1")
    if found is not None:
        steps.append("schema_since_2")
    for step in (*steps, "schema_indexes"):
        for statement in statements(step, Dialect.POSTGRES):
            await connection.execute(statement.text)
    if found is None:
        await _create_keys(connection)
    await connection.execute(
        "INSERT INTO schema_version (version) VALUES ($1)", SCHEMA_VERSION
    )


async def _create_keys(connection: Any) -> None:
    """The ids of all events, where a repeat is noticed."""
    await connection.execute(
        'CREATE TABLE event_key (environment_id uuid NOT NULL, id text COLLATE "C" '
        "NOT NULL, PRIMARY KEY (environment_id, id)) PARTITION BY HASH (id)"
    )
    for part in range(KEY_PARTITIONS):
        await connection.execute(
            f"CREATE TABLE event_key_{part:02} PARTITION OF event_key "
            f"FOR VALUES WITH (MODULUS {KEY_PARTITIONS}, REMAINDER {part})"
        )
