"""Doors that a browser opens by an address alone: the client key is in the path."""

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Caller, CallerKind, Credentials, Gate
from api.http.streams import RETRY_SECONDS, Dialect, Listener, Streams, StreamsFull
from api.pages import may_read, shared_with
from api.problems import Refused
from api.rates import Rates, retry_headers
from core.database import Unreachable

Answer = Callable[[int, str, str], bytes]
"""A family's way to say a status, a code and a message."""
DialectOf = Callable[[Caller], Dialect]
"""How a key's clients are told; it refuses a key that is not for that."""


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


async def client_in(scope: Scope, gate: Gate) -> Caller:
    """Whose client key the path ends in; how often it is used is not counted yet.

    Raises:
        KeyRefused: It is none, or a secret key, which belongs in no address.
        Unreachable: Only the database could tell, and it is away.
    """
    caller = await gate.caller(Credentials(key=key_in(scope["path"])))
    if caller is None or caller.kind is not CallerKind.CLIENT:
        raise KeyRefused
    return caller


def origin_of(scope: Scope) -> str:
    """The origin of the page that asks; empty where no page does."""
    return Headers(scope=scope).get("origin", "")


async def preflight(scope: Scope, gate: Gate, headers: Mapping[str, str]) -> Response:
    """What a page may send: a page that the key's environment lists, if it lists any.

    A key that opens nothing, or is not known while the database is away, gives nothing
    away: the page is told so by the answer.
    """
    try:
        caller = await client_in(scope, gate)
    except (Refused, Unreachable):
        caller = None
    return Response(
        status_code=204, headers={**headers, **shared_with(caller, origin_of(scope))}
    )


class StreamDoor:
    """The ASGI application behind one family's stream of changes."""

    def __init__(
        self,
        gate: Gate,
        rates: Rates,
        streams: Streams,
        dialect: DialectOf,
        say: Answer,
    ) -> None:
        self._gate = gate
        self._rates = rates
        self._streams = streams
        self._dialect = dialect
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream, or refuse before anything is sent."""
        caller: Caller | None = None
        try:
            caller = await client_in(scope, self._gate)
            listener = self._listener(scope, caller)
            await self._streams.serve(listener, receive, send)
        except (Refused, Unreachable) as problem:
            status, message, headers = told(problem)
            headers = {**shared_with(caller, origin_of(scope)), **headers}
            body = self._say(status, code_of(problem), message)
            answer = Response(body, status, headers, "application/json")
            await answer(scope, receive, send)

    def _listener(self, scope: Scope, caller: Caller) -> Listener:
        if scope["method"] != "GET":
            raise Refused("METHOD_NOT_ALLOWED", "Use GET.", status=405)
        self._rates.admit(scope, caller)
        return Listener(
            environment_id=caller.environment_id,
            key_id=caller.actor.id,
            dialect=self._dialect(caller),
            last_event_id=Headers(scope=scope).get("last-event-id", ""),
            is_welcome=lambda: self._is_welcome(scope),
            shared=shared_with(caller, origin_of(scope)),
        )

    async def _is_welcome(self, scope: Scope) -> bool:
        try:
            caller = await client_in(scope, self._gate)
        except Unreachable:
            return True
        except KeyRefused:
            return False
        return may_read(caller, origin_of(scope))


def code_of(problem: Refused | Unreachable) -> str:
    """A refusal's code, for programs."""
    return "UNAVAILABLE" if isinstance(problem, Unreachable) else problem.code


def told(problem: Refused | Unreachable) -> tuple[int, str, Mapping[str, str]]:
    """A refusal's status, message and headers."""
    if isinstance(problem, Unreachable):
        message = "What is served is not known yet; try again."
        return 503, message, {"retry-after": str(RETRY_SECONDS)}
    headers = retry_headers(problem)
    if isinstance(problem, StreamsFull):
        headers = {"retry-after": str(problem.retry_after)}
    return problem.status, problem.message, headers
