"""What the evaluator knows: experiments compiled once for each published version."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.conditions import Attributes
from experiments.assignment.decisions import CompiledPhase, Decision
from experiments.assignment.evaluator import compiled_phase
from experiments.assignment.links import LinkChange, Links
from experiments.assignment.phases import (
    HoldoutDefinition,
    Kept,
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    Serving,
    ShippedDefinition,
    VariantDefinition,
)
from experiments.assignment.subjects import Base, Directory, Relevant

__all__ = [
    "Base",
    "CompiledPhase",
    "HoldoutDefinition",
    "Kept",
    "LayerSlots",
    "LinkChange",
    "PhaseDefinition",
    "Prerequisite",
    "Relevant",
    "Serving",
    "ShippedDefinition",
    "Snapshot",
    "VariantDefinition",
]

MAX_PREREQUISITE_DEPTH = 10
"""Longer chains of prerequisites, as circles, are never met."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Snapshot:
    """Everything published in one environment at one version; never changed.

    Beside it, `links` says what linked ids keep; it alone moves while it is served.
    Its decisions are its own: the same phase, variant and cause is the same object,
    so that a consumer may keep what it made of one, by identity, for this snapshot.
    """

    version: int
    phases: Mapping[str, CompiledPhase]
    """By experiment key, in the order of the keys."""
    directory: Directory
    links: Links

    @classmethod
    def of(
        cls, version: int, definitions: Iterable[PhaseDefinition], revision: int = 0
    ) -> "Snapshot":
        """Compile the phases of one environment, with its links as of a revision."""
        compiled = _compiled({each.experiment_key: each for each in definitions})
        _agree(compiled.values())
        phases = dict(sorted(compiled.items()))
        links = Links(tuple(phases.values()), revision)
        return cls(
            version=version,
            phases=MappingProxyType(phases),
            directory=Directory(tuple(phases.values()), links),
            links=links,
        )

    def decide_all(
        self, sent_first: Attributes, stored_first: Attributes | None = None
    ) -> list[Decision]:
        """What every experiment gives, in the order of `phases`.

        Features are evaluated with the first attributes and limits and flows with the
        second, where there are any. The cost follows the experiments that target the
        subject, not those that exist.
        """
        found = self.relevant(sent_first, stored_first)
        decisions = list(found.base.decisions)
        for place, decision in zip(found.places, found.decisions, strict=True):
            decisions[place] = decision
        return decisions

    def relevant(
        self, sent_first: Attributes, stored_first: Attributes | None = None
    ) -> Relevant:
        """The decisions that had to be made, and what all the others are."""
        return self.directory.relevant(sent_first, stored_first)


def _compiled(
    definitions: Mapping[str, PhaseDefinition],
) -> dict[str, CompiledPhase]:
    """Parents before those that build on them; what stays over builds on a circle."""
    done: dict[str, CompiledPhase] = {}
    for _ in range(MAX_PREREQUISITE_DEPTH + 1):
        ready = [
            definition
            for key, definition in definitions.items()
            if key not in done
            and all(each.experiment_key in done for each in definition.prerequisites)
        ]
        done |= {each.experiment_key: compiled_phase(each, done) for each in ready}
    return done | {
        key: compiled_phase(definition)
        for key, definition in definitions.items()
        if key not in done
    }


def _agree(phases: Collection[CompiledPhase]) -> None:
    """Ask what requires each other with the same attributes: one subject, one answer.

    A limit that takes the word on record makes all that hang together take it.
    """
    moved = True
    while moved:
        moved = False
        for phase in phases:
            for parent in phase.parents.values():
                if phase.sent_first != parent.sent_first:
                    phase.sent_first = parent.sent_first = False
                    moved = True
