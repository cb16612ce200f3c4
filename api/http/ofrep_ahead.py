"""Bulk evaluation ahead of the router: the request that flag clients send all the time.

`Ofrep` answers every other one, and writes this one the same way.
"""

import time
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from api.ahead import (
    Heads,
    RawHeaders,
    again,
    answered,
    heads_of,
    is_small,
    key_of,
    known_caller,
    whole_body,
)
from api.auth import Caller, CallerKind, Gate
from api.composed.assignments import assigned_at_once
from api.envelope import SAFE_HEADERS
from api.graphql.http import still_holds
from api.http.ofrep import CODE_DEFAULT, FLAGS, HEADERS, Ofrep
from api.http.ofrep_context import Unanswerable, subject_of
from api.http.ofrep_stream import streams_for
from api.problems import Refused
from api.records import LOGGER
from api.services import Services

PLACE = "/ofrep"
_CODE_DEFAULT = CODE_DEFAULT.encode()


class _Unusual(Exception):
    """The router has to answer this."""


class OfrepAhead:
    """Answers for all flags where nothing has to be read; hands on whatever else."""

    def __init__(
        self, app: ASGIApp, ofrep: Ofrep, services: Services, gate: Gate
    ) -> None:
        self._app = app
        self._ofrep = ofrep
        self._services = services
        self._gate = gate
        self._limit = services.settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != FLAGS:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        heads = heads_of(scope)
        key = key_of(heads)
        caller = known_caller(self._gate, heads, key)
        usual = scope["method"] == "POST" and not scope["query_string"]
        if caller is None or not usual or not is_small(heads, self._limit):
            await self._app(scope, receive, send)
            return
        body, messages = await whole_body(receive, self._limit)
        try:
            status, headers, content = self._answer(scope, heads, body, caller, key)
        except Exception as reason:
            if not isinstance(reason, _Unusual | Unanswerable | Refused):
                LOGGER.error("flags not answered ahead", exc_info=reason)
            await self._app(scope, again(messages, receive), send)
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

    def _answer(
        self, scope: Scope, heads: Heads, body: bytes | None, caller: Caller, key: bytes
    ) -> tuple[int, RawHeaders, bytes]:
        if body is None:
            raise _Unusual
        self._services.rates.admit(scope, caller)
        subject = subject_of(body)
        found = assigned_at_once(
            self._services, caller, subject, None, qualifying=False
        )
        if found is None:
            raise _Unusual
        coded = heads.get(_CODE_DEFAULT) == b"1"
        streams = streams_for(caller, key.decode("latin-1"))
        written = self._ofrep.written(caller.environment_id)
        etag = written.etag(found, coded=coded, streams=streams)
        public = caller.kind is CallerKind.CLIENT
        headers = [*_fixed(public=public), (b"etag", etag.encode())]
        known = heads.get(b"if-none-match", b"")
        if known and still_holds(known.decode("latin-1"), etag):
            return 304, headers, b""
        content = written.bulk(found, coded=coded, streams=streams)
        headers.append((b"content-length", b"%d" % len(content)))
        return 200, headers, content


@lru_cache(maxsize=2)
def _fixed(*, public: bool) -> RawHeaders:
    shared = {"access-control-allow-origin": "*"} if public else {}
    every = {**HEADERS, **shared, **SAFE_HEADERS}
    return [(name.encode(), value.encode()) for name, value in every.items()]
