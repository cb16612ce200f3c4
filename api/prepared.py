"""Assignments at the speed of the wire: an application ahead of the router.

A request is answered here if its document has a plan. Every other one, and every
refusal, is the router's: it is handed on as it came, the part of its body that was read
included. Who asks, how often, and what they may select is decided here as there.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Caller, CallerKind, Gate, bearer
from api.body import BODY_SECONDS
from api.decoding import decode_object
from api.documents import Documents
from api.envelope import noted, request_id_of
from api.execution import DEADLINE_SECONDS, authorise
from api.graphql.http import is_json
from api.prepared_answers import headers_of, media_of
from api.prepared_plans import Plan
from api.prepared_shapes import Unprepared
from api.prepared_shelves import SIGHTINGS, Shelves
from api.problems import Refused
from api.services import Services
from core.database import Unreachable
from core.problems import Problem

MAX_BODY = 65_536
PLACE = "/graphql"
_DIGITS = 10


class Prepared:
    """Answers known documents; whatever else comes goes on to the application."""

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        gate: Gate,
        documents: Documents,
        *,
        sightings: int = SIGHTINGS,
    ) -> None:
        self._app = app
        self._services = services
        self._gate = gate
        self._shelves = Shelves(documents, sightings)
        self._limit = min(MAX_BODY, services.settings.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != PLACE:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # Of a header that comes twice the first counts, as behind the router.
        heads: dict[bytes, bytes] = dict(reversed(list(scope["headers"])))
        caller, media = self._caller(heads), media_of(heads.get(b"accept", b""))
        if caller is None or media is None or not self._is_usual(scope, heads):
            await self._app(scope, receive, send)
            return
        body, messages = await _read(receive, self._limit)
        try:
            body = await self._answer(scope, body, caller)
        except (Unprepared, Refused, Problem, Unreachable, TimeoutError):
            await self._app(scope, _again(messages, receive), send)
            return
        request_id = request_id_of(heads.get(b"x-request-id", b"").decode("latin-1"))
        public = caller.kind is CallerKind.CLIENT
        headers = headers_of(media, len(body), request_id, public=public)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        measures, took = self._services.measures, time.perf_counter() - started
        measures.operated("query", "ok")
        measures.prepared("text")
        noted(measures, PLACE, "POST", status=200, request_id=request_id, seconds=took)

    def _caller(self, heads: Mapping[bytes, bytes]) -> Caller | None:
        key = bearer(heads.get(b"authorization", b"")) or heads.get(b"x-api-key", b"")
        if not key:
            return None
        return self._gate.known(key, heads.get(b"x-hone-environment", b""))

    def _is_usual(self, scope: Scope, heads: Mapping[bytes, bytes]) -> bool:
        """Whether the body is small, plain JSON that comes at once."""
        size = heads.get(b"content-length", b"")
        return (
            scope["method"] == "POST"
            and is_json(heads.get(b"content-type", b"").decode("latin-1"))
            and b"content-encoding" not in heads
            and size.isdigit()
            and len(size) < _DIGITS
            and int(size) <= self._limit
        )

    async def _answer(self, scope: Scope, body: bytes | None, caller: Caller) -> bytes:
        if body is None:
            raise Unprepared("no whole body")
        self._services.rates.admit(scope, caller)
        asked = decode_object(body)
        plan = self._plan(asked, caller)
        variables = asked.get("variables")
        if plan is None or type(variables) not in (dict, type(None)):
            raise Unprepared("an unknown document")
        authorise(caller, plan.operation)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await plan.answer(self._services, caller, variables or {})

    def _plan(self, asked: Mapping[str, Any], caller: Caller) -> Plan | None:
        query, name = asked.get("query"), asked.get("operationName")
        if type(query) is not str or not query:
            return None
        if type(name) not in (str, type(None)):
            return None
        if type(asked.get("extensions")) not in (dict, type(None)):
            return None
        return self._shelves.of(caller).plan(query, name or None)


async def _read(receive: Receive, limit: int) -> tuple[bytes | None, list[Any]]:
    """The body, with the messages that it came in.

    It is None if there is more of it than the limit, or if it is late: then the last
    message is the error that says so.
    """
    messages: list[Any] = []
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                messages.append(message)
                body += message.get("body", b"")
                if message["type"] != "http.request" or len(body) > limit:
                    return None, messages
                if not message.get("more_body"):
                    return body, messages
    except TimeoutError as late:
        return None, [*messages, late]


def _again(messages: list[Any], receive: Receive) -> Receive:
    """The same body from its beginning, for whoever reads it next."""
    waiting = iter(messages)

    async def receiving() -> Message:
        message = next(waiting, None)
        if message is None:
            return await receive()
        if isinstance(message, TimeoutError):
            raise message
        return cast(Message, message)

    return receiving
