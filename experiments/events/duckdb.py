"""The embedded store: one DuckDB file, one process, a thread for each lane."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import duckdb
import numpy as np

from experiments.events.dialect import Dialect, script, statements
from experiments.events.errors import LogInUse, LogTooNew
from experiments.events.store import Lane, Row, StoredEvent

SCHEMA_VERSION = 3
MEMORY = ":memory:"

Answer = TypeVar("Answer")
Columns: TypeAlias = dict[str, "np.ndarray[Any, Any]"]

_NUMBERS = {
    "id_key": np.int64,
    "occurred_at": np.int64,
    "clock_moved": np.bool_,
    "phase": np.int64,
}


class _LaneThread:
    """A connection that only its own thread touches."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        self.connection = connection
        self.free = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"event-log-{name}")

    async def call(self, work: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, self.connection)

    async def close(self) -> None:
        await self.call(lambda connection: connection.close())
        self._thread.shutdown()


class _Transaction:
    def __init__(self, lane: _LaneThread) -> None:
        self._lane = lane

    async def run(self, step: str, **parameters: object) -> list[Row]:
        return await self._lane.call(
            lambda connection: _run(connection, step, parameters)
        )

    async def lock(self, environment_id: UUID) -> None:
        """Nothing to wait for: the lane has one transaction at a time."""


class DuckDBStore:
    """Keeps the log in one file, or in memory."""

    name = "duckdb"

    def __init__(self, path: str) -> None:
        self._path = path
        self._lanes: dict[Lane, _LaneThread] = {}
        self._appender: _LaneThread | None = None
        self._position = 0

    async def open(self) -> None:
        if self._path != MEMORY:
            await asyncio.to_thread(
                Path(self._path).parent.mkdir, parents=True, exist_ok=True
            )
        connection = await asyncio.to_thread(self._connect)
        self._appender = _LaneThread(connection, "append")
        self._position = await self._appender.call(_prepare)
        for lane in Lane:
            cursor = await self._appender.call(lambda owner: owner.cursor())
            self._lanes[lane] = _LaneThread(cursor, lane)

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.close()
        self._lanes.clear()
        if self._appender is not None:
            await self._appender.close()
            self._appender = None

    async def now(self) -> datetime:
        return datetime.now(UTC)

    @asynccontextmanager
    async def transaction(self, lane: Lane) -> AsyncIterator[_Transaction]:
        thread = self._lanes[lane]
        async with thread.free:
            await thread.call(lambda connection: connection.begin())
            try:
                yield _Transaction(thread)
            except BaseException:
                await thread.call(lambda connection: connection.rollback())
                raise
            await thread.call(lambda connection: connection.commit())

    async def write(self, events: Sequence[StoredEvent], received_at: int) -> set[int]:
        assert self._appender is not None  # noqa: S101 - opened before use
        async with self._appender.free:
            accepted, position = await self._appender.call(
                lambda connection: _write(
                    connection, events, received_at, self._position
                )
            )
            self._position = position
        return accepted

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(self._path)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise LogInUse(self._path) from error
            raise


def _prepare(connection: duckdb.DuckDBPyConnection) -> int:
    """Create what is missing, in one transaction; the last position."""
    connection.execute("SET pandas_analyze_sample = 0")
    # Digests that repeat a few times in a row would be kept as runs; every fold looks
    # through all of them, and as they are that is a quarter cheaper.
    connection.execute("SET GLOBAL disabled_compression_methods = 'rle'")
    connection.begin()
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
    found = connection.execute("SELECT max(version) FROM schema_version").fetchall()[0][
        0
    ]
    if found is not None and found > SCHEMA_VERSION:
        connection.rollback()
        raise LogTooNew(found, SCHEMA_VERSION)
    connection.execute(script("functions_duckdb"))
    if found != SCHEMA_VERSION:
        _run(connection, "schema", {})
        if found == 1:
            _run(connection, "schema_since_1", {})
        if found is not None:
            _run(connection, "schema_since_2", {})
        connection.execute("INSERT INTO schema_version VALUES (?)", [SCHEMA_VERSION])
    last = connection.execute(
        "SELECT coalesce(max(position), 0) FROM stream"
    ).fetchall()
    connection.commit()
    return int(last[0][0])


def _run(
    connection: duckdb.DuckDBPyConnection, step: str, parameters: dict[str, object]
) -> list[Row]:
    rows: list[Row] = []
    for statement in statements(step, Dialect.DUCKDB):
        bound = {name: parameters[name] for name in statement.parameters}
        rows = list(connection.execute(statement.text, bound).fetchall())
    return rows


def _write(
    connection: duckdb.DuckDBPyConnection,
    events: Sequence[StoredEvent],
    received_at: int,
    position: int,
) -> tuple[set[int], int]:
    columns = _columns(events, position)
    connection.begin()
    try:
        connection.register("incoming", columns)
        known = _known(connection)
        accepted = set(range(len(events))) - known
        if known:
            fresh = np.array(sorted(accepted), dtype=np.int64)
            columns = {name: column[fresh] for name, column in columns.items()}
            connection.register("incoming", columns)
        _run(connection, "append_duckdb", {"received_at": received_at})
        stored = Counter(events[ordinal].environment_id for ordinal in accepted)
        last = position + len(events) if accepted else position
        for environment_id, count in stored.items():
            parameters = {"environment_id": environment_id, "events": count}
            instants = {"position": last, "received_at": received_at}
            _run(connection, "append_stream", parameters | instants)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("incoming")
    return accepted, last


def _known(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The ordinals of incoming events whose ids are stored already.

    A narrow scan of one integer column comes first: normally it finds nothing.
    """
    candidates = connection.execute(
        "SELECT position FROM event WHERE id_key IN (SELECT id_key FROM incoming)"
    ).fetchnumpy()["position"]
    if not len(candidates):
        return set()
    connection.register("candidate", {"position": candidates})
    rows = connection.execute(
        "SELECT incoming.ordinal FROM incoming JOIN event "
        "ON event.id = incoming.id "
        "AND event.environment_id = CAST(incoming.environment_id AS UUID) "
        "WHERE event.position IN (SELECT position FROM candidate)"
    ).fetchall()
    connection.unregister("candidate")
    return {ordinal for (ordinal,) in rows}


def _columns(events: Sequence[StoredEvent], position: int) -> Columns:
    ordinals = np.arange(len(events), dtype=np.int64)
    columns = {"ordinal": ordinals, "position": ordinals + (position + 1)}
    for name, values in zip(
        StoredEvent._fields, zip(*events, strict=True), strict=True
    ):
        if name in _NUMBERS:
            columns[name] = np.array(values, dtype=_NUMBERS[name])
        else:
            columns[name] = np.empty(len(events), dtype=object)
            columns[name][:] = values
    columns["environment_id"][:] = [str(event.environment_id) for event in events]
    return columns
