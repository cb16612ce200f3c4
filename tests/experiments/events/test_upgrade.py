"""A store that version 1 wrote is brought up to date when it is opened."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
import duckdb
import pytest

from core.ids import new_id
from experiments.events.dialect import Dialect, spelled
from experiments.events.log import IDENTIFY, open_log
from experiments.events.postgres import SCHEMA
from tests.conftest import ON_POSTGRES, SERVER
from tests.experiments.events.world import (
    DAY,
    HOUR,
    PLAN,
    START,
    Clock,
    World,
    event,
    exposure,
    paid,
    phase,
)

pytestmark = pytest.mark.stores

OLD_SCHEMA = (Path(__file__).parent / "schema_1.sql").read_text()
LATER_PARTS: set[str] = {
    *("plan", "filters", "property", "retention_span", "weeks", "quantile"),
    *("later_steps", "minimum_units", "margin_kind", "harm_action"),
}

SUBJECT_TABLES = (
    *("link", "membership", "exposure", "seen", "cell", "cell_row"),
    *("unit", "unit_value", "unit_block"),
)
LATER_COLUMNS = [
    ("event", "phase"),
    ("exposure", "phase"),
    ("phase", "number"),
    ("link", "owner"),
    ("membership", "owner"),
    *((table, "subject") for table in SUBJECT_TABLES),
]

Run: TypeAlias = Callable[[str], Awaitable[list[Any]]]


@pytest.fixture
async def own_url(tmp_path: Path) -> AsyncIterator[str]:
    """A store of this test alone."""
    if not ON_POSTGRES:
        yield f"duckdb:///{tmp_path / 'events.duckdb'}"
        return
    server = SERVER.replace("postgresql+asyncpg://", "postgresql://")
    admin = await asyncpg.connect(server)
    name = f"hone_test_{uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    yield f"{server.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_a_store_of_version_1_keeps_its_state_and_learns_the_rest(
    own_url: str,
) -> None:
    environment_id = new_id()
    plain = phase(environment_id)
    planned = phase(environment_id, plan=PLAN)
    log = open_log(own_url, clock=Clock())
    await log.open()
    world = World(log, Clock(), environment_id)
    await log.publish_phase(plain)
    await log.publish_phase(planned)
    await world.send(
        paid("ann", "3", -DAY),
        paid("ann", "4", -4 * DAY),
        exposure("ann", "a", HOUR, properties={"plan": "team", "seats": 4}),
        exposure("bob", "b", HOUR),
        paid("ann", "5", 2 * HOUR, properties={"amount": 5}),
        event("visit", 3 * HOUR, user_id="bob", anonymous_id="x"),
    )
    await world.settle()
    before = await world.state(plain)
    fresh = await world.state(planned)
    await log.close()
    await _put_back(own_url, old_document=str(plain.phase_id))

    for _ in range(2):
        await log.open()
        assert await world.state(plain) == before
        assert (await log.phase_state(planned.phase_id)).rebuilding
        await log.close()
    await log.open()
    await world.settle()
    assert await world.state(planned) == fresh
    assert not await log.publish_phase(plain)
    link = event(IDENTIFY, 2 * HOUR, user_id="ann", anonymous_id="y")
    late = exposure("", "b", 0 * HOUR, user_id=None, anonymous_id="y")
    await world.send(link, late, paid("bob", "7", 4 * HOUR))
    await world.settle()
    assert (await world.state(plain)).linked["a"] == 1
    assert (await world.state(planned)).levels["plan"]["team"]["a"] == 1
    await log.close()


async def _put_back(url: str, *, old_document: str) -> None:
    """Make the tables what they were, from the text that version 1 had for them."""
    if not ON_POSTGRES:
        connection = duckdb.connect(url.removeprefix("duckdb:///"))

        async def run(statement: str) -> list[Any]:
            return connection.execute(statement).fetchall()

        await _rewrite(run, Dialect.DUCKDB, old_document)
        connection.close()
        return
    server = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    await _rewrite(server.fetch, Dialect.POSTGRES, old_document)
    await server.close()


async def _rewrite(run: Run, dialect: Dialect, old_document: str) -> None:
    schema = "main" if dialect is Dialect.DUCKDB else SCHEMA
    where = f"WHERE table_schema = '{schema}' ORDER BY ordinal_position"
    every = "SELECT table_name, column_name FROM information_schema.columns "
    columns = every + where
    newer = {row[0] for row in await run(columns)}
    newer = {name for name in newer if not name.startswith(("event_key", "schema"))}
    for name in newer:
        await run(f"ALTER TABLE {name} RENAME TO newer_{name}")
    for statement in spelled(OLD_SCHEMA, dialect):
        await run(statement.text)
    old: dict[str, list[str]] = {}
    for name, column in await run(columns):
        if name in newer:
            old.setdefault(name, []).append(column)
    for name, kept in old.items():
        listed = ", ".join(kept)
        copied = f"SELECT {listed} FROM newer_{name}"  # noqa: S608 - its own names
        await run(f"INSERT INTO {name} ({listed}) {copied}")
    for name in newer:
        await run(f"DROP TABLE newer_{name}")
    await run("DELETE FROM schema_version")
    await run("INSERT INTO schema_version (version) VALUES (1)")
    where = f"WHERE phase_id = '{old_document}'"
    ((text,),) = await run(f"SELECT design FROM phase {where}")  # noqa: S608
    document = json.dumps(_without_later_parts(json.loads(text)))
    await run(f"UPDATE phase SET design = '{document}' {where}")  # noqa: S608


def _without_later_parts(document: Any) -> Any:
    if isinstance(document, list):
        return [_without_later_parts(each) for each in document]
    if isinstance(document, dict):
        return {
            name: _without_later_parts(each)
            for name, each in document.items()
            if name not in LATER_PARTS
        }
    return document


async def test_a_store_of_version_2_learns_which_phase_exposures_are_of(
    own_url: str,
) -> None:
    environment_id = new_id()
    old = phase(environment_id, ended_at=START + DAY)
    new = phase(environment_id, number=2, started_at=START + DAY)
    log = open_log(own_url, clock=Clock())
    await log.open()
    world = World(log, Clock(), environment_id)
    await log.publish_phase(old)
    await log.publish_phase(new)
    await world.send(exposure("ann", "a", HOUR), paid("ann", "3", 2 * HOUR))
    await world.settle()
    before = await world.state(old)
    await log.close()
    await _forget_phases(own_url)

    await log.open()
    assert await world.state(old) == before
    await world.send(
        exposure("bob", "a", DAY + HOUR, phase=1),
        exposure("cas", "a", DAY + HOUR, phase=2),
        exposure("dan", "b", DAY + HOUR),
    )
    await world.settle()
    assert (await world.state(old)).exposed == before.exposed
    assert (await world.state(new)).exposed == {"a": 1, "b": 1}
    await log.close()


async def _forget_phases(url: str) -> None:
    """Take away what version 3 has more than version 2."""
    changes = [
        "DROP INDEX IF EXISTS exposure_named",
        *(
            f"ALTER TABLE {table} DROP COLUMN {column}"
            for table, column in LATER_COLUMNS
        ),
        "DELETE FROM schema_version",
        "INSERT INTO schema_version (version) VALUES (2)",
    ]
    if not ON_POSTGRES:
        connection = duckdb.connect(url.removeprefix("duckdb:///"))
        for change in changes:
            connection.execute(change)
        connection.close()
        return
    server = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    for change in changes:
        await server.execute(change)
    await server.close()
