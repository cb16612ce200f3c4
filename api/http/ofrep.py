"""OFREP 0.3.0: any OpenFeature client asks here; a flag is an experiment."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from api.auth import Caller, Credentials, Gate, bearer, credentials_of
from api.body import read_body
from api.composed.assignments import Assigned, Given, assigned
from api.context import Context
from api.graphql.http import still_holds
from api.http.listening import told
from api.http.ofrep_answers import Fragments, failure
from api.http.ofrep_context import Unanswerable, subject_of
from api.http.ofrep_stream import streams_for
from api.pages import ANY, open_to_pages
from api.problems import Refused, unauthenticated
from api.records import LOGGER
from api.services import Services
from core.database import Unreachable, is_unreachable
from core.ids import new_id
from core.subjects import SubjectContext
from experiments.assignment.evaluator import Decision

FLAGS = "/ofrep/v1/evaluate/flags"
CODE_DEFAULT = "x-hone-code-default"
CATCH_UP_SECONDS = 1.0
_KEY = re.compile(r"[A-Za-z0-9._-]{1,128}")
_VERSION = re.compile(r"\d{1,18}", re.ASCII)
HEADERS = {
    "content-type": "application/json",
    "cache-control": "private, no-cache",
    "vary": "origin, authorization, x-api-key, x-hone-code-default",
    "access-control-expose-headers": "etag, retry-after",
}
PREFLIGHT = {
    **ANY,
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "authorization, content-type, if-none-match, "
    "last-event-id, x-api-key, x-hone-code-default, x-hone-environment, "
    "x-hone-project, x-hone-subject",
    "access-control-expose-headers": "etag, retry-after",
    "access-control-max-age": "600",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body and the headers that are this answer's own."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Ofrep:
    """The ASGI application behind both evaluation endpoints. It writes nothing."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self._services = services
        self._gate = gate
        self._fragments: dict[UUID, Fragments] = {}
        self._caught_up = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            await _send(send, Reply(204), PREFLIGHT)
            return
        connection = HTTPConnection(scope)
        caller, credentials = self._known(connection.headers)
        key = _key(scope["path"])
        try:
            if caller is None:
                credentials = credentials_of(connection)
                caller = await self._gate.caller(credentials)
            if caller is None:
                raise unauthenticated(shown=credentials.shown)
            self._services.rates.admit(scope, caller)
            streams = streams_for(caller, credentials.key)
            reply = await self._reply(connection, receive, caller, key, streams)
        except Unanswerable as problem:
            body = failure(problem.code, problem.details, key)
            reply = Reply(problem.status, body)
        except (Refused, Unreachable) as problem:
            status, message, headers = told(problem)
            reply = Reply(status, failure("GENERAL", message, key), headers)
        except Exception as crash:
            if is_unreachable(crash):
                status, message, headers = told(Unreachable())
                reply = Reply(status, failure("GENERAL", message, key), headers)
            else:
                reply = _crashed(crash, scope)
        origin = connection.headers.get("origin", "")
        shared = open_to_pages(credentials, caller, origin)
        await _send(send, reply, {**HEADERS, **shared})

    def _known(self, headers: Headers) -> tuple[Caller | None, Credentials]:
        """Who asks, where that takes no waiting and no more than the key."""
        heads = dict(reversed(headers.raw))
        text = bearer(heads.get(b"authorization", b""))
        text = text or heads.get(b"x-api-key", b"")
        caller = None
        if text:
            caller = self._gate.known(text, heads.get(b"x-hone-environment", b""))
        return caller, Credentials(key=text.decode("latin-1"))

    async def _reply(
        self,
        connection: HTTPConnection,
        receive: Receive,
        caller: Caller,
        key: str | None,
        streams: bytes,
    ) -> Reply:
        if connection.scope["method"] != "POST":
            details = failure("GENERAL", "Use POST.", key)
            return Reply(405, details, {"allow": "POST, OPTIONS"})
        headers = connection.headers
        limit = self._services.settings.max_body_bytes
        subject = subject_of(await read_body(headers, receive, limit=limit))
        context = Context(caller, self._services)
        coded = headers.get(CODE_DEFAULT) == "1"
        if key is not None:
            return await self._one(context, subject, key, coded=coded)
        await self._catch_up(connection.scope["query_string"], caller.environment_id)
        found = await self._every(context, subject)
        written = self.written(caller.environment_id)
        etag = written.etag(found, coded=coded, streams=streams)
        if still_holds(headers.get("if-none-match", ""), etag):
            return Reply(304, headers={"etag": etag})
        return Reply(
            200, written.bulk(found, coded=coded, streams=streams), {"etag": etag}
        )

    async def _one(
        self, context: Context, subject: SubjectContext, key: str, *, coded: bool
    ) -> Reply:
        if _KEY.fullmatch(key):
            found = await assigned(context, subject, [key])
            decision = found.decisions[key]
            if decision is not None:
                written = self.written(context.caller.environment_id)
                return Reply(200, written.one(decision, found.version, coded=coded))
        raise Unanswerable("FLAG_NOT_FOUND", "There is no such flag.", status=404)

    async def _every(self, context: Context, subject: SubjectContext) -> Given:
        """All decisions; where one cannot be made, the others are."""
        try:
            return await assigned(context, subject, None)
        except Exception as crash:
            if not is_unreachable(crash):
                LOGGER.error("flags not evaluated at once", exc_info=crash)
        definitions = self._services.definitions
        snapshot = await definitions.snapshot(context.caller.environment_id)
        decisions: dict[str, Decision | None] = {}
        for key in snapshot.phases:
            try:
                decisions.update((await assigned(context, subject, [key])).decisions)
            except Exception as crash:
                decisions[key] = None
                if not is_unreachable(crash):
                    said = {"fields": {"flag": key}}
                    LOGGER.error("flag not evaluated", exc_info=crash, extra=said)
        return Assigned(snapshot.version, decisions)

    async def _catch_up(self, query: bytes, environment_id: UUID) -> None:
        """Serve no less than the version that a stream has told the caller of."""
        if b"flagConfigEtag" not in query:
            return
        told = parse_qs(query.decode("ascii", "replace")).get("flagConfigEtag", [""])
        definitions = self._services.definitions
        snapshot = await definitions.snapshot(environment_id)
        ahead = _VERSION.fullmatch(told[0]) and int(told[0]) > snapshot.version
        if ahead and time.monotonic() - self._caught_up > CATCH_UP_SECONDS:
            # Whatever callers claim to have been told, the database is asked seldom.
            self._caught_up = time.monotonic()
            with suppress(Unreachable):
                await definitions.catch_up()

    def written(self, environment_id: UUID) -> Fragments:
        """What was written of an environment's flags."""
        found = self._fragments.get(environment_id)
        if found is None:
            found = self._fragments[environment_id] = Fragments(environment_id)
        return found


def _key(path: str) -> str | None:
    """The flag that a path names; None where it asks for all."""
    return path.rpartition(FLAGS)[2].strip("/")[:256] or None


def _crashed(crash: Exception, scope: Scope) -> Reply:
    error_id = str(new_id())
    request_id = (scope.get("state") or {}).get("request_id", "")
    fields = {"errorId": error_id, "requestId": request_id}
    LOGGER.error("request failed", exc_info=crash, extra={"fields": fields})
    details = f"Something went wrong here. The error's id is {error_id}."
    return Reply(500, failure("GENERAL", details))


async def _send(send: Send, reply: Reply, shared: Mapping[str, str]) -> None:
    headers = {**shared, **reply.headers}
    if reply.status not in (204, 304):
        headers["content-length"] = str(len(reply.body))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": reply.status, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": reply.body})
