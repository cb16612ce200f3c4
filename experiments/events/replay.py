"""The state of a phase from its raw events, by the plain definition in plain Python.

Nothing here is shared with the SQL that folds: the two are compared, by property tests
and by the audit that recomputes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TypeAlias

from experiments.design import MAX_UNIT_TOTAL, MetricDesign, MetricKind, PhaseDesign
from experiments.events.replay_units import (
    Identities,
    LoggedEvent,
    RawId,
    Unit,
    randomised,
)
from experiments.events.replay_values import (
    Before,
    before,
    blocks,
    first_block,
    value_of,
)
from experiments.events.state import (
    DEPTH,
    STRATA,
    ArmMetricState,
    PhaseState,
    SegmentState,
    Sums,
    SurvivalState,
)
from experiments.events.store import MILLISECOND, from_milliseconds
from experiments.plan import Adjustment

ByPerson: TypeAlias = dict[RawId, list[LoggedEvent]]
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Value:
    """A matured unit's numbers in one metric; y is None where they are refused."""

    unit: Unit
    y: int | None
    d: int
    before: Before


@dataclass(frozen=True, slots=True)
class Cell:
    """The matured units of one metric in one arm."""

    metric: MetricDesign
    arm: str
    values: Sequence[Value]


def replay(
    design: PhaseDesign,
    events: Iterable[LoggedEvent],
    *,
    position: int,
    watermark: int,
    last_event_at: int | None,
    backlog: int,
    rebuilding: bool = False,
) -> PhaseState:
    """Sort the events, walk them once for units and once for values, and add up."""
    ordered = sorted(events, key=lambda event: (event.occurred_at, event.id))
    identities = Identities(ordered)
    units = list(randomised(design, ordered, identities).values())
    by_person: dict[RawId, list[LoggedEvent]] = defaultdict(list)
    for event in ordered:
        raw = identities.hashed_by(event, design.unit)
        if raw is not None:
            by_person[identities.person_of(raw)].append(event)
    counted = [unit for unit in units if not unit.in_gap]
    by_arm = {
        arm.key: [unit for unit in counted if unit.arm == arm.key]
        for arm in design.arms
    }
    cells = [
        Cell(metric, arm, _matured(design, metric, by_arm[arm], by_person, watermark))
        for metric in design.metrics
        for arm in by_arm
    ]
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
        metrics=tuple(_metric_state(cell, len(by_arm[cell.arm])) for cell in cells),
        first_exposure_at=(
            from_milliseconds(min(unit.exposed_at for unit in units)) if units else None
        ),
        last_event_at=(
            None if last_event_at is None else from_milliseconds(last_event_at)
        ),
        backlog=backlog,
        segments=tuple(
            segment for cell in cells for segment in _segments(design, cell)
        ),
        survival=tuple(
            _survival(Cell(metric, arm, ()), by_arm[arm], by_person, watermark)
            for metric in design.metrics
            if metric.kind is MetricKind.TIME_TO_EVENT
            for arm in by_arm
        ),
        levels=_levels(design, counted),
        rebuilding=rebuilding,
    )


def _matured(
    design: PhaseDesign,
    metric: MetricDesign,
    units: Sequence[Unit],
    by_person: ByPerson,
    watermark: int,
) -> list[Value]:
    """The units of one arm whose window in one metric has closed."""
    closes_after = metric.closes_after // MILLISECOND
    values = []
    for unit in units:
        if unit.exposed_at + closes_after > watermark:
            continue
        events = by_person[unit.person]
        y, d = value_of(metric, unit, events)
        refused = max(abs(y), abs(d)) > MAX_UNIT_TOTAL
        known = before(metric, unit, events, _lookback(design))
        values.append(Value(unit, None if refused else y, d, known))
    return values


def _lookback(design: PhaseDesign) -> int:
    if design.plan is None or design.plan.adjustment is Adjustment.NONE:
        return 0
    return design.plan.lookback_days * _DAY


def _metric_state(cell: Cell, exposed: int) -> ArmMetricState:
    raw, capped, nonzero, refused = _totals(cell.metric, cell.values)
    return ArmMetricState(
        arm=cell.arm,
        metric_id=cell.metric.metric_id,
        raw=raw,
        capped=capped,
        nonzero=nonzero,
        maturing=exposed - len(cell.values),
        refused=refused,
    )


