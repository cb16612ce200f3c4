"""Doors that a browser opens by an address alone: the client key is in the path."""

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Caller, CallerKind, Credentials, Gate
from api.http.streams import RETRY_SECONDS, Dialect, Listener, Streams, StreamsFull
from api.problems import Refused
from api.rates import Rates, retry_headers
from core.database import Unreachable

OPEN = {"access-control-allow-origin": "*"}

Answer = Callable[[int, str], bytes]
"""A family's way to say a status and a message."""


class KeyRefused(Refused):
    """The key in the path opens nothing. It is never repeated."""

    def __init__(self) -> None:
        super().__init__(
            "UNAUTHENTICATED",
            "The address ends in a client key; this one is unknown, revoked or secret.",
        )


def key_in(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2]


async def client_in(scope: Scope, gate: Gate, rates: Rates) -> Caller:
    """Whose client key the path ends in.

    Raises:
        KeyRefused: It is none, or a secret key, which belongs in no address.
        RateLimited: It was used too often.
        Unreachable: Only the database could tell, and it is away.
    """
    caller = await gate.caller(Credentials(key=key_in(scope["path"])))
    if caller is None or caller.kind is not CallerKind.CLIENT:
        raise KeyRefused
    rates.admit(scope, caller)
    return caller


class StreamDoor:
    """The ASGI application behind one family's stream of changes."""

    def __init__(
        self, gate: Gate, rates: Rates, streams: Streams, dialect: Dialect, say: Answer
    ) -> None:
        self._gate = gate
        self._rates = rates
        self._streams = streams
        self._dialect = dialect
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream, or refuse before anything is sent."""
        try:
            caller = await self._caller(scope)
            listener = Listener(
                environment_id=caller.environment_id,
                key_id=caller.actor.id,
                dialect=self._dialect,
                last_event_id=Headers(scope=scope).get("last-event-id", ""),
                is_welcome=lambda: self._is_welcome(scope["path"]),
            )
            await self._streams.serve(listener, receive, send)
        except (Refused, Unreachable) as problem:
            status, message, headers = told(problem)
            body = self._say(status, message)
            answer = Response(body, status, {**OPEN, **headers}, "application/json")
            await answer(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        if scope["method"] != "GET":
            raise Refused("METHOD_NOT_ALLOWED", "Use GET.", status=405)
        return await client_in(scope, self._gate, self._rates)

    async def _is_welcome(self, path: str) -> bool:
        try:
            caller = await self._gate.caller(Credentials(key=key_in(path)))
        except Unreachable:
            return True
        return caller is not None


def told(problem: Refused | Unreachable) -> tuple[int, str, Mapping[str, str]]:
    """A refusal's status, message and headers."""
    if isinstance(problem, Unreachable):
        message = "What is served is not known yet; try again."
        return 503, message, {"retry-after": str(RETRY_SECONDS)}
    headers = retry_headers(problem)
    if isinstance(problem, StreamsFull):
        headers = {"retry-after": str(problem.retry_after)}
    return problem.status, problem.message, headers
