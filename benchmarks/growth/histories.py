"""A long history put straight into a log's tables, and batches that come after it.

Ten million events through the door would take longer than what is to be measured. The
rows are those that appending would have stored; folding them is the log's own work.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import duckdb

from core.ids import new_id
from experiments.events.dialect import Dialect, spelled
from experiments.events.log import EXPOSURE, NewEvent
from experiments.events.postgres import SCHEMA
from experiments.events.store import to_milliseconds

START = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS_OF_UNIT = 4
PLANS = ("free", "team", "gold")
COUNTRIES = ("DE", "FR", "US", "BR", "JP")

_ROWS = """
CREATE TEMP TABLE grown AS
SELECT
  4 * unit.i + part.e + 1 AS position,
  'h-' || CAST(unit.i AS VARCHAR) || '-' || CAST(part.e AS VARCHAR) AS id,
  4 * unit.i + part.e AS id_key,
  CASE part.e WHEN 0 THEN '$exposure' WHEN 3 THEN 'paid' ELSE 'visit' END AS name,
  'user-' || CAST(unit.i AS VARCHAR) AS user_id,
  CAST($start AS BIGINT) + 20000 * (unit.i % 100000) + CASE part.e
    WHEN 0 THEN 0
    WHEN 1 THEN 86400000
    WHEN 2 THEN 604800000 + (unit.i % 48) * 3600000
    ELSE 10800000
  END AS occurred_at,
  CASE part.e WHEN 3 THEN CAST(unit.i % 97 AS DECIMAL(28, 18)) END AS value,
  CASE part.e
    WHEN 0 THEN '{"plan":"'
      || CASE unit.i % 3 WHEN 0 THEN 'free' WHEN 1 THEN 'team' ELSE 'gold' END
      || '","country":"'
      || CASE unit.i % 5
        WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' WHEN 2 THEN 'US' WHEN 3 THEN 'BR' ELSE 'JP'
      END || '"}'
    ELSE '{}'
  END AS properties,
  CASE part.e WHEN 0 THEN 'gate' END AS experiment_key,
  CASE WHEN part.e = 0 THEN CASE unit.i % 2 WHEN 0 THEN 'a' ELSE 'b' END END
    AS variant_key
FROM generate_series(CAST($first AS BIGINT), CAST($last AS BIGINT) - 1) AS unit(i)
CROSS JOIN generate_series(0, 3) AS part(e);

INSERT INTO event (
  position, environment_id, id, id_key, name, user_id, occurred_at, received_at,
  clock_moved, value, properties, experiment_key, variant_key, batch_id, phase
)
SELECT
  position, CAST($environment_id AS UUID), id, id_key, name, user_id, occurred_at,
  CAST($start AS BIGINT), FALSE, value, properties, experiment_key, variant_key,
  'history', 0
FROM grown
ORDER BY position;

INSERT INTO stream (environment_id, position, events, appended_at)
SELECT CAST($environment_id AS UUID), max(position), count(*), CAST($start AS BIGINT)
FROM grown
ON CONFLICT (environment_id) DO UPDATE SET
  position = excluded.position,
  events = stream.events + excluded.events;
"""
_KEYS = "INSERT INTO event_key SELECT CAST($1 AS uuid), id FROM grown"
_GONE = "DROP TABLE grown"


async def grow(url: str, environment_id: UUID, first: int, last: int) -> None:
    """Store an exposure, two visits and a payment of units first to last.

    No log may be open on an embedded store: it would not know of these rows.
    """
    given = {
        "environment_id": environment_id,
        "start": to_milliseconds(START),
        "first": first,
        "last": last,
    }
    if url.startswith("duckdb:"):
        with duckdb.connect(url.removeprefix("duckdb:///")) as embedded:
            for statement in spelled(_ROWS, Dialect.DUCKDB):
                bound = {name: given[name] for name in statement.parameters}
                embedded.execute(statement.text, bound)
            embedded.execute(_GONE)
        return
    server = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    for statement in spelled(_ROWS, Dialect.POSTGRES):
        values = [given[name] for name in statement.parameters]
        await server.execute(statement.text, *values)
    await server.execute(_KEYS, environment_id)
    await server.execute(_GONE)
    await server.close()


def batches(units: int, *, size: int, touched: int) -> Iterator["Batch"]:
    """Batches of events that touch as many units each, one in a hundred a new one."""
    chance = random.Random(units)
    while True:
        fresh = touched // 100
        chosen = chance.sample(range(units), touched - fresh)
        yield Batch(range(units, units + fresh), chosen, size, chance)
        units += fresh


class Batch:
    """What comes in at once: exposures of new units, visits and payments of others."""

    def __init__(
        self, fresh: range, chosen: list[int], size: int, chance: random.Random
    ) -> None:
        self._fresh = fresh
        self._chosen = chosen
        self._size = size
        self._chance = chance

    def events(self, exposed_at: datetime) -> list[NewEvent]:
        """The events, with the new units' exposures at an instant."""
        found = [_exposure(number, exposed_at) for number in self._fresh]
        while len(found) < self._size:
            number = self._chosen[len(found) % len(self._chosen)]
            found.append(self._happened(number))
        return found

    def _happened(self, number: int) -> NewEvent:
        since = timedelta(seconds=self._chance.randrange(14 * 86_400))
        at = START + timedelta(seconds=20 * (number % 100_000)) + since
        if self._chance.randrange(3):
            return _event("visit", number, at)
        return _event("paid", number, at, value=Decimal(self._chance.randrange(97)))


def _exposure(number: int, at: datetime) -> NewEvent:
    return _event(
        EXPOSURE,
        number,
        at,
        experiment_key="gate",
        variant_key="ab"[number % 2],
        properties={
            "plan": PLANS[number % len(PLANS)],
            "country": COUNTRIES[number % len(COUNTRIES)],
        },
    )


def _event(name: str, number: int, at: datetime, **rest: object) -> NewEvent:
    return NewEvent(
        id=str(new_id()),
        name=name,
        user_id=f"user-{number}",
        occurred_at=at,
        **rest,  # type: ignore[arg-type]
    )
