"""The state of a phase from its raw events, by the plain definition in plain Python.

Nothing here is shared with the SQL that folds: the two are compared, by property tests
and by the audit that recomputes.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from experiments.design import (
    MAX_UNIT_TOTAL,
    MetricDesign,
    MetricKind,
    PhaseDesign,
    Source,
    SourceValue,
    UnitKind,
)
from experiments.events.log import EXPOSURE, IDENTIFY, MEMBERSHIP
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.events.store import MILLISECOND, from_milliseconds, to_milliseconds

_EXACT = Context(prec=60)


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


def replay(
    design: PhaseDesign,
    events: Iterable[LoggedEvent],
    *,
    position: int,
    watermark: int,
    last_event_at: int | None,
    backlog: int,
) -> PhaseState:
    """Sort the events, walk them once for units and once for values, and add up."""
    ordered = sorted(events, key=lambda event: (event.occurred_at, event.id))
    identities = Identities(ordered)
    units = list(_units(design, ordered, identities).values())
    by_person: dict[RawId, list[LoggedEvent]] = defaultdict(list)
    for event in ordered:
        raw = identities.hashed_by(event, design.unit)
        if raw is not None:
            by_person[identities.person_of(raw)].append(event)
    counted = [unit for unit in units if not unit.in_gap]
    return PhaseState(
        phase_id=design.phase_id,
        position=position,
        watermark=from_milliseconds(watermark),
        exposed=_by_arm(design, counted),
        in_gaps=_by_arm(design, [unit for unit in units if unit.in_gap]),
        conflicts=_by_arm(
            design,
            [unit for unit in counted if not unit.linked and len(unit.arms) > 1],
        ),
        linked=_by_arm(design, [unit for unit in counted if unit.linked]),
        joined=_by_arm(design, [unit for unit in counted if unit.joined]),
        metrics=tuple(
            _metric_state(
                metric,
                arm.key,
                [unit for unit in counted if unit.arm == arm.key],
                by_person,
                watermark,
            )
            for metric in design.metrics
            for arm in design.arms
        ),
        first_exposure_at=(
            from_milliseconds(min(unit.exposed_at for unit in units)) if units else None
        ),
        last_event_at=(
            None if last_event_at is None else from_milliseconds(last_event_at)
        ),
        backlog=backlog,
    )


def _units(
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


def _metric_state(
    metric: MetricDesign,
    arm: str,
    units: Sequence[Unit],
    by_person: dict[RawId, list[LoggedEvent]],
    watermark: int,
) -> ArmMetricState:
    opens_after = metric.opens_after // MILLISECOND
    closes_after = metric.closes_after // MILLISECOND
    matured = [unit for unit in units if unit.exposed_at + closes_after <= watermark]
    raw, capped, nonzero, refused = Sums(), Sums(), 0, 0
    for unit in matured:
        inside = [
            event
            for event in by_person[unit.person]
            if opens_after <= event.occurred_at - unit.exposed_at < closes_after
        ]
        y, d = (0, 0) if unit.linked else _value(metric, inside)
        if max(abs(y), abs(d)) > MAX_UNIT_TOTAL:
            refused += 1
            continue
        cut = y if metric.cap is None else min(y, metric.cap)
        raw += Sums(1, y, y * y, d, d * d, y * d)
        capped += Sums(1, cut, cut * cut, d, d * d, cut * d)
        nonzero += y != 0
    return ArmMetricState(
        arm=arm,
        metric_id=metric.metric_id,
        raw=raw,
        capped=None if metric.cap is None else capped,
        nonzero=nonzero,
        maturing=len(units) - len(matured),
        refused=refused,
    )


def _value(metric: MetricDesign, events: Sequence[LoggedEvent]) -> tuple[int, int]:
    """A unit's (y, d) from the events of its window."""
    steps = _steps(metric, metric.numerator, events)
    match metric.kind:
        case MetricKind.CONVERSION | MetricKind.RETENTION:
            return int(bool(steps)), 0
        case MetricKind.COUNT:
            return len(steps), 0
        case MetricKind.MEAN:
            return sum(steps), len(steps)
        case MetricKind.RATIO if metric.denominator is not None:
            return sum(steps), sum(_steps(metric, metric.denominator, events))
        case _:
            return sum(steps), 0


def _steps(
    metric: MetricDesign, source: Source, events: Sequence[LoggedEvent]
) -> list[int]:
    """What each event of a source adds, rounded once, half to even."""
    named = [event for event in events if event.name == source.event_name]
    if source.value is SourceValue.ONE:
        return [1] * len(named)
    return [
        int(
            _EXACT.multiply(
                Decimal(event.value), Decimal(metric.steps)
            ).to_integral_value(ROUND_HALF_EVEN, _EXACT)
        )
        for event in named
        if event.value is not None
    ]


def _by_arm(design: PhaseDesign, units: Sequence[Unit]) -> dict[str, int]:
    return {arm.key: sum(unit.arm == arm.key for unit in units) for arm in design.arms}
