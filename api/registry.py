"""Registered documents in memory, by environment and hash."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema

from api.documents import Invalidated, checked
from api.problems import Malformed, Refused
from core.database import Sessions, Unreachable
from core.documents import MAX_BYTES, registered
from core.problems import Invalid

PATIENCE_SECONDS = 2.0
"""How long a hash that is not known is not looked for again."""
FRESH_SECONDS = 60.0
"""How long a document that was removed elsewhere may still be answered here."""
MAX_ENVIRONMENTS = 256

_HASH = re.compile(r"[0-9a-f]{64}")


class UnknownDocument(Refused):
    """No such document is registered: said as every client of such hashes expects."""

    def __init__(self) -> None:
        super().__init__("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


@dataclass(frozen=True, slots=True)
class _Kept:
    texts: Mapping[str, str]
    read_at: float


class Registry:
    """Reads an environment's documents when a hash is asked for that it does not know.

    A document is never changed, only removed, so what is in memory is right for a
    minute; what is not there is looked for every two seconds at most, whatever hashes
    callers make up. With the database away what is known stays known.
    """

    def __init__(
        self, readers: Sessions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._readers = readers
        self._clock = clock
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._reading = asyncio.Lock()

    def known(self, environment_id: UUID, name: str) -> str | None:
        """The text with a hash, if it is in memory."""
        kept = self._kept.get(environment_id)
        if kept is None or self._clock() - kept.read_at > FRESH_SECONDS:
            return None
        return kept.texts.get(name)

    async def text(self, environment_id: UUID, name: str) -> str:
        """The text with a hash.

        Raises:
            UnknownDocument: There is none.
        """
        found = self.known(environment_id, name)
        if found is None:
            await self._read(environment_id)
            found = self.known(environment_id, name)
        if found is None:
            raise UnknownDocument
        return found

    def forget(self, environment_id: UUID) -> None:
        """Something was registered or removed: read all of them for the next hash."""
        self._kept.pop(environment_id, None)

    async def _read(self, environment_id: UUID) -> None:
        async with self._reading:
            kept, asked = self._kept.get(environment_id), self._clock()
            if kept is not None and asked - kept.read_at < PATIENCE_SECONDS:
                return
            try:
                async with self._readers() as session:
                    rows = await registered(session, environment_id)
            except Unreachable:
                if kept is None:
                    raise
                texts = kept.texts
            else:
                texts = {row.sha256: row.text for row in rows}
            self._kept[environment_id] = _Kept(texts, asked)
            self._kept.move_to_end(environment_id)
            while len(self._kept) > MAX_ENVIRONMENTS:
                self._kept.popitem(last=False)


def hash_named(asked: Mapping[str, Any]) -> str | None:
    """The hash that stands for the document of a request, which then has no text.

    A text that comes with a hash is the document, whatever the hash.
    """
    extensions = asked.get("extensions")
    if asked.get("query") or not isinstance(extensions, dict):
        return None
    named = extensions.get("persistedQuery")
    if not isinstance(named, dict) or named.get("version") != 1:
        return None
    name = named.get("sha256Hash")
    if not isinstance(name, str) or not _HASH.fullmatch(name):
        return None
    return name


def check_hash(asked: Mapping[str, Any]) -> None:
    """Refuse what stands where a hash should, in a request without a document.

    Raises:
        Malformed: Its version or its hash is none.
    """
    extensions = asked.get("extensions")
    if asked.get("query") or not isinstance(extensions, dict):
        return
    if "persistedQuery" in extensions and hash_named(asked) is None:
        raise Malformed(
            "BAD_REQUEST",
            "`extensions.persistedQuery` has `version` 1 and a `sha256Hash` of 64 hex "
            "digits in lower case.",
        )


def check_text(schema: GraphQLSchema, text: str) -> None:
    """Let only valid documents into the registry.

    Raises:
        Invalid: It is too large, does not parse, or does not fit the schema.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _invalid(f"A document has at most {MAX_BYTES} bytes.")
    try:
        checked(schema, text)
    except Refused as problem:
        raise _invalid(problem.message) from None
    except Invalidated as problem:
        raise _invalid(problem.errors[0].message[:500]) from None


def _invalid(message: str) -> Invalid:
    return Invalid(message, code="DOCUMENT_INVALID", path=("text",))
