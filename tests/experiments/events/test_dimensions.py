"""Levels at first exposure and values before it, in numbers worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from experiments.design import MetricDesign, MetricKind, MetricRole, UnitKind
from experiments.events.log import IDENTIFY, MEMBERSHIP
from experiments.events.state import Sums
from experiments.plan import OTHER, UNKNOWN, Adjustment, AnalysisPlan
from tests.experiments.events.world import (
    DAY,
    HOUR,
    MILLISECOND,
    PAID,
    PLAN,
    PRICE,
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

PRICED = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
LOOKING = AnalysisPlan(lookback_days=2)


async def test_a_units_levels_are_those_of_its_first_exposure(world: World) -> None:
    design = phase(world.environment_id, PRICED, plan=PLAN)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR, properties={"plan": "team", "seats": 4}),
        exposure("ann", "a", 2 * HOUR, properties={"plan": "free", "seats": 2.5}),
        exposure("bob", "b", HOUR, properties={"plan": "gold", "seats": True}),
        exposure("cid", "b", HOUR, properties={"seats": None, "$country": ["DE"]}),
        paid("ann", "3", 2 * HOUR),
    )
    await world.settle()
    state = await world.state(design)
    assert state.levels == {
        "plan": {
            "team": {"a": 1, "b": 0},
            OTHER: {"a": 0, "b": 1},
            UNKNOWN: {"a": 0, "b": 1},
        },
        "size": {
            "4": {"a": 1, "b": 0},
            "true": {"a": 0, "b": 1},
            UNKNOWN: {"a": 0, "b": 1},
        },
        "country": {UNKNOWN: {"a": 1, "b": 2}},
        "$strata": {
            "1.0": {"a": 1, "b": 0},
            "2.2": {"a": 0, "b": 1},
            "3.4": {"a": 0, "b": 1},
        },
    }
    assert level_of(state, "a", PRICED, "plan", "team").raw.y == 3_000_000
    assert level_of(state, "a", PRICED, "$strata", "1.0").raw.n == 1


async def test_an_earlier_exposure_that_arrives_late_files_the_unit_anew(
    world: World,
) -> None:
    design = phase(world.environment_id, PRICED, plan=PLAN)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", 2 * HOUR, properties={"plan": "team"}),
        paid("ann", "3", 3 * HOUR),
    )
    await world.settle()
    await world.send(exposure("ann", "b", HOUR, properties={"plan": "free"}))
    await world.settle()
    state = await world.state(design)
    assert state.levels["plan"] == {"free": {"a": 0, "b": 1}}
    assert level_of(state, "b", PRICED, "plan", "free").raw.y == 3_000_000
    assert {part.level for part in state.segments if part.dimension == "plan"} == {
        "free"
    }


async def _sums(world: World, measured: MetricDesign) -> Sums:
    """Of ann, who is exposed on the fourth day and looked back at for two days."""
    design = phase(world.environment_id, measured, plan=LOOKING)
    await world.log.publish_phase(design)
    seen, exposed = HOUR, 4 * DAY
    await world.send(
        event("unheard", seen, user_id="ann"),
        paid("ann", "100", exposed - 2 * DAY - MILLISECOND),
        paid("ann", "2", exposed - 2 * DAY),
        paid("ann", "3", exposed - MILLISECOND),
        event("visit", exposed - HOUR, user_id="ann"),
        exposure("ann", "a", exposed),
        paid("ann", "7", exposed),
        event("visit", exposed + HOUR, user_id="ann"),
    )
    await world.settle()
    return of(await world.state(design), "a", measured).raw


@pytest.mark.parametrize(
    ("kind", "changes", "x", "w"),
    [
        (MetricKind.CONVERSION, {}, 1, 0),
        (MetricKind.COUNT, {}, 2, 0),
        (MetricKind.COUNT, {"cap": 1}, 1, 0),
        (MetricKind.SUM, {"numerator": PRICE}, 5_000_000, 0),
        (MetricKind.QUANTILE, {"numerator": PRICE, "cap": 4}, 4, 0),
        (MetricKind.MEAN, {"numerator": PRICE}, 5_000_000, 2),
        (MetricKind.RATIO, {"denominator": VISIT}, 2, 1),
        (MetricKind.RETENTION, {"retention_day": 1}, 1, 0),
        (MetricKind.CADENCE, {"weeks": 1}, 1, 0),
        (MetricKind.TIME_TO_EVENT, {}, 1, 0),
        (MetricKind.FUNNEL, {"later_steps": (VISIT,)}, 1, 0),
    ],
)
async def test_a_covariate_is_the_value_over_the_days_before_exposure(
    world: World, kind: MetricKind, changes: dict[str, object], x: int, w: int
) -> None:
    measured = replace(metric("it", kind, PAID, role=MetricRole.PRIMARY), **changes)  # type: ignore[arg-type]
    found = await _sums(world, measured)
    assert (found.n, found.x, found.w, found.m) == (1, x, w, 0)
    assert (found.xx, found.ww, found.xw) == (x * x, w * w, x * w)
    assert (found.yx, found.dx) == (found.y * x, found.d * x)
    assert (found.yw, found.dw) == (found.y * w, found.d * w)


@pytest.mark.parametrize(
    ("first_seen", "missing"),
    [(timedelta(0), 1), (-MILLISECOND, 0)],
)
async def test_who_was_not_known_before_the_lookback_has_no_history(
    world: World, first_seen: timedelta, missing: int
) -> None:
    design = phase(world.environment_id, PRICED, plan=LOOKING)
    await world.log.publish_phase(design)
    await world.send(
        paid("ann", "3", 3 * DAY),
        exposure("ann", "a", 4 * DAY),
        paid("ann", "7", 4 * DAY),
    )
    await world.settle()
    part = of(await world.state(design), "a", PRICED).raw
    assert (part.m, part.x, part.ym) == (1, 0, 7_000_000)
    heard = event("unheard", 2 * DAY + first_seen, anonymous_id="x")
    await world.send(heard)
    await world.send(event(IDENTIFY, 5 * DAY, user_id="ann", anonymous_id="x"))
    await world.settle()
    part = of(await world.state(design), "a", PRICED).raw
    assert (part.m, part.x) == (missing, 0 if missing else 3_000_000)
    (row,) = await world.log.studies.values(
        design.phase_id, PRICED.metric_id, after=None, limit=9
    )
    assert (row.y, row.x, row.w, row.m) == (7_000_000, part.x, part.w, part.m)


async def test_an_account_is_known_from_the_first_event_that_names_it(
    world: World,
) -> None:
    design = phase(world.environment_id, PRICED, unit=UnitKind.ACCOUNT, plan=LOOKING)
    await world.log.publish_phase(design)
    await world.send(
        event("unheard", 0 * DAY, user_id="ann"),
        event(MEMBERSHIP, DAY, user_id="ann", account_id="acme"),
        paid("ann", "3", 3 * DAY),
        exposure("ann", "a", 4 * DAY),
        exposure("bob", "a", 4 * DAY, account_id="bolt"),
    )
    await world.settle()
    part = of(await world.state(design), "a", PRICED).raw
    assert (part.n, part.x, part.m) == (2, 3_000_000, 1)


@pytest.mark.parametrize(
    "plan",
    [
        None,
        AnalysisPlan(lookback_days=0),
        AnalysisPlan(lookback_days=2, adjustment=Adjustment.NONE),
    ],
)
async def test_without_a_lookback_covariates_are_zero(
    world: World, plan: AnalysisPlan | None
) -> None:
    design = phase(world.environment_id, PRICED, plan=plan)
    await world.log.publish_phase(design)
    await world.send(paid("ann", "3", DAY), exposure("ann", "a", 4 * DAY))
    await world.settle()
    part = of(await world.state(design), "a", PRICED).raw
    assert (part.n, part.x, part.w, part.m) == (1, 0, 0, 0)


async def test_another_cap_cuts_what_came_before_as_well(world: World) -> None:
    design = phase(world.environment_id, PRICED, plan=replace(PLAN, lookback_days=2))
    await world.log.publish_phase(design)
    await world.send(
        event("unheard", HOUR, user_id="ann"),
        paid("ann", "5", 3 * DAY),
        exposure("ann", "a", 4 * DAY, properties={"plan": "team"}),
    )
    await world.settle()
    for cap, x in ((2_000_000, 2_000_000), (None, 5_000_000)):
        edited = replace(design, metrics=(replace(PRICED, cap=cap),))
        await world.log.publish_phase(edited)
        assert not await world.has_work()
        state = await world.state(edited)
        assert of(state, "a", PRICED).raw.x == x
        assert level_of(state, "a", PRICED, "plan", "team").raw.x == x


async def test_days_are_the_sums_by_day_of_first_exposure(world: World) -> None:
    design = phase(world.environment_id, PRICED, plan=PLAN)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("bob", "a", HOUR),
        exposure("cid", "a", DAY),
        paid("ann", "2", 2 * HOUR),
        paid("cid", "5", DAY),
    )
    await world.settle()
    await world.log.compact(world.environment_id)
    found = (await world.log.days([design.phase_id]))[design.phase_id]
    assert [(part.day, part.raw.n, part.raw.y) for part in found] == [
        (date(2026, 3, 27), 2, 2_000_000),
        (date(2026, 3, 28), 1, 5_000_000),
    ]
    assert (await world.state(design)).levels["plan"] == {UNKNOWN: {"a": 3, "b": 0}}
