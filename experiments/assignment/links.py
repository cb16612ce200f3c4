"""What linked ids keep, beside a snapshot whose definitions never change.

A link is made at many a sign-up. It moves no version and compiles nothing: whoever
caches by snapshot or version need not hear of it, for its decisions are the same
objects as before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.conditions import Attributes
from core.hashing import attribute_text
from experiments.assignment.decisions import CompiledPhase


@dataclass(frozen=True, slots=True)
class LinkChange:
    """An id keeps a variant of a phase from now on; None is nothing any more."""

    phase_id: UUID
    attribute: str
    text: str
    variant_key: str | None


class Links:
    """The links of a snapshot's phases, found by id. Only its event loop writes."""

    def __init__(self, phases: Sequence[CompiledPhase], revision: int) -> None:
        self.revision = revision
        """Counts the environment's changes of links; the last one that is in here."""
        self._phases = {
            phase.definition.phase_id: (place, phase)
            for place, phase in enumerate(phases)
        }
        self._places: dict[str, dict[str, set[int]]] = {}
        self.count = 0
        """Never falls: what was taken back still has its place."""
        for place, phase in self._phases.values():
            for attribute, by_text in phase.linked.items():
                for text in by_text:
                    self._add(attribute, text, place)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._places)

    def take(self, changes: Iterable[LinkChange], revision: int) -> None:
        """Take in what changed, in order; a phase that is not served is passed over."""
        for change in changes:
            if (served := self._phases.get(change.phase_id)) is not None:
                place, phase = served
                phase.link(change.attribute, change.text, change.variant_key)
                self._add(change.attribute, change.text, place)
        self.revision = revision

    def places(self, attributes: Attributes) -> set[int]:
        """The phases in which one of the subject's ids may keep something."""
        found: set[int] = set()
        for attribute, by_text in self._places.items():
            text = attribute_text(attributes.get(attribute))
            if text is not None and text in by_text:
                found |= by_text[text]
        return found

    def _add(self, attribute: str, text: str, place: int) -> None:
        places = self._places.setdefault(attribute, {}).setdefault(text, set())
        self.count += place not in places
        places.add(place)
