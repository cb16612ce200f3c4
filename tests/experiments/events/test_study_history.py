"""A metric over past units, the health of its events, and exports, done by hand."""

from datetime import timedelta

import pytest

from experiments.design import (
    FilterOperator,
    MetricKind,
    Source,
    SourceFilter,
    SourceValue,
    UnitKind,
)
from experiments.events.errors import BadCursor, TooManyRows, UnknownMetric
from tests.experiments.events.world import (
    DAY,
    HOUR,
    MILLISECOND,
    PAID,
    PRICE,
    START,
    VISIT,
    World,
    event,
    exposure,
    metric,
    paid,
    phase,
)

pytestmark = pytest.mark.stores

UNTIL = START + 10 * DAY
EXTRA = Source("extra", SourceValue.ONE)


async def test_a_unit_stands_at_its_first_event_in_the_period(world: World) -> None:
    revenue = metric("revenue", MetricKind.SUM, PRICE, delay_days=1)
    await world.send(
        event("visit", -HOUR, user_id="ann"),
        event("visit", HOUR, user_id="ann"),
        paid("ann", "1", HOUR + DAY - MILLISECOND),
        paid("ann", "2.5", HOUR + DAY),
        paid("ann", "4", HOUR + 3 * DAY - MILLISECOND),
        paid("ann", "8", HOUR + 3 * DAY),
        event("visit", HOUR, user_id="bob"),
    )
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, revenue, since=START, until=UNTIL, limit=9
    )
    assert (list(found.ids), found.y.tolist()) == (["ann", "bob"], [6_500_000, 0])
    assert (found.population, found.sampled) == (2, False)


@pytest.mark.parametrize(("seen", "units"), [(8 * DAY, 1), (8 * DAY + MILLISECOND, 0)])
async def test_a_window_lies_wholly_inside_the_period(
    world: World, seen: timedelta, units: int
) -> None:
    bought = metric("bought", MetricKind.CONVERSION, PAID)
    await world.send(event("visit", seen, user_id="ann"))
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, bought, since=START, until=UNTIL, limit=9
    )
    assert len(found.ids) == units


async def test_a_visitor_and_their_user_are_one_unit_of_the_past(world: World) -> None:
    visits = metric("visits", MetricKind.COUNT, VISIT)
    await world.send(
        event("visit", HOUR, anonymous_id="visitor"),
        event("visit", 2 * HOUR, user_id="ann", anonymous_id="visitor"),
        event("visit", 3 * HOUR, user_id="ann"),
    )
    await world.settle()
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, visits, since=START, until=UNTIL, limit=9
    )
    assert (list(found.ids), found.y.tolist()) == (["ann"], [3])


async def test_of_many_units_a_part_is_read(world: World) -> None:
    visits = metric("visits", MetricKind.COUNT, VISIT)
    await world.send(*(event("visit", HOUR, user_id=f"u{n}") for n in range(9)))
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, visits, since=START, until=UNTIL, limit=4
    )
    assert (len(found.ids), found.population, found.sampled) == (4, 9, True)


async def test_the_pooled_quantile_counts_zeros(world: World) -> None:
    revenue = metric("revenue", MetricKind.SUM, PRICE)
    await world.send(
        *(event("visit", HOUR, user_id=f"u{n}") for n in range(4)),
        paid("u0", "7", 2 * HOUR),
        paid("u1", "5", 2 * HOUR),
    )
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, revenue, since=START, until=UNTIL, limit=9
    )
    assert [found.quantile(q) for q in (0.3, 0.5, 0.99)] == [0, 5_000_000, 7_000_000]


