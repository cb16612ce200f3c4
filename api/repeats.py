"""Answers to requests that come again just as they were.

A front-end asks the same at every page, in the same bytes. What it is told depends on
those bytes, on the credential, and on what the decisions were made from. So an answer
is kept with its bases, and given again for as long as each of them holds.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import ref

from api.composed.assigned import Everything
from api.services import Services
from core.subjects import SubjectContext
from experiments.assignment.definitions import Snapshot

OWNER_BYTES = 32 * 1024 * 1024
ALL_BYTES = 64 * 1024 * 1024
_OVERHEAD = 1_000
"""What keeping an answer takes beside its bytes, roughly."""
_SEEN = 32_768
"""Requests that are remembered as seen, twice: these and as many before them."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Basis:
    """What one subject's decisions were made from: served definitions, and traits."""

    snapshot: "ref[Snapshot]"
    links: int
    subject: SubjectContext | None
    """Whose traits on record were asked for; None where those sent were enough."""
    stored: Mapping[str, Any] | None

    @classmethod
    def of(cls, found: Everything, subject: SubjectContext) -> "Basis":
        """What was found just now, and of whom."""
        snapshot = found.index.snapshot()
        links = -1 if snapshot is None else snapshot.links.revision
        named = None if found.stored is None else subject
        return cls(found.index.snapshot, links, named, found.stored)

    def holds(self, services: Services, environment_id: UUID) -> bool:
        """Whether the same decisions would be made from what is there now."""
        held = services.definitions.held(environment_id)
        if held is None or held is not self.snapshot():
            return False
        if held.links.revision != self.links:
            return False
        if self.subject is None:
            return True
        return services.traits.fresh(environment_id, self.subject) == self.stored


class Repeats(Generic[Kept]):
    """Answers by owner and by the bytes of the request, the last used at the end.

    Only what came twice is kept. Each owner has a bound of its own, and of what all of
    them keep it is the one with the most that forgets: nobody pushes out another's.
    """

    def __init__(
        self, *, owner_bytes: int = OWNER_BYTES, all_bytes: int = ALL_BYTES
    ) -> None:
        self._owner_bytes = owner_bytes
        self._all_bytes = all_bytes
        self._owners: dict[Hashable, _Owner[Kept]] = {}
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._used = 0

    def find(self, owner: Hashable, asked: bytes) -> Kept | None:
        """What was kept for this request; whether it still holds is to be asked."""
        known = self._owners.get(owner)
        if known is None:
            return None
        found = known.answers.get(asked)
        if found is None:
            return None
        known.answers.move_to_end(asked)
        return found[0]

    def keep(self, owner: Hashable, asked: bytes, answer: Kept, size: int) -> None:
        """Keep an answer of this many bytes, if the request was seen before."""
        if self._is_new(hash((owner, asked))):
            return
        size += len(asked) + _OVERHEAD
        if size > self._owner_bytes:
            return
        known = self._owners.setdefault(owner, _Owner())
        self._used += known.put(asked, answer, size)
        while known.used > self._owner_bytes:
            self._used -= known.forget()
        while self._used > self._all_bytes:
            self._shrink()

    def _is_new(self, sighting: int) -> bool:
        if sighting in self._seen:
            return False
        if len(self._seen) >= _SEEN:
            self._seen, self._seen_before = set(), self._seen
        self._seen.add(sighting)
        return sighting not in self._seen_before

    def _shrink(self) -> None:
        owner, most = max(self._owners.items(), key=lambda each: each[1].used)
        self._used -= most.forget()
        if not most.answers:
            del self._owners[owner]


class _Owner(Generic[Kept]):
    """One credential's answers."""

    def __init__(self) -> None:
        self.answers: OrderedDict[bytes, tuple[Kept, int]] = OrderedDict()
        self.used = 0

    def put(self, asked: bytes, answer: Kept, size: int) -> int:
        """Keep one; returns by how much more is used now."""
        _, before = self.answers.pop(asked, (None, 0))
        self.answers[asked] = answer, size
        self.used += size - before
        return size - before

    def forget(self) -> int:
        """Forget the one that was not used for longest; returns its size."""
        _, (_, size) = self.answers.popitem(last=False)
        self.used -= size
        return size