def _segments(design: PhaseDesign, cell: Cell) -> list[SegmentState]:
    """The same units, sorted into the levels of every dimension."""
    return [
        SegmentState(
            cell.arm,
            cell.metric.metric_id,
            dimension,
            level,
            *_totals(cell.metric, values),
        )
        for dimension, level_of in _dimensions(design, cell.metric)
        for level, values in _sorted_into(cell.values, level_of)
    ]


def _dimensions(
    design: PhaseDesign, metric: MetricDesign
) -> list[tuple[str, Callable[[Value], str]]]:
    found: list[tuple[str, Callable[[Value], str]]] = [
        (name, lambda value, name=name: value.unit.levels[name])  # type: ignore[misc]
        for name in _names(design)
    ]
    if metric.kind is MetricKind.FUNNEL:
        found.append((DEPTH, lambda value: str(value.y)))
    return found


def _names(design: PhaseDesign) -> list[str]:
    if design.plan is None:
        return []
    names = [dimension.key for dimension in design.plan.dimensions]
    return [*names, STRATA] if design.plan.strata else names


def _sorted_into(
    values: Sequence[Value], level_of: Callable[[Value], str]
) -> list[tuple[str, list[Value]]]:
    levels: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        levels[level_of(value)].append(value)
    return sorted(levels.items())


def _totals(
    metric: MetricDesign, values: Sequence[Value]
) -> tuple[Sums, Sums | None, int, int]:
    """The sums, raw and capped, units that are not 0, and units that are refused."""
    counted = [value for value in values if value.y is not None]
    whole = [value.y or 0 for value in counted]
    cap = metric.cap
    cut = whole if cap is None else [min(y, cap) for y in whole]
    return (
        _sums(whole, counted),
        None if cap is None else _sums(cut, counted),
        sum(y != 0 for y in whole),
        len(values) - len(counted),
    )


def _sums(y: Sequence[int], values: Sequence[Value]) -> Sums:
    """The sums of these units, each named: no place can be mistaken for another."""
    d = [value.d for value in values]
    x = [value.before.x for value in values]
    w = [value.before.w for value in values]
    m = [value.before.m for value in values]
    return Sums(
        **{"n": len(y), "y": sum(y), "yy": _dot(y, y)},
        **{"d": sum(d), "dd": _dot(d, d), "yd": _dot(y, d)},
        **{"x": sum(x), "xx": _dot(x, x), "yx": _dot(y, x), "dx": _dot(d, x)},
        **{"w": sum(w), "ww": _dot(w, w), "yw": _dot(y, w), "dw": _dot(d, w)},
        **{"xw": _dot(x, w), "m": sum(m), "ym": _dot(y, m), "dm": _dot(d, m)},
    )


def _dot(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(map(mul, left, right))


def _survival(
    cell: Cell,
    units: Sequence[Unit],
    by_person: ByPerson,
    watermark: int,
) -> SurvivalState:
    """Each unit is at risk until its event, in the blocks its day has completed."""
    metric = cell.metric
    at_risk, events = [0] * blocks(metric), [0] * blocks(metric)
    opens_after = metric.opens_after // MILLISECOND
    for unit in units:
        first = first_block(metric, unit, by_person[unit.person])
        since = unit.exposed_at - unit.exposed_at % _DAY + _DAY + opens_after
        for block in range(blocks(metric)):
            if since + (block + 1) * _DAY > watermark:
                break
            if first is None or block <= first:
                at_risk[block] += 1
            if block == first:
                events[block] += 1
    return SurvivalState(cell.arm, metric.metric_id, tuple(at_risk), tuple(events))


def _levels(
    design: PhaseDesign, units: Sequence[Unit]
) -> dict[str, dict[str, dict[str, int]]]:
    """Units exposed by dimension, level and arm."""
    counts: dict[str, dict[str, dict[str, int]]] = {name: {} for name in _names(design)}
    for unit in units:
        for name, level in unit.levels.items():
            none = dict.fromkeys((arm.key for arm in design.arms), 0)
            counts[name].setdefault(level, none)[unit.arm] += 1
    return counts


def _by_arm(design: PhaseDesign, units: Sequence[Unit]) -> dict[str, int]:
    return {arm.key: sum(unit.arm == arm.key for unit in units) for arm in design.arms}
