"""The application: routes in, domain calls out."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from api import console
from api.auth import Gate
from api.documents import Documents
from api.envelope import Envelope
from api.following import following
from api.graphql.http import GraphQLEndpoint
from api.graphql.schema import GRAPHQL
from api.graphql.websocket import SubscriptionEndpoint
from api.http import events, flags
from api.http.exports import Exports
from api.http.health import healthz
from api.http.metrics import metrics
from api.http.ofrep import FLAGS, Ofrep
from api.http.ofrep_ahead import OfrepAhead
from api.http.sdk import FEATURES, Features
from api.http.streams import Streams
from api.policies import Policies
from api.prepared.front import PLACE as PREPARED
from api.prepared.front import Prepared
from api.records import log_as_json
from api.services import Services
from api.wire import Doors
from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog
from workers.queue import Queue


class _Edge(Starlette):
    """The application, with what answers ahead of all its middleware."""

    def __init__(self, ahead: Callable[[ASGIApp], ASGIApp], **kept: Any) -> None:
        super().__init__(**kept)
        self._ahead = ahead

    def build_middleware_stack(self) -> ASGIApp:
        """The same stack behind what is ahead of it."""
        return self._ahead(super().build_middleware_stack())


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
    gate = Gate(database.readers, settings, reach=database.reach)
    documents = Documents(schema, Policies(schema))
    streams = Streams(services.definitions)
    ofrep = Ofrep(services, gate)
    features = Features(services, gate, streams)
    routes: list[BaseRoute] = [
        Route("/graphql", GraphQLEndpoint(services, gate, documents)),
        WebSocketRoute("/graphql", SubscriptionEndpoint(services, gate, documents)),
        Route("/", _home),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
        *events.routes(),
        *Exports(services, gate).routes(),
        *flags.routes(services, gate, streams, ofrep=ofrep, features=features),
        *console.routes(),
    ]
    prepared = Prepared(services, gate, documents)
    bulk = OfrepAhead(ofrep, services, gate)
    app = _Edge(
        lambda router: prepared.ahead_of(bulk.ahead_of(router)),
        routes=routes,
        middleware=[Middleware(Envelope, services.measures)],
        lifespan=following,
    )
    app.state.services = services
    app.state.gate = gate
    app.state.streams = streams
    app.state.doors = Doors(
        exact={PREPARED: prepared.at_once, FLAGS: bulk.at_once},
        below={f"{FEATURES}/": features.at_once},
    )
    return app


async def _home(_request: Request) -> RedirectResponse:
    return RedirectResponse("/console")
