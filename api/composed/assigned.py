"""What a subject was given: by key, or as the difference from what everybody gets."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary, ref

from core.subjects import ID_ATTRIBUTES
from experiments.assignment.definitions import Base, CompiledPhase, Relevant, Snapshot
from experiments.assignment.evaluator import Cause, Decision
from experiments.assignment.subjects import MAX_BASES

UNTARGETED = frozenset({Cause.NOT_TARGETED, Cause.PREREQUISITE_UNMET, Cause.NO_UNIT})
"""What keeps a subject from qualifying, whatever its bucket."""


class Assigned:
    """What each experiment gives the subject, at one version of the definitions."""

    __slots__ = ("decisions", "version")

    decisions: Mapping[str, Decision | None]
    """By experiment key; None for a key that nothing is served under."""

    def __init__(self, version: int, decisions: Mapping[str, Decision | None]) -> None:
        self.version = version
        self.decisions = decisions

    def of_qualifying(self) -> "Assigned":
        """Only what the subject's attributes let it in to."""
        kept = {
            key: decision
            for key, decision in self.decisions.items()
            if decision is not None and decision.cause not in UNTARGETED
        }
        return Assigned(self.version, kept)

    @property
    def etag(self) -> str:
        """Changes with the definitions and with what this subject is given."""
        said = [
            f"{len(key)}:{key}" if given is None else _said(key, given)
            for key, given in self.decisions.items()
        ]
        return _etag(self.version, "".join(said).encode("utf-8", "surrogatepass"))


class Everything:
    """What all experiments give the subject, kept as what differs from its base.

    The etag covers the base and the differences, so that it costs what targets the
    subject and not what exists.
    """

    __slots__ = ("_qualified", "index", "qualifying", "relevant", "stored")

    def __init__(
        self,
        index: "Index",
        relevant: Relevant,
        *,
        qualifying: bool,
        stored: Mapping[str, Any] | None = None,
    ) -> None:
        self.stored = stored
        self.index = index
        self.relevant = relevant
        self.qualifying = qualifying
        self._qualified: Sequence[Decision] | None = None

    @property
    def version(self) -> int:
        """The definitions' version."""
        return self.index.version

    @property
    def decisions(self) -> Mapping[str, Decision | None]:
        """By experiment key, in order."""
        keys = self.index.keys
        if self.qualifying:
            return {
                decision.phase.definition.experiment_key: decision
                for decision in self.qualified
            }
        given = list(self.relevant.base.decisions)
        for place, decision in zip(
            self.relevant.places, self.relevant.decisions, strict=True
        ):
            given[place] = decision
        return dict(zip(keys, given, strict=True))

    @property
    def qualified(self) -> Sequence[Decision]:
        """The decisions of the experiments that let the subject in, in order."""
        if self._qualified is None:
            base, relevant = self.relevant.base, self.relevant
            places, decisions = relevant.places, relevant.decisions
            admitting = self.index.admitting(base)
            if admitting or places != sorted(places):
                given = {place: base.decisions[place] for place in admitting}
                given.update(zip(places, decisions, strict=True))
                decisions = [each for _, each in sorted(given.items(), key=_PLACE)]
            self._qualified = [
                each for each in decisions if each.cause not in UNTARGETED
            ]
        return self._qualified

    @property
    def etag(self) -> str:
        """Changes with the definitions and with what this subject is given."""
        relevant, index = self.relevant, self.index
        if self.qualifying:
            return _etag(index.version, b"q" + index.said_of(self.qualified))
        base = relevant.base.decisions
        given = zip(relevant.places, relevant.decisions, strict=True)
        other = [decision for place, decision in given if decision is not base[place]]
        said = index.base_token(relevant.base) + index.said_of(other)
        return _etag(index.version, said)


class Index:
    """What is the same for every subject of one snapshot, worked out once."""

    def __init__(self, snapshot: Snapshot) -> None:
        phases = snapshot.phases.values()
        self.snapshot = ref(snapshot)
        self.version = snapshot.version
        self.keys = tuple(snapshot.phases)
        self._tokens: dict[Decision, bytes] = {}
        self._bases: dict[Base, bytes] = {}
        self._admitting: dict[Base, tuple[int, ...]] = {}
        self.feature_names = names_of(p for p in phases if p.sent_first)
        self.other_names = names_of(p for p in phases if not p.sent_first)

    def said_of(self, decisions: Sequence[Decision]) -> bytes:
        """Decisions in an etag."""
        try:
            return b"".join([self._tokens[decision] for decision in decisions])
        except KeyError:
            for decision in decisions:
                key = decision.phase.definition.experiment_key
                self._tokens[decision] = _said(key, decision).encode()
            return b"".join([self._tokens[decision] for decision in decisions])

    def base_token(self, base: Base) -> bytes:
        """A base in an etag: the same in every process."""
        found = self._bases.get(base)
        if found is None:
            found = blake2b(self.said_of(base.decisions), digest_size=8).digest()
            if len(self._bases) < MAX_BASES:
                self._bases[base] = found
        return found

    def admitting(self, base: Base) -> Sequence[int]:
        """The places of a base's decisions that do not keep the subject out."""
        found = self._admitting.get(base)
        if found is None:
            found = tuple(
                place
                for place, decision in enumerate(base.decisions)
                if decision.cause not in UNTARGETED
            )
            if len(self._admitting) < MAX_BASES:
                self._admitting[base] = found
        return found


_PLACE = itemgetter(0)
_INDICES: WeakKeyDictionary[Snapshot, Index] = WeakKeyDictionary()


def index_of(snapshot: Snapshot) -> Index:
    """The index of a snapshot, kept for as long as the snapshot is."""
    found = _INDICES.get(snapshot)
    if found is None:
        found = _INDICES[snapshot] = Index(snapshot)
    return found


def names_of(phases: Iterable[CompiledPhase]) -> frozenset[str]:
    """The attributes beside the ids that these phases read."""
    names = (phase.attribute_names for phase in phases)
    return frozenset().union(*names) - ID_ATTRIBUTES


def _said(key: str, decision: Decision) -> str:
    return f"{len(key)}:{key}={decision.variant.key}/{decision.cause};"


def _etag(version: int, said: bytes) -> str:
    return f'W/"{version}-{blake2b(said, digest_size=8).hexdigest()}"'
