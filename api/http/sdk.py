"""What any SDK of the GrowthBook family asks for: its features, and their changes."""

import time
from collections.abc import Mapping
from dataclasses import replace

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.ahead import heads_of, known_caller, replied
from api.auth import Caller, CallerKind, Gate
from api.envelope import SAFE_HEADERS
from api.graphql.http import still_holds
from api.http.listening import (
    KeyRefused,
    client_in,
    code_of,
    key_in,
    origin_of,
    preflight,
    told,
)
from api.http.streams import Dialect, Streams
from api.pages import ANY, shared_with
from api.problems import Refused
from api.services import Services
from api.wire import Reply
from core.database import Unreachable
from experiments.assignment.definitions import Snapshot
from experiments.assignment.encrypted_payload import Written, written_for

FEATURES = "/api/features"
CHANGES = "/sub"

EXPOSED = {"access-control-expose-headers": "etag, retry-after, x-sse-support"}
# Nothing older may be shown while this answers: a kill switch has to arrive.
_FRESH = "public, max-age=30, stale-if-error=36000"
PREFLIGHT = {
    **EXPOSED,
    "access-control-allow-methods": "GET, POST",
    # Applications may add headers of their own, and nothing here depends on any.
    "access-control-allow-headers": "*",
    "access-control-max-age": "600",
}


class RemoteOnly(Refused):
    """The key is for remote evaluation, and never opens the definitions."""

    def __init__(self) -> None:
        super().__init__(
            "REMOTE_ONLY",
            "This key is for remote evaluation only: POST /api/eval/ and the key, as "
            "SDKs with `remoteEval` do. The definitions are not for it.",
            status=403,
        )


def _event(snapshot: Snapshot, _noticed: int) -> bytes:
    """Always the whole document: a bare beacon makes some clients apply an old one."""
    return _said(written_for(snapshot, None))


def _said(written: Written) -> bytes:
    return b"event: features\ndata: " + written.content


_DIALECT = Dialect(
    opening=b"retry: 10000\n\n", ping=b"data: \n\n", event=_event, greets=True
)


def dialect_of(caller: Caller) -> Dialect:
    """How a key's clients are told: as they fetch.

    Raises:
        RemoteOnly: They fetch nothing.
    """
    if caller.remote_only:
        raise RemoteOnly
    key = caller.payload_key
    if key is None:
        return _DIALECT
    return replace(
        _DIALECT, event=lambda snapshot, _: _said(written_for(snapshot, key))
    )


def refusal(status: int, code: str, message: str) -> bytes:
    """A refusal in the family's words, and its code."""
    return msgspec.json.encode({"status": status, "code": code, "error": message})


def refused(problem: Refused | Unreachable) -> Response:
    """The whole answer that a refusal is."""
    status, message, headers = told(problem)
    own = {"cache-control": "no-store", **EXPOSED, **headers}
    if isinstance(problem, KeyRefused | RemoteOnly):
        # No later request with this key can do better, so a cache may keep it.
        own |= {"x-unrecoverable": "1"}
    body = refusal(status, code_of(problem), message)
    return Response(body, status, own, "application/json")


class Features:
    """The ASGI application behind the payload of one client key's environment."""

    def __init__(self, services: Services, gate: Gate, streams: Streams) -> None:
        self._services = services
        self._gate = gate
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            answer = await preflight(scope, self._gate, PREFLIGHT)
            await answer(scope, receive, send)
            return
        caller: Caller | None = None
        try:
            caller = await client_in(scope, self._gate)
            answer = await self._answer(scope, caller)
        except (Refused, Unreachable) as problem:
            answer = refused(problem)
        answer.headers.update(shared_with(caller, origin_of(scope)))
        await answer(scope, receive, send)

    def at_once(self, scope: Scope, _body: bytes) -> Reply | None:
        """The payload, where key and definitions are known: a door of the wire."""
        started = time.perf_counter()
        heads = heads_of(scope)
        caller = known_caller(self._gate, {}, key_in(scope["path"]).encode())
        if scope["method"] != "GET" or caller is None:
            return None
        snapshot = self._services.definitions.held(caller.environment_id)
        if caller.kind is not CallerKind.CLIENT or snapshot is None:
            return None
        if caller.remote_only:
            return None
        try:
            self._services.rates.admit(scope, caller)
        except Refused:
            return None
        status, headers, body = self._written(
            caller, snapshot, heads.get(b"if-none-match", b"").decode("latin-1")
        )
        shared: Mapping[str, str] = ANY
        if caller.origins is not None:
            shared = shared_with(caller, heads.get(b"origin", b"").decode("latin-1"))
        return replied(
            scope,
            heads,
            status=status,
            headers=[
                (name.encode(), value.encode())
                for name, value in {**headers, **shared, **SAFE_HEADERS}.items()
            ],
            body=body,
            measures=self._services.measures,
            place=FEATURES,
            started=started,
        )

    async def _answer(self, scope: Scope, caller: Caller) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused("METHOD_NOT_ALLOWED", "Use GET.", status=405)
        self._services.rates.admit(scope, caller)
        if caller.remote_only:
            raise RemoteOnly
        definitions = self._services.definitions
        snapshot = await definitions.snapshot(caller.environment_id)
        status, headers, body = self._written(
            caller, snapshot, Headers(scope=scope).get("if-none-match", "")
        )
        return Response(body, status, headers)

    def _written(
        self, caller: Caller, snapshot: Snapshot, if_none_match: str
    ) -> tuple[int, dict[str, str], bytes]:
        written = written_for(snapshot, caller.payload_key)
        etag, content = written.etag, written.content
        headers = {**EXPOSED, "cache-control": _FRESH, "etag": etag}
        if self._streams.has_room:
            headers["x-sse-support"] = "enabled"
        if still_holds(if_none_match, etag):
            return 304, headers, b""
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
        return 200, headers, content
