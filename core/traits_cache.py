"""Subjects' stored traits, remembered for a moment, and longer in need."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from core.database import Sessions, Unreachable
from core.reach import Reach
from core.read_batches import ReadBatches
from core.subjects import SubjectContext, SubjectKey, SubjectKind, traits_of

FRESH_SECONDS = 5.0
MAX_BYTES = 64 * 1024 * 1024
_ENTRY_BYTES = 512
"""What an entry costs beside its traits; most subjects have none."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


_Key = tuple[str, str]
_Place = tuple[int, str, str]
"""Environment, kind and id, as what hashes quickest: this is on the fast path."""


@dataclass(frozen=True, slots=True)
class _Entry:
    traits: Mapping[str, Any]
    read_at: float
    size: int


class Traits:
    """What is on record of subjects: the account's traits, the person's over them.

    `fresh` is the fast path: it never waits, and is None where a read is needed.
    `of` reads what is older than five seconds, also of subjects that have none.
    Whoever changes traits in this process calls `forget` once that is committed;
    another process's change is seen when the five seconds are over.

    While the database is away what was read last is served, however old; a subject
    that was never read then has nothing on record.
    """

    def __init__(
        self,
        readers: Sessions,
        *,
        reach: Reach | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._readers = readers
        self._reach = reach or Reach()
        self._max_bytes = max_bytes
        self._entries: OrderedDict[_Place, _Entry] = OrderedDict()
        self._size = 0
        self._changes = 0
        self._reads = ReadBatches[UUID, _Key, Mapping[str, Any]](self._read)

    def __len__(self) -> int:
        """How many subjects are remembered."""
        return len(self._entries)

    def fresh(
        self, environment_id: UUID, context: SubjectContext
    ) -> Mapping[str, Any] | None:
        """The traits on record if they were read just now; None: await `of`."""
        found: list[Mapping[str, Any]] = []
        oldest = time.monotonic() - FRESH_SECONDS
        place = environment_id.int
        for kind, known in _keys(context):
            entry = self._entries.get((place, kind, known))
            if entry is None or entry.read_at < oldest:
                return None
            if entry.traits:
                found.append(entry.traits)
        return _over(found)

    async def of(
        self, environment_id: UUID, context: SubjectContext
    ) -> Mapping[str, Any]:
        """The traits on record; of the last five seconds unless nobody can tell."""
        (traits,) = await self.of_each(environment_id, [context])
        return traits

    async def of_each(
        self, environment_id: UUID, contexts: Sequence[SubjectContext]
    ) -> list[Mapping[str, Any]]:
        """The same for many, in their order, with one query for all at most.

        Those who ask at the same moment share a query.
        """
        oldest = time.monotonic() - FRESH_SECONDS
        known: dict[_Key, Mapping[str, Any]] = {}
        lacking: set[_Key] = set()
        for key in {key for context in contexts for key in _keys(context)}:
            place = environment_id.int, *key
            entry = self._entries.get(place)
            if entry is not None:
                known[key] = entry.traits
                self._entries.move_to_end(place)
            if entry is None or entry.read_at < oldest:
                lacking.add(key)
        if lacking:
            known |= await self._reads.of(environment_id, lacking)
        return [
            _over([known.get(key, _NOTHING) for key in _keys(context)])
            for context in contexts
        ]

    def forget(self, environment_id: UUID, *subjects: SubjectKey) -> None:
        """These were just changed: read them anew. In need the old ones still do."""
        self._changes += 1
        for kind, known in subjects:
            place = environment_id.int, kind.value, known
            entry = self._entries.get(place)
            if entry is not None:
                self._entries[place] = replace(entry, read_at=float("-inf"))

    async def _read(
        self, environment_id: UUID, lacking: Set[_Key]
    ) -> Mapping[_Key, Mapping[str, Any]]:
        keys = sorted(lacking)
        asked, changes = time.monotonic(), self._changes
        try:
            async with self._reach.asking(), self._readers() as session:
                found = await traits_of(
                    session, environment_id, [_alone(key) for key in keys]
                )
        except Unreachable:
            return {}
        # A change while this was read may not be in it: it then counts as old.
        read_at = asked if changes == self._changes else float("-inf")
        known = dict(zip(keys, found, strict=True))
        for key, traits in known.items():
            self._remember((environment_id.int, *key), traits, read_at)
        return known

    def _remember(
        self, place: _Place, traits: Mapping[str, Any], read_at: float
    ) -> None:
        size = _ENTRY_BYTES
        if traits:
            size += 2 * len(msgspec.json.encode(traits))
        before = self._entries.pop(place, None)
        self._size += size - (0 if before is None else before.size)
        self._entries[place] = _Entry(traits, read_at, size)
        while self._size > self._max_bytes:
            self._size -= self._entries.popitem(last=False)[1].size


_ACCOUNT, _ANONYMOUS, _USER = (
    kind.value
    for kind in (SubjectKind.ACCOUNT, SubjectKind.ANONYMOUS, SubjectKind.USER)
)


def _keys(context: SubjectContext) -> list[_Key]:
    """Whose traits count, each over those before it."""
    keys: list[_Key] = []
    if context.account_id is not None:
        keys.append((_ACCOUNT, context.account_id))
    if context.anonymous_id is not None:
        keys.append((_ANONYMOUS, context.anonymous_id))
    if context.user_id is not None:
        keys.append((_USER, context.user_id))
    return keys


def _alone(key: _Key) -> SubjectContext:
    kind, known = key
    if kind == _ACCOUNT:
        return SubjectContext(account_id=known)
    if kind == _ANONYMOUS:
        return SubjectContext(anonymous_id=known)
    return SubjectContext(user_id=known)


def _over(layers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not layers:
        return _NOTHING
    return layers[0] if len(layers) == 1 else reduce(or_, map(dict, layers))