async def test_filters_and_a_property_decide_what_an_event_adds(world: World) -> None:
    seats = Source(
        "upgrade",
        SourceValue.VALUE,
        (
            SourceFilter("plan", FilterOperator.IN, ("team", "2")),
            SourceFilter("seats", FilterOperator.AT_LEAST, ("3",)),
            SourceFilter("trial", FilterOperator.NOT_IN, ("true",)),
        ),
        "seats",
    )
    added = metric("seats", MetricKind.SUM, seats)
    sent: list[dict[str, object]] = [
        {"plan": "team", "seats": 3},
        {"plan": 2, "seats": 4.5},
        {"plan": "solo", "seats": 9},
        {"plan": "team", "seats": 2.99},
        {"plan": "team", "seats": 8, "trial": True},
        {"plan": "team", "seats": "many"},
        {"plan": "team"},
    ]
    await world.send(
        *(event("upgrade", HOUR, user_id="ann", properties=each) for each in sent)
    )
    found = await world.log.studies.history(
        world.environment_id, UnitKind.USER, added, since=START, until=UNTIL, limit=9
    )
    assert found.y.tolist() == [7_500_000]
    health = await world.log.studies.source_health(
        world.environment_id, seats, since=START, until=UNTIL
    )
    assert (health.events, health.without_value) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "changes", "y"),
    [
        (MetricKind.CADENCE, {"weeks": 4}, 3),
        (MetricKind.FUNNEL, {"later_steps": (PAID, EXTRA), "window_days": 28}, 2),
        (MetricKind.TIME_TO_EVENT, {"delay_days": 2, "window_days": 28}, 4),
        (MetricKind.RETENTION, {"retention_day": 5, "retention_span": 2}, 1),
        (MetricKind.QUANTILE, {"quantile": 0.9, "window_days": 28}, 4),
    ],
)
async def test_every_kind_has_its_past(
    world: World, kind: MetricKind, changes: dict[str, object], y: int
) -> None:
    it = metric("it", kind, VISIT, **changes)
    await world.send(
        event("open", HOUR * 0, user_id="ann"),
        *(event("visit", day * DAY, user_id="ann") for day in (0, 6, 7, 27)),
        event("extra", DAY, user_id="ann"),
        event("paid", 2 * DAY, user_id="ann"),
    )
    found = await world.log.studies.history(
        world.environment_id,
        UnitKind.USER,
        it,
        since=START,
        until=START + 40 * DAY,
        limit=9,
    )
    assert (found.y.tolist(), found.d.tolist()) == ([y], [0])


async def test_health_tells_who_and_what_is_missing(world: World) -> None:
    await world.send(
        paid("ann", "3", HOUR),
        event("paid", HOUR, user_id="bob"),
        event("paid", 2 * HOUR, account_id="acme"),
        event("visit", 3 * HOUR, user_id="bob"),
        paid("ann", "3", -HOUR),
    )
    found = await world.log.studies.source_health(
        world.environment_id, PRICE, since=START, until=UNTIL
    )
    assert (found.events, found.last_event_at) == (3, START + 2 * HOUR)
    assert (found.without_person, found.without_account) == (1, 2)
    assert found.without_value == 2
    assert [(day.day.day, day.events) for day in found.days] == [(27, 2), (28, 1)]


async def test_a_source_that_never_came_has_no_events(world: World) -> None:
    found = await world.log.studies.source_health(
        world.environment_id, PRICE, since=START, until=UNTIL
    )
    assert (found.events, found.last_event_at, found.days) == (0, None, ())


async def test_exposures_are_seen_before_any_phase(world: World) -> None:
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("ann", "a", DAY),
        exposure("bob", "typo", 2 * HOUR),
    )
    found = await world.log.studies.qa_exposures(world.environment_id, "gate")
    assert [(each.variant_key, each.exposures, each.subjects) for each in found] == [
        ("a", 2, 1),
        ("typo", 1, 1),
    ]
    assert (found[0].first_at, found[0].last_at) == (START + HOUR, START + DAY)


async def test_pages_bring_every_row_once(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        *(exposure(who, "a", HOUR) for who in ("ann", "bob", "cat")),
        exposure("-", "b", HOUR, user_id=None, anonymous_id="zoe"),
        paid("bob", "3", 2 * HOUR),
    )
    await world.settle()
    studies = world.log.studies
    first = await studies.exposures(design.phase_id, after=None, limit=3)
    rest = await studies.exposures(design.phase_id, after=first[-1].cursor, limit=3)
    assert [(row.kind, row.id) for row in (*first, *rest)] == [
        ("anonymous", "zoe"),
        ("user", "ann"),
        ("user", "bob"),
        ("user", "cat"),
    ]
    primary = design.primary.metric_id
    page = await studies.values(design.phase_id, primary, after=None, limit=3)
    assert [(row.id, row.y) for row in page] == [("zoe", 0), ("ann", 0), ("bob", 1)]
    (last,) = await studies.values(
        design.phase_id, primary, after=page[-1].cursor, limit=3
    )
    assert (last.id, last.y, last.refused) == ("cat", 0, False)


async def test_a_page_is_bounded_and_comes_after_a_row(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    studies = world.log.studies
    with pytest.raises(TooManyRows):
        await studies.exposures(design.phase_id, after=None, limit=10_001)
    with pytest.raises(BadCursor):
        await studies.exposures(design.phase_id, after="ann", limit=1)
    with pytest.raises(UnknownMetric):
        await studies.values(design.phase_id, design.phase_id, after=None, limit=1)
