"""Subscriptions over graphql-transport-ws: nothing else runs on a socket."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from graphql import OperationType
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth import (
    ENVIRONMENT_HEADER,
    MAX_CREDENTIAL,
    PROJECT_HEADER,
    SUBJECT_HEADER,
    Caller,
    CallerKind,
    Credentials,
    Gate,
    credentials_of,
)
from api.context import Context
from api.decoding import decode_object, request_of
from api.documents import Documents, Invalidated, Operation
from api.execution import authorise, refused_document, stream
from api.pages import may_read
from api.problems import Refused
from api.rates import RateLimited
from api.services import Services

PROTOCOL = "graphql-transport-ws"
MAX_INIT_BYTES = 4096
MAX_MESSAGE_BYTES = 65_536
INIT_SECONDS = 5.0
RECHECK_SECONDS = 2.0
MAX_SUBSCRIPTIONS = {
    CallerKind.CLIENT: 3,
    CallerKind.SERVER: 10,
    CallerKind.MEMBER: 10,
}
MAX_SOCKETS = {CallerKind.CLIENT: 1000, CallerKind.SERVER: 50, CallerKind.MEMBER: 50}
MAX_STREAMS = {CallerKind.CLIENT: 2000, CallerKind.SERVER: 200, CallerKind.MEMBER: 200}
"""Subscriptions of one credential over all of its sockets to this process."""
MAX_REFUSALS = 100
"""Operations refused one after the other for their rate; then the socket is closed."""
_MAX_ID = 128
_PLACES = frozenset({PROJECT_HEADER, ENVIRONMENT_HEADER, SUBJECT_HEADER})


class Closed(Exception):
    """The socket is closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SubscriptionEndpoint:
    """The ASGI application behind the /graphql socket."""

    def __init__(self, services: Services, gate: Gate, documents: Documents) -> None:
        self.services = services
        self.gate = gate
        self.documents = documents
        self.sockets: Counter[str] = Counter()
        self.streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until either side leaves."""
        socket = WebSocket(scope, receive, send)
        spoken = PROTOCOL in scope.get("subprotocols", ())
        await socket.accept(subprotocol=PROTOCOL if spoken else None)
        if not spoken:
            await socket.close(4406, "Subprotocol not acceptable")
            return
        conversation = _Conversation(self, socket)
        try:
            await conversation.run()
        except Closed as closed:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(closed.code, closed.reason)
        except RateLimited as limited:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(4429, limited.message)
        except Refused as problem:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(1013, problem.message)
        except WebSocketDisconnect:
            pass
        finally:
            await conversation.leave()


class _Conversation:
    """One socket: its caller, and the subscriptions that run on it."""

    def __init__(self, endpoint: SubscriptionEndpoint, socket: WebSocket) -> None:
        self._endpoint = endpoint
        self._socket = socket
        self._credentials = credentials_of(socket)
        self._caller: Caller | None = None
        self._holder = ""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._refusals = 0

    async def run(self) -> None:
        """Take the first message in time, then talk while the caller is known."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._begin()
        except TimeoutError:
            raise Closed(4408, "Connection initialisation timeout") from None
        listening = asyncio.create_task(self._listen())
        watching = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait(
                {listening, watching}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
        finally:
            await _cancelled([listening, watching])

    async def leave(self) -> None:
        """Stop every subscription and give the socket's place back."""
        await _cancelled(list(self._running.values()))
        if self._holder:
            self._endpoint.sockets[self._holder] -= 1
            self._endpoint.sockets += Counter()

    async def _begin(self) -> None:
        message = await self._message(MAX_INIT_BYTES)
        while message["type"] == "ping":
            await self._send({"type": "pong"})
            message = await self._message(MAX_INIT_BYTES)
        if message["type"] != "connection_init":
            raise Closed(4401, "Unauthorized")
        self._credentials = _with_payload(self._credentials, message.get("payload"))
        caller = await self._endpoint.gate.caller(self._credentials)
        if caller is None:
            raise Closed(4401, "Unauthorized")
        self._check_origin(caller)
        self._endpoint.services.rates.admit({}, caller)
        holder = f"{caller.kind}:{caller.actor.id}"
        if self._endpoint.sockets[holder] >= MAX_SOCKETS[caller.kind]:
            raise Closed(4429, "Too many sockets")
        self._endpoint.sockets[holder] += 1
        self._caller, self._holder = caller, holder
        await self._send({"type": "connection_ack"})

    async def _watch(self) -> None:
        """End the conversation soon after the caller may no longer have it."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            caller = await self._endpoint.gate.caller(self._credentials)
            if caller is None or caller != self._caller:
                raise Closed(4401, "Unauthorized")
            self._check_origin(caller)

    def _check_origin(self, caller: Caller) -> None:
        """A browser lets any page open a socket, so the list is held to here."""
        if not may_read(caller, self._socket.headers.get("origin", "")):
            raise Closed(4403, "Forbidden")

    async def _listen(self) -> None:
        while True:
            message = await self._message(MAX_MESSAGE_BYTES)
            match message["type"]:
                case "ping":
                    await self._send({"type": "pong"})
                case "pong":
                    continue
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    task = self._running.pop(_id(message), None)
                    if task is not None:
                        await _cancelled([task])
                case "connection_init":
                    raise Closed(4429, "Too many initialisation requests")
                case _:
                    raise Closed(4400, "Unknown message type")

    async def _subscribe(self, message: dict[str, Any]) -> None:
        name = _id(message)
        if name in self._running:
            raise Closed(4409, "Subscriber for this id already exists")
        caller = cast(Caller, self._caller)
        try:
            self._admit(caller)
            payload = message.get("payload")
            if not isinstance(payload, dict):
                raise Closed(4400, "A subscription has a payload")
            request = request_of(payload)
            operation = self._endpoint.documents.operation(request)
            if operation.kind is not OperationType.SUBSCRIPTION:
                raise Refused("BAD_REQUEST", "Only subscriptions run on a socket.")
            authorise(caller, operation)
        except Refused as problem:
            await self._error(name, problem.body()["errors"])
            return
        except Invalidated as problem:
            await self._error(name, refused_document(problem).body["errors"])
            return
        running = self._run(name, operation, request.variables)
        self._running[name] = task = asyncio.create_task(running)
        self._endpoint.streams[self._holder] += 1
        task.add_done_callback(self._ended)

    def _admit(self, caller: Caller) -> None:
        """An operation counts as a request does, and takes one of few places."""
        try:
            self._endpoint.services.rates.admit({}, caller)
        except RateLimited as limited:
            self._refusals += 1
            if self._refusals >= MAX_REFUSALS:
                raise Closed(4429, limited.message) from None
            raise
        self._refusals = 0
        if (
            len(self._running) >= MAX_SUBSCRIPTIONS[caller.kind]
            or self._endpoint.streams[self._holder] >= MAX_STREAMS[caller.kind]
        ):
            raise Refused("TOO_MANY_SUBSCRIPTIONS", "Complete one of them first.")

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._endpoint.streams[self._holder] -= 1
        self._endpoint.streams += Counter()

    async def _run(
        self, name: str, operation: Operation, variables: dict[str, Any]
    ) -> None:
        endpoint = self._endpoint
        request_id = self._socket.scope.get("state", {}).get("request_id", "")
        caller = cast(Caller, self._caller)
        context = Context(caller, endpoint.services, request_id, lasting=True)
        endpoint.services.measures.subscriptions.inc()
        try:
            with suppress(WebSocketDisconnect):
                async for answer in stream(
                    endpoint.documents.schema, operation, variables, context
                ):
                    if not answer.executed:
                        await self._error(name, answer.body["errors"])
                        return
                    await self._send(
                        {"id": name, "type": "next", "payload": answer.body}
                    )
                await self._send({"id": name, "type": "complete"})
        finally:
            endpoint.services.measures.subscriptions.dec()
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _error(self, name: str, errors: list[dict[str, Any]]) -> None:
        await self._send({"id": name, "type": "error", "payload": errors})

    async def _message(self, limit: int) -> dict[str, Any]:
        text = await self._text()
        if len(text.encode("utf-8", "surrogatepass")) > limit:
            raise Closed(1009, "The message is too big")
        try:
            message = decode_object(text.encode("utf-8", "surrogatepass"))
        except Refused as problem:
            raise Closed(4400, problem.message) from None
        if not isinstance(message.get("type"), str):
            raise Closed(4400, "A message has a type")
        return message

    async def _text(self) -> str:
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text = event.get("text")
        if not isinstance(text, str):
            raise Closed(4400, "Messages are texts")
        return text

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(
            json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        )


def _with_payload(credentials: Credentials, payload: object) -> Credentials:
    """Browsers cannot set a socket's headers, so its first message may carry them."""
    if not isinstance(payload, dict):
        unread = credentials.unreadable or payload is not None
        return replace(credentials, unreadable=unread)
    sent = {str(k).lower(): v for k, v in payload.items() if isinstance(v, str)}
    scheme, _, token = sent.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    key = bearer or sent.get("x-api-key", "") or credentials.key
    # A word that nobody knows here may be meant as a key: it is not passed over.
    strange = any(str(name).lower() not in _PLACES for name in payload)
    return replace(
        credentials,
        key=key[:MAX_CREDENTIAL],
        unreadable=not key and (strange or credentials.unreadable),
        project=sent.get(PROJECT_HEADER, credentials.project),
        environment=sent.get(ENVIRONMENT_HEADER, credentials.environment),
    )


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID:
        raise Closed(4400, "A message has an id")
    return name


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
