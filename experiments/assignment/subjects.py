"""Every experiment decided for one subject, at the cost of those that target it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.conditions import Attributes
from experiments.assignment.decisions import (
    Cause,
    CompiledPhase,
    Decision,
    Remainder,
)
from experiments.assignment.evaluator import (
    OVERRIDE_ATTRIBUTES,
    WITHHOLDING,
    holdout_members,
)
from experiments.assignment.links import Links
from experiments.assignment.phases import Serving
from experiments.assignment.units import Key, account_key, shared_positions, user_key
from experiments.design import UnitKind

MAX_BASES = 64

_Step = tuple[int, Remainder, Decision]
"""The number of a phase's condition; what it gives whom that lets in, and others."""

Situation = tuple[bool, bool, int]
"""Whether there is a user and an account, and the holdouts that keep them out."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What subjects in one situation get wherever no rule has to be asked.

    A snapshot keeps one for each situation that it meets, known by identity.
    """

    decisions: tuple[Decision, ...]
    """In the order of the phases."""
    open: bytes
    """For each phase 1 where the situation alone does not settle it."""
    always: Sequence[Sequence[int]]
    """The open phases that require nothing one could look up, by group."""


@dataclass(frozen=True, slots=True)
class Relevant:
    """The decisions that had to be made, by place; all others are the base's."""

    base: Base
    places: list[int]
    decisions: list[Decision]


@dataclass(slots=True)
class _Group:
    """Phases that see the same attributes and hash the same unit."""

    sent_first: bool
    by_user: bool
    always: list[int] = field(default_factory=list)
    required: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """The places of the phases by an attribute and a text that it must have."""

    def add(self, place: int, phase: CompiledPhase) -> None:
        """Know the phase by its narrowest requirement."""
        required = phase.condition.required()
        if not required:
            self.always.append(place)
            return
        name = min(required, key=lambda each: (len(required[each]), each))
        by_text = self.required.setdefault(name, {})
        for text in required[name]:
            by_text.setdefault(text, []).append(place)

    def targeting(self, attributes: Attributes) -> list[int]:
        """The places whose narrowest requirement the attributes meet."""
        found: list[int] = []
        for name, by_text in self.required.items():
            value = attributes.get(name)
            if isinstance(value, str):
                found += by_text.get(value, ())
            elif isinstance(value, list | tuple):
                texts = {each for each in value if isinstance(each, str)}
                found += {place for text in texts for place in by_text.get(text, ())}
        return found


@dataclass(frozen=True, slots=True)
class _Hold:
    """A holdout as the phases of one kind of unit share it."""

    by_user: bool
    seed: bytes
    members: bytes


