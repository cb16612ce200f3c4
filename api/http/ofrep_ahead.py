"""Bulk evaluation ahead of the router: the request that flag clients send all the time.

`Ofrep` answers every other one, and writes this one the same way.
"""

import time
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from api.ahead import (
    Heads,
    RawHeaders,
    again,
    ahead_at,
    answered,
    heads_of,
    is_small,
    key_of,
    known_caller,
    replied,
    whole_body,
)
from api.auth import Caller, CallerKind, Gate
from api.composed.assignments import assigned_at_once
from api.envelope import SAFE_HEADERS
from api.graphql.http import still_holds
from api.http.ofrep import CODE_DEFAULT, FLAGS, HEADERS, Ofrep
from api.http.ofrep_context import Unanswerable, subject_of
from api.http.ofrep_stream import streams_for
from api.pages import ANY, open_to
from api.problems import Refused
from api.records import LOGGER
from api.repeats import Basis, Repeats
from api.services import Services
from api.wire import Reply

PLACE = "/ofrep"
_CODE_DEFAULT = CODE_DEFAULT.encode()


class _Unusual(Exception):
    """The router has to answer this."""


@dataclass(frozen=True, slots=True)
class _Bulk:
    """All flags of one subject, for whoever sends the same bytes again."""

    basis: Basis
    etag: str
    content: bytes


class OfrepAhead:
    """Answers for all flags where nothing has to be read; hands on whatever else."""

    def __init__(self, ofrep: Ofrep, services: Services, gate: Gate) -> None:
        self._ofrep = ofrep
        self._services = services
        self._gate = gate
        self._limit = services.settings.max_body_bytes
        self._repeats: Repeats[_Bulk] = Repeats()

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The response to a request that is all here: a door of the wire."""
        started = time.perf_counter()
        heads = heads_of(scope)
        key = key_of(heads)
        caller = known_caller(self._gate, heads, key)
        if caller is None or not self._is_usual(scope, heads):
            return None
        try:
            status, headers, content = self._answer(scope, heads, body, caller, key)
        except Exception as reason:
            _report(reason)
            return None
        return replied(
            scope,
            heads,
            status=status,
            headers=headers,
            body=content,
            measures=self._services.measures,
            place=PLACE,
            started=started,
        )

    def ahead_of(self, app: ASGIApp) -> ASGIApp:
        """The application with this ahead of it."""
        return ahead_at(FLAGS, self._serve, app)

    async def _serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request, or pass it on."""
        started = time.perf_counter()
        heads = heads_of(scope)
        key = key_of(heads)
        caller = known_caller(self._gate, heads, key)
        if caller is None or not self._is_usual(scope, heads):
            await app(scope, receive, send)
            return
        body, messages = await whole_body(receive, self._limit)
        try:
            status, headers, content = self._answer(scope, heads, body, caller, key)
        except Exception as reason:
            _report(reason)
            await app(scope, again(messages, receive), send)
            return
        await answered(
            scope,
            heads,
            send,
            status=status,
            headers=headers,
            body=content,
            measures=self._services.measures,
            place=PLACE,
            started=started,
        )

    def _is_usual(self, scope: Scope, heads: Heads) -> bool:
        usual = scope["method"] == "POST" and not scope["query_string"]
        return usual and is_small(heads, self._limit)

    def _answer(
        self, scope: Scope, heads: Heads, body: bytes | None, caller: Caller, key: bytes
    ) -> tuple[int, RawHeaders, bytes]:
        if body is None:
            raise _Unusual
        self._services.rates.admit(scope, caller)
        coded = heads.get(_CODE_DEFAULT) == b"1"
        bulk = self._repeated(body, caller, key, coded=coded)
        headers = [*_shared(caller, heads), (b"etag", bulk.etag.encode())]
        known = heads.get(b"if-none-match", b"")
        if known and still_holds(known.decode("latin-1"), bulk.etag):
            return 304, headers, b""
        headers.append((b"content-length", b"%d" % len(bulk.content)))
        return 200, headers, bulk.content

    def _repeated(
        self, body: bytes, caller: Caller, key: bytes, *, coded: bool
    ) -> "_Bulk":
        """What was answered before to these bytes, if it holds; else what is so now."""
        owner = caller.environment_id, caller.actor.id, coded
        kept = self._repeats.find(owner, body)
        if kept is not None and kept.basis.holds(self._services, caller.environment_id):
            return kept
        subject = subject_of(body)
        found = assigned_at_once(
            self._services, caller, subject, None, qualifying=False
        )
        if found is None:
            raise _Unusual
        streams = streams_for(caller, key.decode("latin-1"))
        written = self._ofrep.written(caller.environment_id)
        bulk = _Bulk(
            basis=Basis.of(found, subject),
            etag=written.etag(found, coded=coded, streams=streams),
            content=written.bulk(found, coded=coded, streams=streams),
        )
        self._repeats.keep(owner, body, bulk, len(bulk.content))
        return bulk


def _report(reason: Exception) -> None:
    if not isinstance(reason, _Unusual | Unanswerable | Refused):
        LOGGER.error("flags not answered ahead", exc_info=reason)


def _shared(caller: Caller, heads: Heads) -> RawHeaders:
    """What all answers to a caller have; none to a listed page is kept for another."""
    if caller.origins is None:
        return _fixed(public=caller.kind is CallerKind.CLIENT)
    shared = open_to(caller, heads.get(b"origin", b"").decode("latin-1"))
    own = [(name.encode(), value.encode()) for name, value in shared.items()]
    return [*_fixed(public=False), *own]


@lru_cache(maxsize=2)
def _fixed(*, public: bool) -> RawHeaders:
    shared = ANY if public else {}
    every = {**HEADERS, **shared, **SAFE_HEADERS}
    return [(name.encode(), value.encode()) for name, value in every.items()]
