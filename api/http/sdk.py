"""What any SDK of the GrowthBook family asks for: its features, and their changes."""

import time
from hashlib import blake2b
from weakref import WeakKeyDictionary

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.ahead import heads_of, known_caller, replied
from api.auth import CallerKind, Gate
from api.envelope import SAFE_HEADERS
from api.graphql.http import still_holds
from api.http.listening import KeyRefused, client_in, key_in, told
from api.http.streams import Dialect, Streams
from api.problems import Refused
from api.services import Services
from api.wire import Reply
from core.database import Unreachable
from experiments.assignment.definitions import Snapshot
from experiments.assignment.payload import payload_bytes

FEATURES = "/api/features"
CHANGES = "/sub"

OPEN = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "etag, retry-after, x-sse-support",
}
# Nothing older may be shown while this answers: a kill switch has to arrive.
_FRESH = "public, max-age=30, stale-if-error=36000"
PREFLIGHT = {
    **OPEN,
    "access-control-allow-methods": "GET, POST",
    # Applications may add headers of their own, and nothing here depends on any.
    "access-control-allow-headers": "*",
    "access-control-max-age": "600",
}

_etags: WeakKeyDictionary[Snapshot, str] = WeakKeyDictionary()


def _event(snapshot: Snapshot, _noticed: int) -> bytes:
    """Always the whole document: a bare beacon makes some clients apply an old one."""
    return b"event: features\ndata: " + payload_bytes(snapshot)


DIALECT = Dialect(
    opening=b"retry: 10000\n\n", ping=b"data: \n\n", event=_event, greets=True
)


def refusal(status: int, message: str) -> bytes:
    """A refusal in the family's words."""
    return msgspec.json.encode({"status": status, "error": message})


def refused(problem: Refused | Unreachable) -> Response:
    """The whole answer that a refusal is."""
    status, message, headers = told(problem)
    own = {"cache-control": "no-store", **OPEN, **headers}
    if isinstance(problem, KeyRefused):
        # No later request with this key can do better, so a cache may keep it.
        own |= {"x-unrecoverable": "1"}
    return Response(refusal(status, message), status, own, "application/json")


class Features:
    """The ASGI application behind the payload of one client key's environment."""

    def __init__(self, services: Services, gate: Gate, streams: Streams) -> None:
        self._services = services
        self._gate = gate
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope)
        except (Refused, Unreachable) as problem:
            answer = refused(problem)
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
        try:
            self._services.rates.admit(scope, caller)
        except Refused:
            return None
        status, headers, body = self._written(
            snapshot, heads.get(b"if-none-match", b"").decode("latin-1")
        )
        return replied(
            scope,
            heads,
            status=status,
            headers=[
                (name.encode(), value.encode())
                for name, value in {**headers, **SAFE_HEADERS}.items()
            ],
            body=body,
            measures=self._services.measures,
            place=FEATURES,
            started=started,
        )

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused("METHOD_NOT_ALLOWED", "Use GET.", status=405)
        caller = await client_in(scope, self._gate, self._services.rates)
        definitions = self._services.definitions
        snapshot = await definitions.snapshot(caller.environment_id)
        status, headers, body = self._written(
            snapshot, Headers(scope=scope).get("if-none-match", "")
        )
        return Response(body, status, headers)

    def _written(
        self, snapshot: Snapshot, if_none_match: str
    ) -> tuple[int, dict[str, str], bytes]:
        etag = etag_of(snapshot)
        headers = {**OPEN, "cache-control": _FRESH, "etag": etag}
        if self._streams.has_room:
            headers["x-sse-support"] = "enabled"
        if still_holds(if_none_match, etag):
            return 304, headers, b""
        content = payload_bytes(snapshot)
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(content))
        return 200, headers, content


def etag_of(snapshot: Snapshot) -> str:
    """Names the bytes of the payload, so it is the same in every process."""
    found = _etags.get(snapshot)
    if found is None:
        digest = blake2b(payload_bytes(snapshot), digest_size=15).hexdigest()
        found = _etags[snapshot] = f'"{digest}"'
    return found
