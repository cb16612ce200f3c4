"""An application over fresh stores, with one credential of every kind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from graphql import GraphQLSchema
from starlette.applications import Starlette

from api.app import create_app
from api.graphql.schema import GRAPHQL
from api.wire import wire
from core import keys, tenancy
from core.database import Database
from core.keys import KeyKind
from core.settings import Settings
from core.tenancy import Environment, Project, Role
from experiments.events.log import EventLog
from workers.queue import NullQueue


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project with its keys' texts."""

    project: Project
    environment: Environment
    admin: str
    viewer: str
    client: str


@dataclass(frozen=True, slots=True)
class Edge:
    """The application under test."""

    app: Starlette
    database: Database
    tenant: Tenant
    client: httpx.AsyncClient

    async def ask(
        self, query: str, *, key: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """Send one document; with the administrator's key unless told."""
        response = await self.post(query, key=key, **variables)
        answer: dict[str, Any] = response.json()
        return answer

    async def post(
        self, query: str, *, key: str | None = None, **variables: Any
    ) -> httpx.Response:
        """The same, answered with its status."""
        return await self.send({"query": query, "variables": variables}, key=key)

    async def send(self, body: object, *, key: str | None = None) -> httpx.Response:
        """Send any JSON."""
        return await self.client.post(
            "/graphql",
            json=body,
            headers={
                "accept": "application/graphql-response+json",
                "authorization": f"Bearer {key or self.tenant.admin}",
            },
        )


async def make_tenant(database: Database, key: str) -> Tenant:
    """A project with an administrator's, a viewer's and a client's key."""
    async with database.sessions.begin() as session:
        project, environment = await tenancy.create_project(
            session, key=key, name=key.title(), secret="s" * 32
        )
        texts = [
            (
                await keys.issue(
                    session,
                    environment_id=environment.id,
                    kind=kind,
                    role=role,
                    name=f"{role} {kind}",
                )
            ).text
            for kind, role in (
                (KeyKind.SERVER, Role.ADMIN),
                (KeyKind.SERVER, Role.VIEWER),
                (KeyKind.CLIENT, Role.VIEWER),
            )
        ]
    return Tenant(project, environment, *texts)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, in a folder of the test's own."""
    return Settings(data_dir=tmp_path)


@asynccontextmanager
async def make_edge(
    database: Database,
    settings: Settings,
    *,
    schema: GraphQLSchema = GRAPHQL,
    log: EventLog | None = None,
) -> AsyncIterator[Edge]:
    """The edge over the facts store; without a log, none may be asked for."""
    tenant = await make_tenant(database, "acme")
    app = create_app(
        settings,
        database=database,
        log=cast(EventLog, log),
        queue=NullQueue(),
        schema=schema,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver"
    ) as client:
        yield Edge(app, database, tenant, client)


@pytest.fixture
async def edge(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    """The edge as it is served."""
    async with make_edge(database, settings) as edge:
        yield edge


@pytest.fixture
def other_tenant(edge: Edge) -> Callable[[], Awaitable[Tenant]]:
    """Makes a second project."""

    async def make() -> Tenant:
        return await make_tenant(edge.database, "rival")

    return make


@asynccontextmanager
async def served(edge: Edge) -> AsyncIterator[str]:
    """The edge's application behind a real socket."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        config = uvicorn.Config(
            edge.app,
            http=wire(edge.app.state.doors),
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            edge.app.state.streams.close()
            server.should_exit = True
            await serving
