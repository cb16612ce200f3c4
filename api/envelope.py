"""What every request gets: an id, a log line, a measure, safe headers, no traceback."""

import itertools
import json
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.measures import Measures
from api.problems import unavailable
from api.records import LOGGER, note_request
from core.database import is_unreachable
from core.ids import new_id

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PLACES = (
    "/graphql",
    "/healthz",
    "/metrics",
    "/v1/events",
    "/v1/exports",
    "/ofrep",
    "/api/features",
    "/api/eval",
    "/sub",
    "/console",
)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_RUN = secrets.token_hex(10)
_NUMBERS = itertools.count(1)
RETRY_SECONDS = "2"
"""What we tell those who come while a store is away."""

_UNREAD = frozenset({408, 413})
"""Answers to a body that was not read: what is left of it must not be either."""
SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


class Envelope:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on and note how it went."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                if status in _UNREAD:
                    headers["connection"] = "close"
                if status == 503:
                    headers.setdefault("retry-after", RETRY_SECONDS)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as crash:
            if is_unreachable(crash) and not status:
                await _unavailable(sending)
                return
            await _crashed(crash, request_id, sending, started=bool(status))
        finally:
            self._note(scope, status, request_id, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, request_id: str, took: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        place = place_of(scope["path"])
        noted(
            self._measures,
            place,
            method,
            status=status,
            request_id=request_id,
            seconds=took,
        )


def noted(
    measures: Measures,
    place: str,
    method: str,
    *,
    status: int,
    request_id: str,
    seconds: float,
) -> None:
    """Measure one answered request, and log it where the level asks for that."""
    measures.requested(place, method, status, seconds)
    note_request(request_id, method, place, status, seconds)


def place_of(path: str) -> str:
    """The part of a path that may be written down: paths can carry sign-in tokens."""
    for place in _PLACES:
        if path == place or path.startswith(f"{place}/"):
            return place
    return "other"


def request_id_of(sent: str) -> str:
    """The id that was sent with a request, if it is a safe one, else a new one."""
    if sent and _SAFE_ID.fullmatch(sent):
        return sent
    return f"{_RUN}{next(_NUMBERS):012x}"


async def _crashed(
    crash: Exception, request_id: str, send: Send, *, started: bool
) -> None:
    error_id = str(new_id())
    fields: dict[str, Any] = {"errorId": error_id, "requestId": request_id}
    LOGGER.error("request failed", exc_info=crash, extra={"fields": fields})
    if started:
        return
    error = {
        "message": f"Something went wrong here. The error's id is {error_id}.",
        "extensions": {"code": "INTERNAL", "errorId": error_id},
    }
    await _send_error({"errors": [error]}, 500, send)


async def _unavailable(send: Send) -> None:
    refused = unavailable()
    await _send_error(refused.body(), refused.status, send)


async def _send_error(answer: dict[str, Any], status: int, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json; charset=utf-8")],
        }
    )
    body = json.dumps(answer).encode()
    await send({"type": "http.response.body", "body": body})
