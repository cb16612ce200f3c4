"""POST /v1/events: a JSON array or NDJSON, each event answered by its index."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.auth import Caller, CallerKind, Gate, credentials_of
from api.body import read_body
from api.composed.ingestion import take_events
from api.context import Context
from api.graphql.http import PREFLIGHT
from api.http.event_words import told
from api.pages import open_to_pages
from api.policies import Policy
from api.problems import (
    Malformed,
    Refused,
    forbidden,
    unauthenticated,
    unavailable,
)
from api.rates import retry_headers
from api.services import Services
from core.database import is_unreachable
from core.problems import Invalid
from experiments.events.ingest import MAX_ITEMS, Receipt, Unreadable
from experiments.events.log import NewEvent

BATCH_HEADER = "x-hone-batch"
MAX_ITEM_BYTES = 65_536
"""Bytes of one event: eight times what its properties may take."""
MAX_LINES = 2 * MAX_ITEMS
"""Lines of one body, blank ones included."""
MAX_VALUES = 80 * MAX_ITEMS
"""Members and items in one body: of the largest batch, each with all properties."""

_BATCH = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_ARRAY = "application/json"
_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class Item(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """One event as it is sent; an unknown field is a mistake, not a property."""

    id: str
    name: str
    user_id: str | None = None
    anonymous_id: str | None = None
    account_id: str | None = None
    at: Instant | None = None
    value: Decimal | None = None
    properties: dict[str, object] = msgspec.field(default_factory=dict)
    experiment_key: str | None = None
    variant_key: str | None = None
    phase: int | None = None


class _Named(msgspec.Struct, frozen=True):
    id: str = ""


_ITEM = msgspec.json.Decoder(Item)
_ITEMS = msgspec.json.Decoder(list[Item])
_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
_NAMED = msgspec.json.Decoder(_Named)


def routes() -> list[BaseRoute]:
    """What the application mounts."""
    return [
        Route("/v1/events", receive_events, methods=["POST"]),
        Route("/v1/events", preflight, methods=["OPTIONS"]),
    ]


async def preflight(_request: Request) -> Response:
    """Let a page ask before it sends."""
    return Response(status_code=204, headers=PREFLIGHT)


async def receive_events(request: Request) -> JSONResponse:
    """Take a batch. 200 means that what was accepted is durable."""
    caller: Caller | None = None
    try:
        context = await _context(request)
        caller = context.caller
        answer = await _received(request, context)
    except Refused as refusal:
        answer = _refused(refusal)
    except Invalid as problem:
        answer = _refused(Malformed(problem.code, problem.message, status=413))
    except Exception as crash:
        if not is_unreachable(crash):
            raise
        # What was stored of it before is known by its ids when it is sent again.
        answer = _refused(unavailable())
    origin = request.headers.get("origin", "")
    answer.headers.update(open_to_pages(credentials_of(request), caller, origin))
    answer.headers["vary"] = "origin"
    return answer


async def _received(request: Request, context: Context) -> JSONResponse:
    batch_id = _batch_id(request, context.caller)
    limit = context.settings.max_ingest_bytes
    body = await read_body(request.headers, request.receive, limit=limit)
    items = decode_items(body, request.headers.get("content-type", _ARRAY))
    return JSONResponse(_shown(await take_events(context, items, batch_id=batch_id)))


def decode_items(body: bytes, content_type: str) -> Sequence[NewEvent | Unreadable]:
    """Read a body; an item that is no event stands in its place as unreadable.

    Raises:
        Malformed: The body as a whole is neither a JSON array nor lines.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _LINES:
        if body.count(b"\n") > MAX_LINES:
            raise _too_many()
        return [_item(line) for line in body.split(b"\n") if line.strip()]
    if media_type != _ARRAY:
        raise Malformed(
            "UNSUPPORTED_MEDIA_TYPE",
            "Send application/json or application/x-ndjson.",
            status=415,
        )
    if len(body) > MAX_ITEM_BYTES and _has_large_part(body):
        return list(_one_by_one(body))
    try:
        return [_event(item) for item in _ITEMS.decode(body)]
    except msgspec.ValidationError:
        return list(_one_by_one(body))
    except (ValueError, RecursionError):
        raise _no_array() from None


def _has_large_part(body: bytes) -> bool:
    """Whether an item is larger than any event, seen without reading it."""
    if body.count(b",") > MAX_VALUES:
        raise _too_many()
    return any(memoryview(part).nbytes > MAX_ITEM_BYTES for part in _parts(body))


def _parts(body: bytes) -> list[msgspec.Raw]:
    try:
        parts = _PARTS.decode(body)
    except (ValueError, RecursionError):
        raise _no_array() from None
    if len(parts) > MAX_ITEMS:
        raise _too_many()
    return parts


def _one_by_one(body: bytes) -> Iterator[NewEvent | Unreadable]:
    for part in _parts(body):
        yield _item(bytes(part))


def _item(part: bytes) -> NewEvent | Unreadable:
    if len(part) > MAX_ITEM_BYTES:
        message = f"An event has at most {MAX_ITEM_BYTES:,} bytes."
        return Unreadable(id=_id_in(part), message=message)
    try:
        return _event(_ITEM.decode(part))
    except (ValueError, RecursionError) as error:
        return Unreadable(id=_id_in(part), message=told(error))


def _id_in(part: bytes) -> str:
    """The item's id, if that much of it can be read; the rest is passed over."""
    try:
        return _NAMED.decode(part).id[:128]
    except (ValueError, RecursionError):
        return ""


def _event(item: Item) -> NewEvent:
    return NewEvent(
        id=item.id,
        name=item.name,
        user_id=item.user_id,
        anonymous_id=item.anonymous_id,
        account_id=item.account_id,
        occurred_at=item.at,
        value=item.value,
        properties=item.properties,  # type: ignore[arg-type]
        experiment_key=item.experiment_key,
        variant_key=item.variant_key,
        phase=item.phase,
    )


def _too_many() -> Malformed:
    return Malformed(
        "TOO_MANY_EVENTS", f"A request has at most {MAX_ITEMS:,} events.", status=413
    )


def _no_array() -> Malformed:
    return Malformed("BAD_REQUEST", "The body is a JSON array of events, in UTF-8.")


async def _context(request: Request) -> Context:
    gate: Gate = request.app.state.gate
    services: Services = request.app.state.services
    credentials = credentials_of(request)
    caller = await gate.caller(credentials)
    if caller is None:
        raise unauthenticated(shown=credentials.shown)
    services.rates.admit(request.scope, caller)
    if Policy.INGEST not in caller.capabilities:
        raise forbidden("This credential may not send events.")
    return Context(caller=caller, services=services)


def _batch_id(request: Request, caller: Caller) -> str | None:
    batch_id = request.headers.get(BATCH_HEADER)
    if batch_id is None:
        return None
    if caller.kind is CallerKind.CLIENT:
        raise forbidden("A client key imports nothing: use a server key.")
    if not _BATCH.fullmatch(batch_id):
        raise Malformed("BAD_BATCH", "A batch's name has 1 to 128 plain characters.")
    return batch_id


def _refused(refusal: Refused) -> JSONResponse:
    return JSONResponse(
        refusal.body(), status_code=refusal.status, headers=retry_headers(refusal)
    )


def _shown(receipt: Receipt) -> dict[str, object]:
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "moved": receipt.moved,
        "rejected": [
            {
                "index": verdict.index,
                "id": verdict.id,
                "code": verdict.code,
                "message": verdict.message,
            }
            for verdict in receipt.rejected
        ],
    }
