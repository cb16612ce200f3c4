"""Units by day, slices of who was exposed, and curves since exposure."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest

from experiments.design import MetricKind, MetricRole, UnitKind
from experiments.events.errors import UnknownPhase
from experiments.events.log import NewEvent
from experiments.events.state import Sums
from experiments.events.studies import Asked
from tests.experiments.events.world import (
    DAY,
    HOUR,
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


async def test_a_unit_is_new_on_its_first_day_alone(world: World) -> None:
    await world.send(
        event("visit", HOUR, user_id="ann"),
        event("visit", 2 * HOUR, user_id="ann"),
        event("visit", DAY, user_id="ann"),
        event("visit", DAY, anonymous_id="passer-by"),
    )
    days = await world.log.studies.traffic(
        world.environment_id, UnitKind.USER, since=START, until=START + 3 * DAY
    )
    assert [(day.units, day.first_seen) for day in days] == [(1, 1), (2, 1)]


async def test_a_visitor_who_signs_in_is_one_user(world: World) -> None:
    await world.send(
        event("visit", HOUR / 2, anonymous_id="visitor"),
        event("visit", HOUR, user_id="ann", anonymous_id="visitor"),
    )
    await world.settle()
    (day,) = await world.log.studies.traffic(
        world.environment_id, UnitKind.USER, since=START, until=START + DAY
    )
    assert (day.units, day.first_seen) == (1, 1)


async def test_an_account_is_seen_through_its_members(world: World) -> None:
    await world.send(
        event("$membership", HOUR * 0, user_id="ann", account_id="acme"),
        event("visit", DAY, user_id="ann"),
        event("visit", DAY, user_id="bob", account_id="acme"),
        event("visit", DAY, user_id="cat"),
    )
    await world.settle()
    days = await world.log.studies.traffic(
        world.environment_id, UnitKind.ACCOUNT, since=START, until=START + 3 * DAY
    )
    assert [(day.units, day.first_seen) for day in days] == [(1, 1), (1, 0)]


async def test_units_seen_since_many_instants_are_those_of_each_alone(
    world: World,
) -> None:
    await world.send(
        event("visit", HOUR / 2, anonymous_id="visitor"),
        event("visit", HOUR, user_id="ann", anonymous_id="visitor"),
        event("visit", DAY, user_id="ann"),
        event("visit", 2 * DAY, user_id="bob"),
        event("visit", 2 * DAY + HOUR, anonymous_id="passer-by"),
        event("visit", 5 * DAY, user_id="too late"),
    )
    await world.settle()
    until = START + 3 * DAY
    instants = [START, START + DAY, START + 2 * DAY, START + 2 * DAY + HOUR / 4, until]
    seen = await world.log.studies.seen_since(
        world.environment_id, UnitKind.USER, instants, until=until
    )
    assert list(map(seen.__getitem__, instants)) == [3, 3, 2, 1, 0]
    for since in instants:
        days = await world.log.studies.traffic(
            world.environment_id, UnitKind.USER, since=since, until=until
        )
        assert seen[since] == sum(day.first_seen for day in days)
    accounts = await world.log.studies.seen_since(
        world.environment_id, UnitKind.ACCOUNT, [START], until=until
    )
    assert accounts == {START: 0}


async def test_instants_of_one_millisecond_are_all_answered(world: World) -> None:
    """Two phases that start at once have instants that differ by microseconds."""
    await world.send(event("visit", HOUR, user_id="ann"))
    await world.settle()
    instants = [START, START + timedelta(microseconds=300)]
    seen = await world.log.studies.seen_since(
        world.environment_id, UnitKind.USER, instants, until=START + DAY
    )
    assert seen == dict.fromkeys(instants, 1)


async def test_nobody_asks_since_when_and_nothing_is_read(world: World) -> None:
    found = await world.log.studies.seen_since(
        world.environment_id, UnitKind.USER, [], until=START
    )
    assert found == {}


async def test_slices_tell_what_the_first_exposure_carried(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR, properties={"country": "FR", "$plan": "pro"}),
        exposure("ann", "a", DAY, properties={"country": "DE"}),
        exposure("bob", "b", DAY, account_id="acme", properties={"country": "FR"}),
        exposure("cat", "b", DAY),
    )
    await world.settle()
    found = await world.log.studies.slices(design.phase_id, ["$plan"])
    told = {(s.attribute, s.level, s.arm): s.units for s in found}
    assert told["country", "FR", "a"] == 1
    assert told["country", "FR", "b"] == 1
    assert told["country", "unknown", "b"] == 1
    assert told["$plan", "pro", "a"] == 1
    assert told["$plan", "unknown", "b"] == 2
    assert told["$day", "2026-03-27", "a"] == 1
    assert told["$day", "2026-03-28", "b"] == 2
    assert told["sdk", "unknown", "a"] == 1


async def test_rare_levels_are_one(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("first", "a", HOUR, properties={"city": "c0"}),
        *(
            exposure(f"u{n}", "a", HOUR, properties={"city": f"c{n:02}"})
            for n in range(25)
        ),
        exposure("last", "a", HOUR, properties={"city": "c24"}),
    )
    await world.settle()
    found = await world.log.studies.slices(design.phase_id, ["city"])
    cities = {s.level: s.units for s in found if s.attribute == "city"}
    assert (len(cities), cities["c24"], cities["other"]) == (21, 2, 6)


async def test_an_attribute_that_no_event_can_have_is_refused(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    with pytest.raises(ValueError, match="the name of no property"):
        await world.log.studies.slices(design.phase_id, ['a".b'])


async def test_a_curve_adds_up_day_by_day(world: World) -> None:
    revenue = metric("revenue", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, revenue)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "9", HOUR / 2),
        paid("ann", "1", HOUR),
        paid("ann", "2", HOUR + 2 * DAY),
        exposure("bob", "a", HOUR),
        paid("bob", "4", HOUR + DAY),
        exposure("cat", "b", 29 * DAY),
        paid("cat", "4", 29 * DAY),
    )
    await world.settle()
    curve = await world.log.studies.since_exposure(
        design.phase_id, revenue.metric_id, days=3
    )
    one = 10**6
    assert [(point.arm, point.day, point.sums) for point in curve[:3]] == [
        ("a", 0, Sums(n=2, y=one, yy=one**2)),
        ("a", 1, Sums(n=2, y=5 * one, yy=(1 + 16) * one**2)),
        ("a", 2, Sums(n=2, y=7 * one, yy=(9 + 16) * one**2)),
    ]
    assert [(point.arm, point.sums.n) for point in curve[3:]] == [("b", 0)] * 3


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (MetricKind.CONVERSION, {}, [0, 1, 1, 1, 1, 1, 1, 1, 1]),
        (MetricKind.COUNT, {}, [0, 1, 2, 2, 2, 2, 2, 2, 3]),
        (MetricKind.RETENTION, {"retention_day": 2}, [0, 1, 1, 0, 0, 0, 0, 0, 1]),
        (MetricKind.CADENCE, {"weeks": 2}, [0, 1, 1, 1, 1, 1, 1, 1, 2]),
        (MetricKind.CADENCE, {"weeks": 1}, [0, 1, 1, 1, 1, 1, 1, 1, 1]),
        (MetricKind.TIME_TO_EVENT, {}, [0, 1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
async def test_each_kind_grows_in_its_own_way(
    world: World,
    kind: MetricKind,
    changes: dict[str, object],
    expected: list[int],
) -> None:
    visits = metric("visits", kind, VISIT, role=MetricRole.PRIMARY, **changes)
    design = phase(world.environment_id, visits)
    await world.log.publish_phase(design)
    await world.send(
        event("visit", 30 * HOUR, anonymous_id="visitor"),
        event("visit", 3 * DAY, user_id="ann", anonymous_id="visitor"),
        exposure("ann", "a", HOUR),
        event("visit", 8 * DAY + 2 * HOUR, user_id="ann"),
    )
    await world.settle()
    curve = await world.log.studies.since_exposure(
        design.phase_id, visits.metric_id, days=9
    )
    assert [point.sums.y for point in curve if point.arm == "a"] == expected


async def test_a_ratios_curve_keeps_both_sides(world: World) -> None:
    ratio = metric(
        "per_visit", MetricKind.RATIO, PRICE, denominator=VISIT, role=MetricRole.PRIMARY
    )
    design = phase(world.environment_id, ratio, unit=UnitKind.ACCOUNT)
    await world.log.publish_phase(design)
    await world.send(
        event("$membership", HOUR * 0, user_id="bob", account_id="acme"),
        exposure("ann", "a", HOUR, account_id="acme"),
        event("visit", 2 * HOUR, user_id="bob"),
        paid("bob", "3", DAY + 2 * HOUR),
    )
    await world.settle()
    curve = await world.log.studies.since_exposure(
        design.phase_id, ratio.metric_id, days=2
    )
    assert [point.sums for point in curve if point.arm == "a"] == [
        Sums(n=1, d=1, dd=1),
        Sums(n=1, y=3 * 10**6, yy=9 * 10**12, d=1, dd=1, yd=3 * 10**6),
    ]


async def test_a_funnel_grows_by_its_steps_in_order(world: World) -> None:
    """A step counts at or after the one before it, in the block in which it is so."""
    funnel = metric(
        "funnel",
        MetricKind.FUNNEL,
        VISIT,
        later_steps=(PAID, VISIT),
        role=MetricRole.PRIMARY,
    )
    visits = metric("visits", MetricKind.COUNT, VISIT, role=MetricRole.SECONDARY)
    design = phase(world.environment_id, funnel, visits)
    await world.log.publish_phase(design)
    await world.send(
        *(exposure(each, "a", HOUR) for each in ("ann", "bob", "cat", "dan")),
        # All in one block, and at one instant.
        event("visit", 2 * HOUR, user_id="ann"),
        paid("ann", "1", 2 * HOUR),
        # Paid before the visit, and again on the third day; then a visit.
        paid("bob", "1", 2 * HOUR),
        event("visit", DAY + 2 * HOUR, user_id="bob"),
        event("visit", DAY + 3 * HOUR, user_id="bob"),
        paid("bob", "1", 2 * DAY + 2 * HOUR),
        paid("bob", "1", 2 * DAY + 3 * HOUR),
        event("visit", 2 * DAY + 4 * HOUR, user_id="bob"),
        # No visit at all.
        paid("cat", "1", 3 * DAY),
        # One that comes too late to be plotted.
        event("visit", 9 * DAY, user_id="dan"),
    )
    await world.settle()
    curves = await world.log.studies.curves(
        [
            Asked(design.phase_id, funnel.metric_id, 4),
            Asked(design.phase_id, visits.metric_id, 4),
        ]
    )
    found = curves[design.phase_id, funnel.metric_id]
    # ann has all three steps at once: the visit that began it also ends it.
    assert [point.sums for point in found if point.arm == "a"] == [
        Sums(n=4, y=3, yy=9),
        Sums(n=4, y=4, yy=10),
        Sums(n=4, y=6, yy=18),
        Sums(n=4, y=6, yy=18),
    ]
    others = curves[design.phase_id, visits.metric_id]
    assert [point.sums.y for point in others if point.arm == "a"] == [1, 3, 4, 4]


def depth(sent: Sequence[NewEvent], user: str, until: timedelta) -> int:
    """Steps of visit, pay, visit, pay that a user did in order, from the first hour."""
    reached, done = START + HOUR, 0
    for name in ("visit", "paid", "visit", "paid"):
        instants = [
            each.occurred_at
            for each in sent
            if (each.user_id, each.name) == (user, name)
            and each.occurred_at is not None
            and reached <= each.occurred_at < START + until
        ]
        if not instants:
            break
        reached, done = min(instants), done + 1
    return done


@pytest.mark.parametrize("seed", range(3))
async def test_a_funnels_curve_is_its_value_had_the_window_ended_then(
    world: World, seed: int
) -> None:
    """By the plain definition, of people who do the steps in any order and often."""
    draw = np.random.default_rng(seed)
    funnel = metric(
        "funnel",
        MetricKind.FUNNEL,
        VISIT,
        later_steps=(PAID, VISIT, PAID),
        role=MetricRole.PRIMARY,
    )
    design = phase(world.environment_id, funnel)
    await world.log.publish_phase(design)
    sent, days = [], 5
    for user in range(12):
        sent.append(exposure(f"u{user}", "ab"[user % 2], HOUR))
        for instant in np.sort(draw.integers(0, 6 * 24, int(draw.integers(0, 9)))):
            at = int(instant) * HOUR
            sent.append(
                paid(f"u{user}", "1", at)
                if draw.random() < 0.5
                else event("visit", at, user_id=f"u{user}")
            )
    await world.send(*sent)
    await world.settle()
    curve = await world.log.studies.since_exposure(
        design.phase_id, funnel.metric_id, days=days
    )
    for point in curve:
        depths = [
            depth(sent, f"u{user}", HOUR + (point.day + 1) * DAY)
            for user in range(12)
            if "ab"[user % 2] == point.arm
        ]
        y, yy = sum(depths), sum(each * each for each in depths)
        assert point.sums == Sums(n=6, y=y, yy=yy)


@pytest.mark.parametrize("days", [0, 366])
async def test_a_curve_has_one_to_365_days(world: World, days: int) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    with pytest.raises(ValueError, match="1 to 365"):
        await world.log.studies.since_exposure(
            design.phase_id, design.primary.metric_id, days=days
        )


async def test_curves_of_many_metrics_are_those_of_each_alone(world: World) -> None:
    """Two phases share their units and a metric; their windows and days differ."""
    revenue = metric("revenue", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    visits = metric("visits", MetricKind.COUNT, VISIT, role=MetricRole.SECONDARY)
    weeks = metric(
        "weeks", MetricKind.CADENCE, VISIT, role=MetricRole.SECONDARY, weeks=2
    )
    first = phase(world.environment_id, revenue, visits)
    second = phase(world.environment_id, revenue, weeks, experiment_key="other")
    for design in (first, second):
        await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("ann", "b", DAY, experiment_key="other"),
        exposure("bob", "b", 3 * DAY),
        paid("ann", "9", 2 * HOUR),
        paid("ann", "2", DAY + HOUR),
        paid("bob", "4", 3 * DAY + HOUR),
        event("visit", 3 * DAY, user_id="ann"),
        event("visit", 9 * DAY, user_id="ann"),
    )
    await world.settle()
    asked = [
        Asked(first.phase_id, revenue.metric_id, 2),
        Asked(first.phase_id, visits.metric_id, 9),
        Asked(second.phase_id, revenue.metric_id, 27),
        Asked(second.phase_id, weeks.metric_id, 14),
    ]
    curves = await world.log.studies.curves(asked)
    assert len(curves) == len(asked)
    for each in asked:
        alone = await world.log.studies.since_exposure(
            each.phase_id, each.metric_id, days=each.days
        )
        assert curves[each.phase_id, each.metric_id] == alone
    totals = [
        max(point.sums.y for point in curves[each.phase_id, each.metric_id])
        for each in asked
    ]
    assert totals == [11 * 10**6, 2, 2 * 10**6, 2]
    assert await world.log.studies.curves([]) == {}


async def test_a_curve_has_what_a_person_did_under_any_id(world: World) -> None:
    """Before and after a link, with an account or without; members count for one."""
    revenue = metric("revenue", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    people = phase(world.environment_id, revenue)
    accounts = phase(
        world.environment_id, revenue, unit=UnitKind.ACCOUNT, experiment_key="other"
    )
    for design in (people, accounts):
        await world.log.publish_phase(design)
    unnamed = {"user_id": None, "anonymous_id": "visitor"}
    await world.send(
        event("$membership", HOUR, user_id="ann", account_id="acme"),
        event("$membership", 4 * DAY, user_id="ann", account_id="zeta"),
        exposure("ann", "b", 2 * HOUR, account_id="acme", experiment_key="other"),
        exposure("", "a", 2 * HOUR, **unnamed),
        paid("", "1", 3 * HOUR, **unnamed),
        paid("ann", "2", DAY, anonymous_id="visitor"),
        paid("ann", "4", DAY, anonymous_id="phone"),
        paid("", "8", 2 * DAY, user_id=None, anonymous_id="phone"),
        paid("ann", "16", 3 * DAY, account_id="acme"),
        paid("ann", "32", 5 * DAY),
        paid("bob", "64", DAY, account_id="acme"),
    )
    await world.settle()
    for design, arm, expected in ((people, "a", 63), (accounts, "b", 2 + 4 + 16 + 64)):
        curve = await world.log.studies.since_exposure(
            design.phase_id, revenue.metric_id, days=7
        )
        whole = {point.arm: point.sums for point in curve if point.day == 6}
        total = expected * 10**6
        assert whole[arm] == Sums(n=1, y=total, yy=total**2)


async def test_curves_are_of_one_environment(world: World) -> None:
    here, there = phase(world.environment_id), phase(uuid4(), experiment_key="other")
    for design in (here, there):
        await world.log.publish_phase(design)
    with pytest.raises(ValueError, match="one environment at a time"):
        await world.log.studies.curves(
            [Asked(d.phase_id, d.primary.metric_id, 1) for d in (here, there)]
        )
    with pytest.raises(UnknownPhase):
        await world.log.studies.curves([Asked(uuid4(), here.primary.metric_id, 1)])
