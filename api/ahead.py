"""What all that answers ahead of the router has in common.

It takes a request that is as nearly all are, and hands on any other as it came, the
part of its body that was read included. So it refuses nothing, and says nothing that
the router would not say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import MAX_CREDENTIAL, Caller, Gate, bearer
from api.body import BODY_SECONDS, arrived
from api.envelope import noted, request_id_of
from api.measures import Measures
from api.wire import Reply

Heads: TypeAlias = Mapping[bytes, bytes]
RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
Serve: TypeAlias = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]
"""Answers a request, or hands it on to the application."""
ASKED = "hone.asked"
"""Under this name a scope carries what its request was decoded to."""

_DIGITS = 10


def ahead_at(path: str, serve: Serve, app: ASGIApp) -> ASGIApp:
    """The application, with `serve` ahead of it at one path."""

    async def ahead(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != path:
            await app(scope, receive, send)
        else:
            await serve(app, scope, receive, send)

    return ahead


def heads_of(scope: Scope) -> Heads:
    """The headers by name; of one that comes twice the first counts, as everywhere."""
    return dict(reversed(list(scope["headers"])))


def key_of(heads: Heads) -> bytes:
    """The key that a request carries, if it is a plausible one."""
    key = bearer(heads.get(b"authorization", b"")) or heads.get(b"x-api-key", b"")
    return key if len(key) <= MAX_CREDENTIAL else b""


def known_caller(gate: Gate, heads: Heads, key: bytes) -> Caller | None:
    """Whose key it is, where nothing has to be read to know."""
    return gate.known(key, heads.get(b"x-hone-environment", b"")[:64]) if key else None


def is_small(heads: Heads, limit: int) -> bool:
    """Whether a body is announced that is plain and within the limit."""
    size = heads.get(b"content-length", b"")
    return (
        size.isdigit()
        and len(size) < _DIGITS
        and int(size) <= limit
        and b"content-encoding" not in heads
    )


async def whole_body(receive: Receive, limit: int) -> tuple[bytes | None, list[Any]]:
    """The body, with the messages that it came in.

    It is None if there is more of it than the limit, or if it is late: then the last
    message is the error that says so.
    """
    message, waiting = arrived(receive)
    if waiting is None and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if not message.get("more_body") and len(body) <= limit:
            return body, [message]
    return await _read(message, waiting, receive, limit)


async def _read(
    first: Message, waiting: Awaitable[Message] | None, receive: Receive, limit: int
) -> tuple[bytes | None, list[Any]]:
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


def again(messages: list[Any], receive: Receive) -> Receive:
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


async def answered(
    scope: Scope,
    heads: Heads,
    send: Send,
    *,
    status: int,
    headers: RawHeaders,
    body: bytes,
    measures: Measures,
    place: str,
    started: float,
) -> None:
    """Send an answer; measure it and write it down as the envelope does."""
    reply = replied(
        scope,
        heads,
        status=status,
        headers=headers,
        body=body,
        measures=measures,
        place=place,
        started=started,
    )
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": reply.headers,
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


def replied(
    scope: Scope,
    heads: Heads,
    *,
    status: int,
    headers: RawHeaders,
    body: bytes,
    measures: Measures,
    place: str,
    started: float,
) -> Reply:
    """An answer that is about to be sent, measured and written down."""
    request_id = request_id_of(heads.get(b"x-request-id", b"").decode("latin-1"))
    headers.append((b"x-request-id", request_id.encode()))
    noted(
        measures,
        place,
        scope["method"],
        status=status,
        request_id=request_id,
        seconds=time.perf_counter() - started,
    )
    return Reply(status, headers, body)
