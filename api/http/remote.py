"""Remote evaluation for SDKs of the GrowthBook family: values out, no rules."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Caller, Gate
from api.body import read_body
from api.decoding import decode_object
from api.http.listening import client_in, origin_of, preflight
from api.http.sdk import EXPOSED, PREFLIGHT, refused
from api.pages import shared_with
from api.problems import Malformed, Refused
from api.services import Services
from core.database import Unreachable
from core.subjects import ID_ATTRIBUTES, MAX_ID, SubjectContext
from experiments.assignment.definitions import Snapshot
from experiments.assignment.lowering import lowered
from experiments.assignment.payload import date_updated
from experiments.assignment.sdk import (
    Context,
    Definitions,
    Exposure,
    FeatureResult,
    evaluate_feature,
)

REMOTE = "/api/eval"
MAX_ATTRIBUTES = 100
MAX_FORCED = 200
MAX_URL = 8_192
AT_ONCE = 50
"""Features that are evaluated before other requests have their turn."""
_IDS = ("id", "anonymousId", "accountId")
_KEPT = ("key", "name", "phase", "hashAttribute", "hashVersion", "bucketVersion")
"""What a client needs of an experiment to report it; the rest is rules."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One subject, with what was sent and what is on record in both orders."""

    sent_first: Context
    stored_first: Context


class Remote:
    """The ASGI application that evaluates for one client key's environment."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self._services = services
        self._gate = gate
        self._compiled: WeakKeyDictionary[Snapshot, Definitions] = WeakKeyDictionary()
        self._compiling = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Nothing is recorded."""
        if scope["method"] == "OPTIONS":
            answer = await preflight(scope, self._gate, PREFLIGHT)
            await answer(scope, receive, send)
            return
        caller: Caller | None = None
        try:
            caller = await client_in(scope, self._gate)
            answer = await self._answer(scope, receive, caller)
        except (Refused, Unreachable) as problem:
            answer = refused(problem)
        answer.headers.update(shared_with(caller, origin_of(scope)))
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, caller: Caller) -> Response:
        if scope["method"] != "POST":
            raise Refused("METHOD_NOT_ALLOWED", "Use POST.", status=405)
        self._services.rates.admit(scope, caller)
        limit = self._services.settings.max_body_bytes
        body = await read_body(Headers(scope=scope), receive, limit=limit)
        asked = await self._asked(caller, decode_object(body))
        snapshot = await self._services.definitions.snapshot(caller.environment_id)
        definitions = await self._definitions(snapshot)
        content = msgspec.json.encode(await evaluated(snapshot, definitions, asked))
        headers = {**EXPOSED, "cache-control": "no-store"}
        return Response(content, 200, headers, "application/json")

    async def _definitions(self, snapshot: Snapshot) -> Definitions:
        """The rules of a snapshot, read once; a thousand take a second."""
        async with self._compiling:
            found = self._compiled.get(snapshot)
            if found is None:
                found = await asyncio.to_thread(_read, snapshot)
                self._compiled[snapshot] = found
        return found

    async def _asked(self, caller: Caller, asked: Mapping[str, Any]) -> Asked:
        """What was sent, and the traits on record; the ids are those that were sent."""
        sent = _member(asked, "attributes", dict, MAX_ATTRIBUTES)
        user, visitor, account = (_id(sent.get(name)) for name in _IDS)
        stored: Mapping[str, Any] = {}
        if user or visitor or account:
            subject = SubjectContext(user, visitor, account)
            stored = await self._services.traits.of(caller.environment_id, subject)
        told = {k: v for k, v in stored.items() if k not in ID_ATTRIBUTES}
        context = Context(
            attributes={**told, **sent},
            url=_member(asked, "url", str, MAX_URL),
            forced_variations=_member(asked, "forcedVariations", dict, MAX_FORCED),
            forced_features=_forced(_member(asked, "forcedFeatures", list, MAX_FORCED)),
        )
        return Asked(context, replace(context, attributes={**sent, **told}))


async def evaluated(
    snapshot: Snapshot, definitions: Definitions, asked: Asked
) -> dict[str, Any]:
    """The payload of one subject: each feature is its value, and what it exposes.

    As at every door for browsers, traits on record win where more than a feature is
    at stake: nobody gets a higher limit by a word about themselves.
    """
    features = {}
    for place, (key, phase) in enumerate(snapshot.phases.items(), 1):
        context = asked.sent_first if phase.sent_first else asked.stored_first
        features[key] = _collapsed(evaluate_feature(definitions, key, context))
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
    return {
        "status": 200,
        "features": features,
        "experiments": [],
        "savedGroups": {},
        "dateUpdated": date_updated(snapshot.version),
    }


def _read(snapshot: Snapshot) -> Definitions:
    return Definitions.of(lowered(snapshot))


def _collapsed(result: FeatureResult) -> dict[str, Any]:
    feature: dict[str, Any] = {"defaultValue": result.value}
    if result.exposures:
        tracks = [_track(exposure) for exposure in result.exposures]
        feature["rules"] = [{"force": result.value, "tracks": tracks}]
    return feature


def _track(exposure: Exposure) -> dict[str, Any]:
    """An exposure without the other variants and without who is let in."""
    published, chosen = exposure.experiment, exposure.result.get("variationId")
    experiment = {name: published[name] for name in _KEPT if name in published}
    for name in ("variations", "meta"):
        listed = enumerate(published.get(name) or ())
        experiment[name] = [each if at == chosen else {} for at, each in listed]
    return {"experiment": experiment, "result": exposure.result}


def _member(asked: Mapping[str, Any], name: str, kind: type[Any], most: int) -> Any:
    value = asked.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind) or len(value) > most:
        raise Malformed("BAD_INPUT", f"`{name}` is not what it should be, or too long.")
    return value


def _forced(pairs: list[Any]) -> dict[str, Any]:
    """Pairs of a feature's key and its value, as a map is written in JSON."""
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Malformed("BAD_INPUT", "`forcedFeatures` are pairs of key and value.")
    return dict(pairs)


def _id(value: object) -> str | None:
    named = isinstance(value, str) and 0 < len(value) <= MAX_ID
    return str(value) if named else None
