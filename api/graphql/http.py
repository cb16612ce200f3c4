"""GraphQL over HTTP: negotiation, the refusals' statuses, and nothing else."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.ahead import ASKED
from api.auth import (
    SUBJECT_HEADER,
    Caller,
    Credentials,
    Gate,
    credentials_of,
)
from api.body import read_body
from api.context import Context
from api.decoding import (
    GraphQLRequest,
    decode_object,
    decode_parameters,
    request_of,
)
from api.documents import Documents, Invalidated
from api.execution import Answer, answer, authorise, refused_document
from api.pages import ANY, open_to_pages
from api.problems import Malformed, Refused, forbidden, unauthenticated
from api.rates import retry_headers
from api.registry import check_hash, hash_named
from api.services import Services

MODERN = "application/graphql-response+json"
LEGACY = "application/json"
_ACCEPTED = {MODERN: MODERN, LEGACY: LEGACY, "application/*": MODERN, "*/*": LEGACY}
PREFLIGHT = {
    **ANY,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, if-none-match, "
    "x-api-key, x-hone-subject",
    "access-control-max-age": "600",
}


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: dict[str, Any]
    kept: bool = False
    """Whether the client may keep it and ask whether it still holds."""


class GraphQLEndpoint:
    """The ASGI application behind POST and GET /graphql."""

    def __init__(self, services: Services, gate: Gate, documents: Documents) -> None:
        self._services = services
        self._gate = gate
        self._documents = documents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connection = HTTPConnection(scope)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
            return
        credentials = credentials_of(connection)
        caller: Caller | None = None
        media = LEGACY
        headers: dict[str, str] = {"vary": "accept, origin"}
        try:
            media = accepted(connection.headers.get("accept", ""))
            caller = await self._gate.caller(credentials)
            reply = await self._reply(scope, connection, receive, caller, credentials)
        except Malformed as problem:
            reply = _Reply(problem.status, problem.body())
            if problem.status == 405:
                headers["allow"] = "GET, POST"
        except Refused as problem:
            reply = _Reply(problem.status, problem.body())
            headers.update(retry_headers(problem))
            if media == LEGACY and problem.status < 405:
                reply = _Reply(200, problem.body())
        else:
            if media == LEGACY and reply.status == 400:
                reply = _Reply(200, reply.body)
        origin = connection.headers.get("origin", "")
        headers.update(open_to_pages(credentials, caller, origin))
        content = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
        response = Response(
            content,
            status_code=reply.status,
            media_type=f"{media}; charset=utf-8",
            headers=headers,
        )
        if reply.kept:
            response = _kept(response, connection.headers.get("if-none-match", ""))
        await response(scope, receive, send)

    async def _reply(
        self,
        scope: Scope,
        connection: HTTPConnection,
        receive: Receive,
        caller: Caller | None,
        credentials: Credentials,
    ) -> _Reply:
        if scope["method"] not in ("GET", "POST"):
            raise Malformed("METHOD_NOT_ALLOWED", "Use POST.", status=405)
        if caller is None:
            raise unauthenticated(shown=credentials.shown)
        self._services.rates.admit(scope, caller)
        asked = await self._read(scope, connection, receive)
        check_hash(asked)
        name = hash_named(asked)
        if name is not None:
            text = await self._services.registry.text(caller.environment_id, name)
            asked = {**asked, "query": text}
        elif scope["method"] == "GET" and not caller.may_introspect:
            raise forbidden(
                "A client key may GET registered documents only: send this by POST, or "
                "register it (docs/front-ends.md)."
            )
        done = await self._execute(scope, request_of(asked), caller)
        kept = scope["method"] == "GET" and name is not None
        return _Reply(done.status, done.body, kept=kept and "errors" not in done.body)

    async def _read(
        self,
        scope: Scope,
        connection: HTTPConnection,
        receive: Receive,
    ) -> dict[str, Any]:
        asked: dict[str, Any] | None = scope.get(ASKED)
        if asked is not None:
            return asked
        if scope["method"] == "GET":
            return decode_parameters(scope["query_string"])
        content_type = connection.headers.get("content-type", "")
        if not is_json(content_type):
            raise Malformed(
                "UNSUPPORTED_MEDIA_TYPE", "Send application/json.", status=415
            )
        body = await read_body(
            connection.headers, receive, limit=self._services.settings.max_body_bytes
        )
        return decode_object(body)

    async def _execute(
        self, scope: Scope, request: GraphQLRequest, caller: Caller
    ) -> Answer:
        try:
            operation = self._documents.operation(request)
        except Invalidated as problem:
            return refused_document(problem)
        if operation.kind is OperationType.MUTATION and scope["method"] == "GET":
            raise Malformed("METHOD_NOT_ALLOWED", "Mutations use POST.", status=405)
        if operation.kind is OperationType.SUBSCRIPTION:
            raise Refused("BAD_REQUEST", "Subscriptions use graphql-transport-ws.")
        authorise(caller, operation)
        state = scope.get("state") or {}
        context = Context(
            caller,
            self._services,
            state.get("request_id", ""),
            subject_token=Headers(scope=scope).get(SUBJECT_HEADER, ""),
        )
        done = await answer(
            self._documents.schema, operation, request.variables, context
        )
        outcome = "failed" if "errors" in done.body else "ok"
        self._services.measures.operated(operation.kind.value, outcome)
        return done


KEPT = {
    "cache-control": "private, no-cache",
    "vary": "accept, authorization, origin, x-api-key",
    "access-control-expose-headers": "etag",
}
"""What says of an answer to a registered document that its client may keep it."""


def etag_of(content: bytes) -> str:
    """The name of these very bytes."""
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def still_holds(if_none_match: str, etag: str) -> bool:
    """Whether the client has these bytes already."""
    named = (each.strip().removeprefix("W/") for each in if_none_match.split(","))
    return any(each in (etag, "*") for each in named)


def _kept(response: Response, if_none_match: str) -> Response:
    etag = etag_of(bytes(response.body))
    response.headers.update({**KEPT, "etag": etag})
    if not still_holds(if_none_match, etag):
        return response
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(status_code=304, headers=headers)


def accepted(header: str) -> str:
    """The media type to answer with; without a wish it is application/json.

    Raises:
        Malformed: Nothing that is accepted is spoken here (406).
    """
    if not header.strip():
        return LEGACY
    best: tuple[float, str] | None = None
    for item in header.split(","):
        name, _, parameters = item.partition(";")
        media = _ACCEPTED.get(name.strip().lower())
        weight = _weight(parameters)
        if media is not None and weight > 0 and (best is None or weight > best[0]):
            best = (weight, media)
    if best is None:
        raise Malformed("NOT_ACCEPTABLE", f"Accept {MODERN} or {LEGACY}.", status=406)
    return best[1]


def is_json(content_type: str) -> bool:
    """Whether a content type is JSON in UTF-8."""
    name, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    return name.strip().lower() == LEGACY and charset in ("", "charset=utf-8")


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
