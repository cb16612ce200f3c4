"""What was written of each decision, kept by identity within a bound of bytes."""

from collections.abc import Mapping
from weakref import WeakSet

from api.composed.assigned import Everything
from api.graphql.assignments import Assignment
from api.prepared.shapes import Show, as_json
from experiments.assignment.definitions import Base
from experiments.assignment.evaluator import Decision
from experiments.assignment.subjects import MAX_BASES

MAX_BYTES = 8 * 1024 * 1024
_OVERHEAD = 200
"""What keeping one fragment takes beside its bytes, roughly."""


class Room:
    """The memory that the plans of one owner share; what does not fit is forgotten.

    Nobody's requests make another owner forget, for each has a room of its own.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._listings: WeakSet[Listing] = WeakSet()
        self._version = -1
        self.used = 0

    def at(self, version: int) -> None:
        """Forget what was written of other definitions, and so the definitions."""
        if version != self._version:
            self.forget()
            self._version = version

    def enter(self, listing: "Listing") -> None:
        """Let one more listing keep what it wrote, for as long as its plan is kept."""
        self._listings.add(listing)

    def forget(self) -> None:
        """Make room."""
        for listing in self._listings:
            listing.forget()
        self.used = 0

    def take(self, size: int) -> None:
        """Note what was kept; if that was too much, nothing is kept any more."""
        self.used += size
        if self.used > self._limit:
            self.forget()


class Listing:
    """One selection of assignments, written from fragments made before."""

    def __init__(self, show: Show, room: Room) -> None:
        self._show = show
        self._room = room
        self._known: dict[Decision, bytes] = {}
        self._bases: dict[Base, list[bytes]] = {}
        room.enter(self)

    def forget(self) -> None:
        """Keep nothing; it can all be written again."""
        self._known = {}
        self._bases = {}

    def everything(self, found: Everything) -> bytes:
        """All decisions: those of the base as they were, the others in their places."""
        version = found.version
        self._room.at(version)
        relevant, known = found.relevant, self._known
        base = self._bases.get(relevant.base)
        if base is None:
            base = self._base(relevant.base, version)
        written = base.copy()
        for place, decision in zip(relevant.places, relevant.decisions, strict=True):
            written[place] = known.get(decision) or self._fragment(decision, version)
        return b"[" + b",".join(written) + b"]"

    def qualified(self, found: Everything) -> bytes:
        """Only the decisions of what lets the subject in."""
        version = found.version
        self._room.at(version)
        known, decisions = self._known, found.qualified
        try:
            written = [known[decision] for decision in decisions]
        except KeyError:
            written = [self._fragment(decision, version) for decision in decisions]
        return b"[" + b",".join(written) + b"]"

    def listed(self, version: int, decisions: Mapping[str, Decision | None]) -> bytes:
        """Some decisions, by key."""
        self._room.at(version)
        written = [
            as_json(self._show(Assignment.of(key, None, version)))
            if decision is None
            else self._fragment(decision, version)
            for key, decision in decisions.items()
        ]
        return b"[" + b",".join(written) + b"]"

    def _base(self, base: Base, version: int) -> list[bytes]:
        written = [self._fragment(each, version) for each in base.decisions]
        if len(self._bases) < MAX_BASES:
            self._bases[base] = written
            self._room.take(8 * len(written))
        return written

    def _fragment(self, decision: Decision, version: int) -> bytes:
        found = self._known.get(decision)
        if found is None:
            key = decision.phase.definition.experiment_key
            found = as_json(self._show(Assignment.of(key, decision, version)))
            self._known[decision] = found
            self._room.take(len(found) + _OVERHEAD)
        return found
