"""The application: routes in, domain calls out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from api import console
from api.auth import Gate
from api.documents import Documents
from api.envelope import Envelope
from api.graphql.http import GraphQLEndpoint
from api.graphql.schema import GRAPHQL
from api.graphql.websocket import SubscriptionEndpoint
from api.http import events
from api.http.health import healthz
from api.http.metrics import metrics
from api.http.ofrep import FLAGS, Ofrep
from api.policies import Policies
from api.records import log_as_json
from api.services import Services
from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog
from workers.queue import Queue


def create_app(
    settings: Settings,
    *,
    database: Database,
    log: EventLog,
    queue: Queue,
    schema: GraphQLSchema = GRAPHQL,
) -> Starlette:
    """The edge over open stores; whoever opened them closes them."""
    log_as_json(settings.log_level)
    services = Services(settings, database, log, queue)
    gate = Gate(database.readers, settings)
    documents = Documents(schema, Policies(schema))
    ofrep = Ofrep(services, gate)
    routes: list[BaseRoute] = [
        Route("/graphql", GraphQLEndpoint(services, gate, documents)),
        WebSocketRoute("/graphql", SubscriptionEndpoint(services, gate, documents)),
        Route("/", _home),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
        *events.routes(),
        Route(FLAGS, ofrep),
        Route(f"{FLAGS}/{{key:path}}", ofrep),
        *console.routes(),
    ]
    envelope = Middleware(Envelope, services.measures)
    app = Starlette(routes=routes, middleware=[envelope], lifespan=_following)
    app.state.services = services
    app.state.gate = gate
    return app


async def _home(_request: Request) -> RedirectResponse:
    return RedirectResponse("/console")


@asynccontextmanager
async def _following(app: Starlette) -> AsyncIterator[None]:
    """Follow what other processes publish for as long as the app serves."""
    following = asyncio.create_task(app.state.services.definitions.follow())
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
