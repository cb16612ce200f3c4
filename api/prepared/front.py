"""Assignments at the speed of the wire: an application ahead of the router.

A request is answered here if its document has a plan. Every other one, and every
refusal, is the router's: it is handed on as it came, the part of its body that was read
included. Who asks, how often, and what they may select is decided here as there.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from api.ahead import (
    ASKED,
    Heads,
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
from api.auth import Caller, Credentials, Gate
from api.decoding import decode_object, decode_parameters
from api.documents import Documents
from api.execution import DEADLINE_SECONDS, authorise
from api.prepared.answers import Answer, is_plain, media_of
from api.prepared.plans import Plan
from api.prepared.shapes import Unprepared
from api.prepared.shelves import MAX_REGISTERED, SIGHTINGS, Shelves
from api.problems import Refused
from api.records import LOGGER
from api.registry import hash_named
from api.repeats import Basis, Repeats
from api.services import Services
from api.wire import Reply
from core.database import Unreachable
from core.problems import Problem

MAX_BODY = 65_536
PLACE = "/graphql"
_DECLINED = "hone.declined"
"""Marks a request whose door found no plan: there is none a moment later either."""

_EXPECTED = (Unprepared, Refused, Problem, Unreachable, TimeoutError)


@dataclass(frozen=True, slots=True)
class _Repeat:
    """An answer from a plan, for whoever sends the same bytes again."""

    plan: Plan
    bases: tuple[Basis, ...]
    content: bytes
    name: str | None
    """The hash that named the document, which may be removed from the registry."""

    def holds(self, services: Services, caller: Caller) -> bool:
        """Whether the same would be answered now.

        Raises:
            Refused: The caller may not ask it any more.
        """
        authorise(caller, self.plan.operation)
        environment_id = caller.environment_id
        name, registry = self.name, services.registry
        if name is not None and registry.known(environment_id, name) is None:
            return False
        return all(basis.holds(services, environment_id) for basis in self.bases)


class Prepared:
    """Answers known documents; whatever else comes goes on to the application."""

    def __init__(
        self,
        services: Services,
        gate: Gate,
        documents: Documents,
        *,
        sightings: int = SIGHTINGS,
    ) -> None:
        self._services = services
        self._gate = gate
        self._shelves = Shelves(documents, sightings=sightings)
        self._registered = Shelves(documents, sightings=1, limit=MAX_REGISTERED)
        self._repeats: Repeats[_Repeat] = Repeats()
        self._limit = min(MAX_BODY, services.settings.max_body_bytes)

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The response to a request that is all here, where nothing has to be read.

        It is a door of the wire; None leaves the request to the application.
        """
        started = time.perf_counter()
        heads = heads_of(scope)
        media = media_of(heads.get(b"accept", b""))
        if media is None or not self._is_usual(scope, heads):
            return None
        caller = known_caller(self._gate, heads, key_of(heads))
        if caller is None:
            return None
        try:
            self._services.rates.admit(scope, caller)
            content, named = self._repeated(scope, body, caller)
        except Exception as reason:
            _report(reason)
            scope[_DECLINED] = True
            return None
        if content is None:
            return None
        answer = self._finished(scope, heads, caller, content, media, named=named)
        return replied(
            scope,
            heads,
            status=answer.status,
            headers=answer.headers,
            body=answer.content,
            measures=self._services.measures,
            place=PLACE,
            started=started,
        )

    def ahead_of(self, app: ASGIApp) -> ASGIApp:
        """The application with this ahead of it."""
        return ahead_at(PLACE, self._serve, app)

    async def _serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request, or pass it on."""
        if _DECLINED in scope:
            await app(scope, receive, send)
            return
        started = time.perf_counter()
        heads = heads_of(scope)
        media = media_of(heads.get(b"accept", b""))
        usual = media is not None and self._is_usual(scope, heads)
        caller = await self._caller(heads) if usual else None
        if caller is None or media is None:
            await app(scope, receive, send)
            return
        get = scope["method"] == "GET"
        body, messages = (b"", []) if get else await whole_body(receive, self._limit)
        try:
            content, named = await self._answer(scope, body, caller)
        except Exception as reason:
            _report(reason)
            await app(scope, again(messages, receive), send)
            return
        answer = self._finished(scope, heads, caller, content, media, named=named)
        await answered(
            scope,
            heads,
            send,
            status=answer.status,
            headers=answer.headers,
            body=answer.content,
            measures=self._services.measures,
            place=PLACE,
            started=started,
        )

    async def _caller(self, heads: Heads) -> Caller | None:
        """Whose key it is; None for whoever has another way in, or none."""
        key = key_of(heads)
        caller = known_caller(self._gate, heads, key)
        if caller is not None or not key:
            return caller
        environment = heads.get(b"x-hone-environment", b"")[:64].decode("latin-1")
        try:
            return await self._gate.caller(
                Credentials(key=key.decode("latin-1"), environment=environment)
            )
        except Exception:
            # The router asks again, and answers for whatever goes wrong.
            return None

    def _is_usual(self, scope: Scope, heads: Heads) -> bool:
        """Whether it names a document, or brings a small body of plain JSON."""
        if scope["method"] == "GET":
            return b"persistedQuery" in scope["query_string"]
        return (
            scope["method"] == "POST"
            and is_plain(heads.get(b"content-type", b""))
            and is_small(heads, self._limit)
        )

    def _repeated(
        self, scope: Scope, body: bytes, caller: Caller
    ) -> tuple[bytes | None, bool]:
        """What was answered before to these bytes, if it holds; else what is so now."""
        owner = caller.environment_id, caller.actor.id
        asked = body or scope["query_string"]
        kept = self._repeats.find(owner, asked)
        if kept is not None and kept.holds(self._services, caller):
            return kept.content, kept.name is not None
        plan, variables, name = self._asked(scope, body, caller)
        bases: list[Basis] = []
        content = plan.at_once(self._services, caller, variables, bases)
        if content is not None:
            answer = _Repeat(plan, tuple(bases), content, name)
            self._repeats.keep(owner, asked, answer, len(content))
        return content, name is not None

    async def _answer(
        self, scope: Scope, body: bytes | None, caller: Caller
    ) -> tuple[bytes, bool]:
        """The response's body, and whether a hash named the document."""
        plan, variables, name = self._asked(scope, body, caller)
        content = plan.at_once(self._services, caller, variables, [])
        if content is None:
            async with asyncio.timeout(DEADLINE_SECONDS):
                content = await plan.answer(self._services, caller, variables)
        return content, name is not None

    def _asked(
        self, scope: Scope, body: bytes | None, caller: Caller
    ) -> tuple[Plan, Mapping[str, Any], str | None]:
        """The plan, its variables and its hash, for whoever may have it."""
        if body is None or len(body) > self._limit:
            raise Unprepared("no whole body")
        self._services.rates.admit(scope, caller)
        get = scope["method"] == "GET"
        asked = scope.get(ASKED)
        if asked is None:
            query = scope["query_string"]
            asked = decode_parameters(query) if get else decode_object(body)
            scope[ASKED] = asked
        name = hash_named(asked)
        if get and name is None:
            raise Unprepared("no hash")
        plan, variables = self._plan(asked, name, caller), asked.get("variables")
        if plan is None or type(variables) not in (dict, type(None)):
            raise Unprepared("an unknown document")
        authorise(caller, plan.operation)
        return plan, variables or {}, name

    def _finished(
        self,
        scope: Scope,
        heads: Heads,
        caller: Caller,
        content: bytes,
        media: str,
        *,
        named: bool,
    ) -> Answer:
        answer = Answer(content, media, caller, heads)
        if scope["method"] == "GET":
            answer.keep(heads.get(b"if-none-match", b""))
        measures = self._services.measures
        measures.operated("query", "ok")
        measures.prepared("hash" if named else "text")
        return answer

    def _plan(
        self, asked: Mapping[str, Any], name: str | None, caller: Caller
    ) -> Plan | None:
        query, operation = asked.get("query"), asked.get("operationName")
        if name is not None:
            query = self._services.registry.known(caller.environment_id, name)
        if type(query) is not str or not query:
            return None
        if type(operation) not in (str, type(None)):
            return None
        if type(asked.get("extensions")) not in (dict, type(None)):
            return None
        if name is not None:
            shelf = self._registered.of(caller.environment_id)
        else:
            shelf = self._shelves.of((caller.environment_id, caller.actor.id))
        return shelf.plan(query, operation or None)


def _report(reason: Exception) -> None:
    """What was not foreseen is said; the router answers the request anyway."""
    if not isinstance(reason, _EXPECTED):
        LOGGER.error("not prepared", exc_info=reason)