class Directory:
    """The phases of a snapshot, found by what they require of a subject."""

    def __init__(self, phases: Sequence[CompiledPhase], links: Links) -> None:
        self._phases = phases
        self._links = links
        self._steps, self._tests = _shared_conditions(phases)
        self._bits: dict[_Hold, int] = {}
        self._masks = [self._mask(phase) for phase in phases]
        self._holds = [
            (hold.by_user, shared_positions(hold.seed), hold.members, bit)
            for hold, bit in self._bits.items()
        ]
        self._groups = _groups(phases)
        self._overridden = _overridden(phases)
        self._bases: dict[Situation, Base] = {}

    def relevant(
        self, sent_first: Attributes, stored_first: Attributes | None = None
    ) -> Relevant:
        """Decide what the subject's situation leaves open.

        The ids are the same in both attributes.
        """
        stored_first = sent_first if stored_first is None else stored_first
        user, account = user_key(sent_first), account_key(sent_first)
        base = self._base(user, account)
        is_open = base.open
        places: list[int] = []
        decisions: list[Decision] = []
        for group, always in zip(self._groups, base.always, strict=True):
            key = user if group.by_user else account
            if key is None:
                continue
            attributes = sent_first if group.sent_first else stored_first
            asked = always
            if group.required:
                asked = [p for p in group.targeting(attributes) if is_open[p]]
                asked += always
            decisions += self._decided(asked, attributes, key)
            places += asked
        found = Relevant(base, places, decisions)
        if self._overridden or self._links:
            return self._with_named(found, sent_first, stored_first)
        return found

    def _decided(
        self, asked: Sequence[int], attributes: Attributes, key: Key
    ) -> list[Decision]:
        """What these phases give; a condition that several share is tested once."""
        steps, tests = self._steps, self._tests
        tested: dict[int, bool] = {}
        decisions: list[Decision] = []
        for place in asked:
            number, admitted, missed = steps[place]
            holds = tested.get(number)
            if holds is None:
                holds = tested[number] = tests[number](attributes)
            decisions.append(admitted(attributes, key) if holds else missed)
        return decisions

    def _with_named(
        self, found: Relevant, sent_first: Attributes, stored_first: Attributes
    ) -> Relevant:
        named = self._links.places(sent_first)
        named |= {
            place
            for name, by_text in self._overridden.items()
            if isinstance(text := sent_first.get(name), str)
            for place in by_text.get(text, ())
        }
        if not named:
            return found
        decided = dict(zip(found.places, found.decisions, strict=True))
        for place in named:
            phase = self._phases[place]
            attributes = sent_first if phase.sent_first else stored_first
            decided[place] = phase.settle(attributes)
        return Relevant(found.base, list(decided), list(decided.values()))

    def _base(self, user: Key | None, account: Key | None) -> Base:
        held = 0
        for by_user, positions, members, bit in self._holds:
            key = user if by_user else account
            if key is not None and members[positions[key]]:
                held |= bit
        situation = (user is not None, account is not None, held)
        found = self._bases.get(situation)
        if found is None:
            found = self._base_of(situation)
            if len(self._bases) < MAX_BASES:
                self._bases[situation] = found
        return found

    def _base_of(self, situation: Situation) -> Base:
        has_user, has_account, held = situation
        decisions = []
        is_open = bytearray(len(self._phases))
        for place, phase in enumerate(self._phases):
            cause = WITHHOLDING.get(phase.definition.serving)
            if cause is None and not (has_user if _by_user(phase) else has_account):
                cause = Cause.NO_UNIT
            if cause is None and self._masks[place] & held:
                cause = Cause.HELD_OUT
            if cause is None:
                cause = Cause.NOT_TARGETED
                is_open[place] = 1
            decisions.append(phase.withheld(cause))
        always = [
            [place for place in group.always if is_open[place]]
            for group in self._groups
        ]
        return Base(tuple(decisions), bytes(is_open), always)

    def _mask(self, phase: CompiledPhase) -> int:
        """The bits of the phase's holdouts; one that several share has one bit."""
        mask = 0
        if phase.definition.serving is Serving.SPLIT:
            for holdout in phase.definition.holdouts:
                seed = holdout.seed.encode("latin-1")
                hold = _Hold(_by_user(phase), seed, holdout_members(holdout.share))
                mask |= self._bits.setdefault(hold, 1 << len(self._bits))
        return mask


def _shared_conditions(
    phases: Sequence[CompiledPhase],
) -> tuple[list[_Step], list[Callable[[Attributes], bool]]]:
    """For each phase the number of its condition, and what follows from it."""
    numbers: dict[str, int] = {}
    tests: list[Callable[[Attributes], bool]] = []
    steps: list[_Step] = []
    for phase in phases:
        text = json.dumps(phase.definition.condition or {}, sort_keys=True)
        if text not in numbers:
            numbers[text] = len(tests)
            tests.append(phase.condition.holds)
        missed = phase.withheld(Cause.NOT_TARGETED)
        steps.append((numbers[text], phase.admitted, missed))
    return steps, tests


def _groups(phases: Sequence[CompiledPhase]) -> list[_Group]:
    groups: dict[tuple[bool, bool], _Group] = {}
    for place, phase in enumerate(phases):
        if phase.definition.serving is Serving.SPLIT:
            kind = phase.sent_first, _by_user(phase)
            groups.setdefault(kind, _Group(*kind)).add(place, phase)
    return list(groups.values())


def _by_user(phase: CompiledPhase) -> bool:
    return phase.definition.unit is UnitKind.USER


def _overridden(
    phases: Sequence[CompiledPhase],
) -> dict[str, dict[str, list[int]]]:
    places: dict[str, dict[str, list[int]]] = {}
    for place, phase in enumerate(phases):
        for name in OVERRIDE_ATTRIBUTES:
            for text in phase.definition.overrides.get(name, ()):
                places.setdefault(name, {}).setdefault(text, []).append(place)
    return places
