"""Units by the plain definition: who was randomised, whose events, in which levels."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from experiments.design import PhaseDesign, UnitKind
from experiments.events.log import EXPOSURE, IDENTIFY, MEMBERSHIP
from experiments.events.replay_properties import texts
from experiments.events.state import STRATA
from experiments.events.store import to_milliseconds
from experiments.plan import OTHER, UNKNOWN


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A raw event as it is read back."""

    id: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    account_id: str | None
    occurred_at: int
    value: str | None
    experiment_key: str | None
    variant_key: str | None
    properties: str = "{}"
    phase: int = 0
    """The number of the phase that it names; 0 for none."""


class RawId(NamedTuple):
    """An id as events carry it."""

    kind: str
    id: str


@dataclass(slots=True)
class Unit:
    """A randomised unit while the events are replayed."""

    arm: str
    exposed_at: int
    person: RawId
    in_gap: bool
    linked: bool
    joined: bool
    levels: dict[str, str]
    """Its level in each dimension of the plan."""
    arms: set[str] = field(default_factory=set)


class Identities:
    """Who is who, once every event is known."""

    def __init__(self, events: Sequence[LoggedEvent]) -> None:
        self._links: dict[str, tuple[str, int]] = {}
        self._spells: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for event in events:
            if event.user_id is None:
                continue
            if event.anonymous_id is not None:
                link = (event.user_id, event.occurred_at)
                self._links.setdefault(event.anonymous_id, link)
            if event.name in {MEMBERSHIP, IDENTIFY} and event.account_id is not None:
                spell = (event.occurred_at, event.account_id)
                self._spells[event.user_id].append(spell)

    def person_of(self, raw: RawId) -> RawId:
        """The person behind an id, in the end."""
        if raw.kind == "anonymous" and raw.id in self._links:
            return RawId("user", self._links[raw.id][0])
        return raw

    def joined_at(self, raw: RawId) -> int:
        """From when an id is known to be its person."""
        if raw.kind == "anonymous" and raw.id in self._links:
            return self._links[raw.id][1]
        return 0

    def account_of(self, event: LoggedEvent) -> str | None:
        """The account on the event, else the membership in force."""
        if event.account_id is not None or event.user_id is None:
            return event.account_id
        spells = self._spells.get(event.user_id, [])
        place = bisect_right(spells, event.occurred_at, key=lambda spell: spell[0])
        return spells[place - 1][1] if place else None

    def hashed_by(self, event: LoggedEvent, unit: UnitKind) -> RawId | None:
        """The id that an event's unit is hashed by."""
        if unit is UnitKind.ACCOUNT:
            account = self.account_of(event)
            return None if account is None else RawId("account", account)
        if event.user_id is not None:
            return RawId("user", event.user_id)
        if event.anonymous_id is not None:
            return RawId("anonymous", event.anonymous_id)
        return None


def randomised(
    design: PhaseDesign, ordered: Sequence[LoggedEvent], identities: Identities
) -> dict[RawId, Unit]:
    """Who was randomised, in the order of first exposure."""
    units: dict[RawId, Unit] = {}
    met: dict[RawId, list[RawId]] = defaultdict(list)
    first: dict[RawId, Unit] = {}
    for event in ordered:
        raw = identities.hashed_by(event, design.unit)
        if raw is None or not _counts(design, event):
            continue
        assert event.variant_key is not None  # noqa: S101 - it is one of the arms
        person = identities.person_of(raw)
        if raw not in met[person]:
            others = [
                other
                for other in met[person]
                if identities.joined_at(other) <= event.occurred_at
            ]
            met[person].append(raw)
            if not others or identities.joined_at(raw) > event.occurred_at:
                units[raw] = Unit(
                    arm=event.variant_key,
                    exposed_at=event.occurred_at,
                    person=person,
                    in_gap=_in_gap(design, event.occurred_at),
                    linked=person in first,
                    joined=raw != person,
                    levels=levels_of(design, event.properties),
                )
                first.setdefault(person, units[raw])
        first[person].arms.add(event.variant_key)
    return units


def _counts(design: PhaseDesign, event: LoggedEvent) -> bool:
    """Whether an event is an exposure to an arm of this phase, while it ran."""
    return (
        event.name == EXPOSURE
        and event.experiment_key == design.experiment_key
        and event.variant_key in {arm.key for arm in design.arms}
        and event.phase in {0, design.number}
        and event.occurred_at >= to_milliseconds(design.started_at)
        and (
            design.ended_at is None
            or event.occurred_at < to_milliseconds(design.ended_at)
        )
    )


def _in_gap(design: PhaseDesign, instant: int) -> bool:
    return any(
        instant >= to_milliseconds(opened_at)
        and (closed_at is None or instant < to_milliseconds(closed_at))
        for opened_at, closed_at in design.gaps
    )


def levels_of(design: PhaseDesign, properties: str) -> dict[str, str]:
    """The level in each dimension, and the combination of the strata's."""
    if design.plan is None:
        return {}
    told = texts(properties)
    levels: dict[str, str] = {}
    combination = []
    for dimension in design.plan.dimensions:
        text = told.get(dimension.attribute)
        place = len(dimension.levels) + (text is None)
        level = UNKNOWN if text is None else OTHER
        if text in dimension.levels:
            place, level = dimension.levels.index(text), text
        levels[dimension.key] = level
        if dimension.stratum:
            combination.append(str(place))
    if combination:
        levels[STRATA] = ".".join(combination)
    return levels
