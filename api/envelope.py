"""What every request gets: an id, a log line, a measure, safe headers, no traceback."""

import json
import re
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.measures import Measures
from api.records import LOGGER, note
from core.ids import new_id

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PLACES = ("/graphql", "/healthz", "/metrics", "/v1/events", "/ofrep", "/console")
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_UNREAD = frozenset({408, 413})
"""Answers to a body that was not read: what is left of it must not be either."""
_HEADERS = {
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
        request_id = _request_id(Headers(scope=scope))
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
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if status in _UNREAD:
                    headers["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as crash:
            await _crashed(crash, request_id, sending, started=bool(status))
        finally:
            self._note(scope, status, request_id, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, request_id: str, took: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        place = place_of(scope["path"])
        self._measures.requested(place, method, status, took)
        note(
            "request",
            requestId=request_id,
            method=method,
            place=place,
            status=status,
            milliseconds=round(took * 1000, 2),
        )


def place_of(path: str) -> str:
    """The part of a path that may be written down: paths can carry sign-in tokens."""
    for place in _PLACES:
        if path == place or path.startswith(f"{place}/"):
            return place
    return "other"


def _request_id(headers: Headers) -> str:
    sent = headers.get("x-request-id", "")
    return sent if _SAFE_ID.fullmatch(sent) else str(new_id())


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
    await send(
        {
            "type": "http.response.start",
            "status": 500,
            "headers": [(b"content-type", b"application/json; charset=utf-8")],
        }
    )
    body = json.dumps({"errors": [error]}).encode()
    await send({"type": "http.response.body", "body": body})
