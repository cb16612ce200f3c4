"""Kinds of metric that read single events, in numbers worked out by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.design import (
    FilterOperator,
    MetricDesign,
    MetricKind,
    MetricRole,
    Source,
    SourceFilter,
    SourceValue,
)
from experiments.events.log import IDENTIFY, NewEvent
from tests.experiments.events.world import (
    DAY,
    HOUR,
    MILLISECOND,
    PAID,
    START,
    VISIT,
    World,
    event,
    exposure,
    level_of,
    metric,
    of,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


def _primary(kind: MetricKind, source: Source, **changes: object) -> MetricDesign:
    return metric("it", kind, source, role=MetricRole.PRIMARY, **changes)


def _visit(who: str, when: timedelta) -> NewEvent:
    return event("visit", when, user_id=who)


async def _value(world: World, measured: MetricDesign, *events: NewEvent) -> int:
    """The value of ann, who is exposed an hour after START."""
    design = phase(world.environment_id, measured)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), *events)
    await world.settle()
    part = of(await world.state(design), "a", measured)
    assert part.raw.n == 1
    return part.raw.y


@pytest.mark.parametrize(
    ("instants", "weeks"),
    [
        ((HOUR - MILLISECOND,), 0),
        ((HOUR, HOUR + 7 * DAY - MILLISECOND), 1),
        ((HOUR, HOUR + 7 * DAY), 2),
        ((HOUR + 14 * DAY, HOUR + 21 * DAY), 1),
    ],
)
async def test_cadence_counts_weeks_with_an_event(
    world: World, instants: tuple[timedelta, ...], weeks: int
) -> None:
    cadence = _primary(MetricKind.CADENCE, VISIT, weeks=3)
    visits = [_visit("ann", when) for when in instants]
    assert await _value(world, cadence, *visits) == weeks


@pytest.mark.parametrize(
    ("instants", "depth"),
    [
        ({"paid": (2,)}, 0),
        ({"visit": (3,), "paid": (2,)}, 1),
        ({"visit": (2, 4), "paid": (2,)}, 2),
        ({"visit": (3,), "paid": (2, 5), "share": (4, 5)}, 3),
        ({"visit": (3,), "paid": (5,), "share": (4,)}, 2),
        ({"visit": (3,), "paid": (48,), "share": (49,)}, 2),
    ],
)
async def test_a_step_of_a_funnel_counts_at_or_after_the_step_before_it(
    world: World, instants: dict[str, tuple[int, ...]], depth: int
) -> None:
    share = Source("share", SourceValue.ONE)
    funnel = _primary(MetricKind.FUNNEL, VISIT, later_steps=(PAID, share))
    events = [
        event(name, hour * HOUR, user_id="ann")
        for name, hours in instants.items()
        for hour in hours
    ]
    assert await _value(world, funnel, *events) == depth


async def test_a_funnels_depths_are_its_levels(world: World) -> None:
    funnel = _primary(MetricKind.FUNNEL, VISIT, later_steps=(PAID,))
    design = phase(world.environment_id, funnel)
    await world.log.publish_phase(design)
    await world.send(
        *(exposure(who, "a", HOUR) for who in ("ann", "bob", "cid")),
        _visit("ann", 2 * HOUR),
        _visit("bob", 2 * HOUR),
        paid("bob", "1", 2 * HOUR),
    )
    await world.settle()
    state = await world.state(design)
    units = {part.level: part.raw.n for part in state.segments}
    assert units == {"0": 1, "1": 1, "2": 1}
    await world.send(paid("ann", "1", 3 * HOUR))
    await world.settle()
    state = await world.state(design)
    assert {part.level: part.raw.n for part in state.segments} == {"0": 1, "2": 2}
    assert level_of(state, "a", funnel, "$depth", "2").raw.yy == 8


@pytest.mark.parametrize(
    ("when", "block"),
    [
        (HOUR - MILLISECOND, 3),
        (HOUR, 0),
        (HOUR + DAY - MILLISECOND, 0),
        (HOUR + DAY, 1),
        (HOUR + 3 * DAY - MILLISECOND, 2),
        (HOUR + 3 * DAY, 3),
    ],
)
async def test_a_units_time_is_the_block_of_its_first_event_or_the_window(
    world: World, when: timedelta, block: int
) -> None:
    wait = _primary(MetricKind.TIME_TO_EVENT, PAID, window_days=3)
    assert await _value(world, wait, paid("ann", "1", when)) == block


async def test_survival_counts_the_blocks_that_each_days_units_have_completed(
    world: World,
) -> None:
    wait = _primary(MetricKind.TIME_TO_EVENT, PAID, window_days=3)
    design = phase(world.environment_id, wait)
    await world.log.publish_phase(design)
    first, second = HOUR, HOUR + 2 * DAY
    await world.send(
        *(exposure(who, "a", first) for who in ("ann", "bob", "cid")),
        *(exposure(who, "a", second) for who in ("dan", "eve")),
        paid("ann", "1", first + HOUR),
        paid("bob", "1", first + 2 * DAY),
        paid("bob", "1", first + 2 * DAY + HOUR),
        paid("dan", "1", second + HOUR),
    )
    # A day's units have completed a block 24 hours after the day is over.
    midnight = (START + HOUR).replace(hour=0, minute=0)
    counts = []
    for days in (1, 2, 3, 4, 5, 6):
        await world.settle(midnight + days * DAY + HOUR)
        (arm, _) = (await world.state(design)).survival
        counts.append((arm.at_risk, arm.events))
    assert counts == [
        ((0, 0, 0), (0, 0, 0)),
        ((3, 0, 0), (1, 0, 0)),
        ((3, 2, 0), (1, 0, 0)),
        ((5, 2, 2), (2, 0, 1)),
        ((5, 3, 2), (2, 0, 1)),
        ((5, 3, 3), (2, 0, 1)),
    ]


async def test_survival_is_right_after_a_link_and_a_late_event(world: World) -> None:
    wait = _primary(MetricKind.TIME_TO_EVENT, PAID, window_days=2)
    design = phase(world.environment_id, wait)
    await world.log.publish_phase(design)
    visitor: dict[str, object] = {"user_id": None, "anonymous_id": "x"}
    await world.send(
        exposure("", "a", HOUR, **visitor),
        exposure("ann", "a", 2 * HOUR),
        paid("ann", "1", 2 * HOUR + DAY),
    )
    await world.settle()
    (arm, _) = (await world.state(design)).survival
    assert (arm.at_risk, arm.events) == ((2, 2), (0, 1))
    await world.send(
        event(IDENTIFY, 3 * HOUR, user_id="ann", anonymous_id="x"),
        paid("ann", "1", 3 * HOUR),
    )
    await world.settle()
    (arm, _) = (await world.state(design)).survival
    assert (arm.at_risk, arm.events) == ((2, 1), (1, 0))


@pytest.mark.parametrize(("day", "counted"), [(2, 0), (3, 1), (5, 1), (6, 0)])
async def test_retention_in_a_bracket_is_an_event_on_any_of_its_days(
    world: World, day: int, counted: int
) -> None:
    back = _primary(MetricKind.RETENTION, VISIT, retention_day=3, retention_span=3)
    assert await _value(world, back, _visit("ann", HOUR + day * DAY)) == counted


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        (1.5, 1_500_000),
        ("2.5", 2_500_000),
        (0.0000005, 0),
        (0.0000015, 2),
        ("0.00000050000000000000000001", 1),
        (-1e-6, -1),
        (10**9, 10**15),
        (10**9 + 1, 0),
        ("12 EUR", 0),
        (True, 0),
        (None, 0),
    ],
)
async def test_a_value_is_read_from_a_property_exactly_or_not_at_all(
    world: World, value: str | float | None, steps: int
) -> None:
    amount = Source("paid", SourceValue.VALUE, property="amount")
    total = _primary(MetricKind.SUM, amount)
    bought = paid("ann", "7", 2 * HOUR, properties={"amount": value})
    nothing = paid("ann", "7", 2 * HOUR)
    assert await _value(world, total, bought, nothing) == steps


@pytest.mark.parametrize(
    ("operator", "values", "passing"),
    [
        (FilterOperator.IN, ("card", "4"), {"card", 4}),
        (FilterOperator.NOT_IN, ("card", "4"), {"bank", 3.5, None}),
        (FilterOperator.AT_LEAST, ("3.5",), {4, 3.5}),
        (FilterOperator.AT_MOST, ("3.5",), {3.5}),
        (FilterOperator.EXISTS, (), {"card", "bank", 4, 3.5}),
    ],
)
async def test_a_filter_lets_through_what_it_says(
    world: World,
    operator: FilterOperator,
    values: tuple[str, ...],
    passing: set[object],
) -> None:
    source = Source("paid", SourceValue.ONE, (SourceFilter("by", operator, values),))
    events = [
        paid("ann", "1", 2 * HOUR, properties={} if by is None else {"by": by})
        for by in ("card", "bank", 4, 3.5, None)
    ]
    count = _primary(MetricKind.COUNT, source)
    assert await _value(world, count, *events) == len(passing)


async def test_the_watermark_stands_exactly_where_it_is_held(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR))
    closes = START + HOUR + 2 * DAY
    world.clock.now = START + 10 * DAY
    early = closes - MILLISECOND
    held = await world.log.fold(world.environment_id, hold_at=early)
    assert held.watermark == early
    assert of(await world.state(design), "a", design.primary).raw.n == 0
    held = await world.log.fold(world.environment_id, hold_at=closes)
    assert held.watermark == closes
    assert of(await world.state(design), "a", design.primary).raw.n == 1
    back = await world.log.fold(world.environment_id, hold_at=START)
    assert back.watermark == closes
    free = await world.log.fold(world.environment_id)
    assert free.watermark == START + 10 * DAY - HOUR


async def test_a_new_filter_fills_its_cells_by_a_rebuild(world: World) -> None:
    count = _primary(MetricKind.COUNT, PAID)
    design = phase(world.environment_id, count)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "1", 2 * HOUR, properties={"by": "card"}),
        paid("ann", "1", 3 * HOUR),
    )
    await world.settle()
    cards = replace(PAID, filters=(SourceFilter("by", FilterOperator.IN, ("card",)),))
    edited = replace(design, metrics=(replace(count, numerator=cards),))
    await world.log.publish_phase(edited)
    assert (await world.log.phase_state(design.phase_id)).rebuilding
    await world.settle()
    assert of(await world.state(edited), "a", count).raw.y == 1
