"""Assignments at the speed of the wire: an application ahead of the router.

A request is answered here if its document has a plan. Every other one, and every
refusal, is the router's: it is handed on as it came, the part of its body that was read
included. Who asks, how often, and what they may select is decided here as there.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import (
    MAX_CREDENTIAL,
    Caller,
    CallerKind,
    Credentials,
    Gate,
    bearer,
)
from api.body import BODY_SECONDS, arrived
from api.decoding import decode_object, decode_parameters
from api.documents import Documents
from api.envelope import noted, request_id_of
from api.execution import DEADLINE_SECONDS, authorise
from api.prepared_answers import Answer, is_plain, media_of
from api.prepared_plans import Plan
from api.prepared_shapes import Unprepared
from api.prepared_shelves import MAX_REGISTERED, SIGHTINGS, Shelves
from api.problems import Refused
from api.registry import hash_named
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
        self._shelves = Shelves(documents, sightings=sightings)
        self._registered = Shelves(documents, sightings=1, limit=MAX_REGISTERED)
        self._limit = min(MAX_BODY, services.settings.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != PLACE:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # Of a header that comes twice the first counts, as behind the router.
        heads: dict[bytes, bytes] = dict(reversed(list(scope["headers"])))
        media = media_of(heads.get(b"accept", b""))
        usual = media is not None and self._is_usual(scope, heads)
        caller = await self._caller(heads) if usual else None
        if caller is None or media is None:
            await self._app(scope, receive, send)
            return
        body: bytes | None = b""
        messages: list[Any] = []
        if scope["method"] == "POST":
            message, waiting = arrived(receive)
            if waiting is None and not message.get("more_body"):
                body, messages = message.get("body"), [message]
            else:
                body, messages = await _read(message, waiting, receive, self._limit)
        try:
            content, named = await self._answer(scope, body, caller)
        except (Unprepared, Refused, Problem, Unreachable, TimeoutError):
            await self._app(scope, _again(messages, receive), send)
            return
        answer = Answer(content, media, public=caller.kind is CallerKind.CLIENT)
        if scope["method"] == "GET":
            answer.keep(heads.get(b"if-none-match", b""))
        request_id = request_id_of(heads.get(b"x-request-id", b"").decode("latin-1"))
        await answer.send(send, request_id)
        measures, took = self._services.measures, time.perf_counter() - started
        measures.operated("query", "ok")
        measures.prepared("hash" if named else "text")
        noted(
            measures,
            PLACE,
            scope["method"],
            status=answer.status,
            request_id=request_id,
            seconds=took,
        )

    async def _caller(self, heads: Mapping[bytes, bytes]) -> Caller | None:
        """Whose key it is; None for whoever has another way in, or none."""
        key = bearer(heads.get(b"authorization", b"")) or heads.get(b"x-api-key", b"")
        if not key or len(key) > MAX_CREDENTIAL:
            return None
        place = heads.get(b"x-hone-environment", b"")[:64]
        caller = self._gate.known(key, place)
        if caller is None:
            sent = key.decode("latin-1"), place.decode("latin-1")
            try:
                caller = await self._gate.caller(
                    Credentials(key=sent[0], environment=sent[1])
                )
            except Unreachable:
                return None
        return caller

    def _is_usual(self, scope: Scope, heads: Mapping[bytes, bytes]) -> bool:
        """Whether it names a document, or brings a small body of plain JSON."""
        if scope["method"] == "GET":
            return b"persistedQuery" in scope["query_string"]
        size = heads.get(b"content-length", b"")
        return (
            scope["method"] == "POST"
            and is_plain(heads.get(b"content-type", b""))
            and b"content-encoding" not in heads
            and size.isdigit()
            and len(size) < _DIGITS
            and int(size) <= self._limit
        )

    async def _answer(
        self, scope: Scope, body: bytes | None, caller: Caller
    ) -> tuple[bytes, bool]:
        """The response's body, and whether a hash named the document."""
        if body is None or len(body) > self._limit:
            raise Unprepared("no whole body")
        self._services.rates.admit(scope, caller)
        get = scope["method"] == "GET"
        asked = decode_parameters(scope["query_string"]) if get else decode_object(body)
        name = hash_named(asked)
        if get and name is None:
            raise Unprepared("no hash")
        plan, variables = self._plan(asked, name, caller), asked.get("variables")
        if plan is None or type(variables) not in (dict, type(None)):
            raise Unprepared("an unknown document")
        authorise(caller, plan.operation)
        content = plan.at_once(self._services, caller, variables or {})
        if content is None:
            async with asyncio.timeout(DEADLINE_SECONDS):
                content = await plan.answer(self._services, caller, variables or {})
        return content, name is not None

    def _plan(
        self, asked: Mapping[str, Any], name: str | None, caller: Caller
    ) -> Plan | None:
        query, operation = asked.get("query"), asked.get("operationName")
        if name is not None:
            query = self._services.registry.known(caller.environment_id, name)
        if type(query) is not str or not query:
            return None
        if type(operation) not in (str, type(None)):
            return None
        if type(asked.get("extensions")) not in (dict, type(None)):
            return None
        if name is not None:
            shelf = self._registered.of(caller.environment_id)
        else:
            shelf = self._shelves.of((caller.environment_id, caller.actor.id))
        return shelf.plan(query, operation or None)


async def _read(
    first: Message, waiting: Awaitable[Message] | None, receive: Receive, limit: int
) -> tuple[bytes | None, list[Any]]:
    """The body, with the messages that it came in.

    It is None if there is more of it than the limit, or if it is late: then the last
    message is the error that says so.
    """
    messages: list[Any] = []
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = first if waiting is None else await waiting
            while True:
                messages.append(message)
                body += message.get("body", b"")
                if message["type"] != "http.request" or len(body) > limit:
                    return None, messages
                if not message.get("more_body"):
                    return body, messages
                message = await receive()
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
