"""What any SDK of the GrowthBook family asks for: its features, and their changes."""

from hashlib import blake2b
from weakref import WeakKeyDictionary

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Gate
from api.graphql.http import still_holds
from api.http.listening import KeyRefused, client_in, told
from api.http.streams import Dialect, Streams
from api.problems import Refused
from api.services import Services
from core.database import Unreachable
from experiments.assignment.definitions import Snapshot
from experiments.assignment.payload import payload_bytes

FEATURES = "/api/features"
CHANGES = "/sub"

_OPEN = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "etag, retry-after, x-sse-support",
}
# Nothing older may be shown while this answers: a kill switch has to arrive.
_FRESH = "public, max-age=30, stale-if-error=36000"
PREFLIGHT = {
    **_OPEN,
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
    own = {"cache-control": "no-store", **_OPEN, **headers}
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

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused("METHOD_NOT_ALLOWED", "Use GET.", status=405)
        caller = await client_in(scope, self._gate, self._services.rates)
        definitions = self._services.definitions
        snapshot = await definitions.snapshot(caller.environment_id)
        etag = etag_of(snapshot)
        headers = {**_OPEN, "cache-control": _FRESH, "etag": etag}
        if self._streams.has_room:
            headers["x-sse-support"] = "enabled"
        if still_holds(Headers(scope=scope).get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(
            payload_bytes(snapshot), headers=headers, media_type="application/json"
        )


def etag_of(snapshot: Snapshot) -> str:
    """Names the bytes of the payload, so it is the same in every process."""
    found = _etags.get(snapshot)
    if found is None:
        digest = blake2b(payload_bytes(snapshot), digest_size=15).hexdigest()
        found = _etags[snapshot] = f'"{digest}"'
    return found
