"""The edge with an experiment of every type of value."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlmodel import SQLModel

from api.app import create_app
from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog
from tests.api.conftest import Edge, Tenant, make_edge, served
from tests.api.experiments import DRAFT, make_metrics, mutate
from workers.queue import NullQueue

VALUES: dict[str, tuple[Any, Any]] = {
    "flag-bool": (False, True),
    "flag-string": ("blue", "green"),
    "flag-int": (10, 20),
    "flag-float": (1.0, 2.5),
    "flag-object": ({"fields": 9}, {"fields": 3}),
}
"""By key: what the control and the treatment are given."""


async def start(edge: Edge, key: str, **changes: Any) -> None:
    """A running experiment that everybody is in, half and half, unless told."""
    control, treatment = VALUES.get(key, (False, True))
    variants = [
        {
            "key": name,
            "weight": 0.5,
            "isControl": name == "control",
            "payload": {"feature": {"value": value}},
        }
        for name, value in (("control", control), ("treatment", treatment))
    ]
    draft = {**DRAFT, "key": key, "idempotencyKey": key, "variants": variants}
    made = await mutate(edge, "createExperiment", draft | changes)
    assert made["__typename"] == "ExperimentPayload", made
    await change(edge, "startExperiment", key)


async def change(edge: Edge, mutation: str, key: str, **more: Any) -> None:
    """One step of an experiment's life, seen by this process at once."""
    found = await edge.ask(
        "query ($by: ExperimentRef!) { experiment(by: $by) { version } }",
        by={"key": key},
    )
    version = found["data"]["experiment"]["version"]
    done = await mutate(
        edge,
        mutation,
        {
            "idempotencyKey": f"{mutation} {key} {version}",
            "experiment": {"key": key},
            "expectedVersion": version,
            **more,
        },
    )
    assert done["__typename"] == "ExperimentPayload", done
    await edge.app.state.services.definitions.refresh()


async def pause(edge: Edge, key: str) -> None:
    """Serve everybody the control."""
    how = {"mode": "PAUSE_SERVING", "reason": "A look at the logs."}
    await change(edge, "pauseExperiment", key, **how)


@dataclass(frozen=True, slots=True)
class Planted:
    """A facts database that holds the flags, to be copied for each test."""

    facts: Path
    tenant: Tenant


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Five running experiments, one of each type, made once through the API."""
    folder = tmp_path_factory.mktemp("planted")
    return asyncio.run(_plant(folder))


async def _plant(folder: Path) -> Planted:
    facts = folder / "facts.sqlite"
    database = Database(f"sqlite+aiosqlite:///{facts}")
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with make_edge(database, Settings(data_dir=folder)) as edge:
        await make_metrics(edge)
        for key in VALUES:
            await start(edge, key)
    await database.dispose()
    return Planted(facts, edge.tenant)


@pytest.fixture
async def flags(planted: Planted, tmp_path: Path) -> AsyncIterator[Edge]:
    """The edge over a copy."""
    facts = tmp_path / "facts.sqlite"
    shutil.copy(planted.facts, facts)
    database = Database(f"sqlite+aiosqlite:///{facts}")
    app = create_app(
        Settings(data_dir=tmp_path),
        database=database,
        log=cast(EventLog, None),
        queue=NullQueue(),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver"
    ) as client:
        yield Edge(app, database, planted.tenant, client)
    await database.dispose()


@pytest.fixture
async def url(flags: Edge) -> AsyncIterator[str]:
    """The same behind a real socket."""
    async with served(flags) as url:
        yield url
