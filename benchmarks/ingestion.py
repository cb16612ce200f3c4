"""Ingestion: events per second into the log, against SQLite and against decoding alone.

Run `python -m benchmarks.ingestion [--events 50000] [--batch 100] [--callers 32]`;
PostgreSQL is measured where EVENTS_URL names one. Each sink decodes batches of the same
shape and stores them durably, once by id; rounds are interleaved, medians shown.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import msgspec

from api.http.events import decode_items
from core.ids import new_id
from experiments.events.ingest import ingest
from experiments.events.log import EventLog, NewEvent, open_log

ROUNDS = 5

Sink = Callable[[Sequence[bytes]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rate:
    """Events per second of wall clock and of this process's CPU."""

    wall: float
    cpu: float


def batches(events: int, size: int, *, ordered: bool) -> list[bytes]:
    """Encoded batches with fresh ids: time-ordered ones, or random."""
    at = datetime.now(UTC).isoformat()
    identify = new_id if ordered else uuid4
    encoded = []
    for start in range(0, events, size):
        items = [
            {
                "id": str(identify()),
                "name": "report_generated",
                "userId": f"user-{(start + place) % 20_000}",
                "at": at,
                "value": 1.25,
                "properties": {"plan": "free", "seats": 3},
            }
            for place in range(size)
        ]
        encoded.append(msgspec.json.encode(items))
    return encoded


async def _no_variant(events: Sequence[NewEvent]) -> Sequence[None]:
    return [None] * len(events)


def log_sink(log: EventLog, environment_id: UUID, callers: int) -> Sink:
    """The log behind its door, with callers that each wait for their answer."""

    async def caller(waiting: Iterator[bytes]) -> None:
        for body in waiting:
            items = decode_items(body, "application/json")
            await ingest(log, environment_id, items, resolve=_no_variant)

    async def sink(bodies: Sequence[bytes]) -> None:
        waiting = iter(bodies)
        await asyncio.gather(*(caller(waiting) for _ in range(callers)))

    return sink


async def decoding(bodies: Sequence[bytes]) -> None:
    """Decode and let go."""
    for body in bodies:
        decode_items(body, "application/json")


def sqlite_sink(path: Path) -> Sink:
    """WAL, synchronous=FULL, a unique id, one commit for each batch."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE event (id TEXT PRIMARY KEY, name TEXT, user_id TEXT, "
        "occurred_at TEXT, value TEXT, properties TEXT) WITHOUT ROWID"
    )

    async def sink(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            rows = [
                (e.id, e.name, e.user_id, str(e.occurred_at), str(e.value), "{}")
                for e in decode_items(body, "application/json")
                if isinstance(e, NewEvent)
            ]
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)", rows
            )
            connection.execute("COMMIT")

    return sink


async def measure(sink: Sink, bodies: Sequence[bytes], events: int) -> Rate:
    """One round."""
    wall, cpu = time.perf_counter(), time.process_time()
    await sink(bodies)
    return Rate(
        events / (time.perf_counter() - wall), events / (time.process_time() - cpu)
    )


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Interleave the rounds of every sink and print medians and ratios."""
    environment_id = new_id()
    urls = {"DuckDB": f"duckdb:///{folder / 'events.duckdb'}"}
    if os.environ.get("EVENTS_URL", "").startswith("postgres"):
        urls["PostgreSQL"] = os.environ["EVENTS_URL"]
    logs = {name: open_log(url) for name, url in urls.items()}
    sinks: dict[str, tuple[Sink, bool]] = {"decoding alone": (decoding, True)}
    sinks["SQLite, one commit a batch"] = (sqlite_sink(folder / "raw.sqlite"), True)
    for name, log in logs.items():
        await log.open()
        sink = log_sink(log, environment_id, options.callers)
        sinks[f"{name} log"] = (sink, True)
        sinks[f"{name} log, random ids"] = (sink, False)
    rates: dict[str, list[Rate]] = {name: [] for name in sinks}
    for _ in range(ROUNDS):
        for name, (sink, ordered) in sinks.items():
            bodies = batches(options.events, options.batch, ordered=ordered)
            rates[name].append(await measure(sink, bodies, options.events))
    for log in logs.values():
        await log.close()
    show(rates)


def show(rates: dict[str, list[Rate]]) -> None:
    """A table with each sink's ratio to SQLite."""
    yardstick = median(rate.wall for rate in rates["SQLite, one commit a batch"])
    print(f"{os.cpu_count()} cores, median of {ROUNDS} interleaved rounds")
    print(f"{'':28}{'events/s':>12}{'per CPU-s':>12}{'x SQLite':>10}{'last/first':>12}")
    for name, found in rates.items():
        wall = median(rate.wall for rate in found)
        cpu = median(rate.cpu for rate in found)
        drift = found[-1].wall / found[0].wall
        ratio = wall / yardstick
        print(f"{name:28}{wall:12,.0f}{cpu:12,.0f}{ratio:10.2f}{drift:12.2f}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--callers", type=int, default=32)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
