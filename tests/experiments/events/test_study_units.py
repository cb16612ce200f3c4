"""Units' values as columns, and the units that phases share, in worlds done by hand."""

from collections import Counter
from datetime import timedelta

import pytest

from experiments.design import MetricKind, MetricRole, UnitKind
from experiments.events.errors import TooManyRows, UnknownMetric, UnknownPhase
from experiments.events.state import STRATA, Sums
from experiments.events.study_units import ALONE
from experiments.plan import AnalysisPlan
from tests.experiments.events.world import (
    DAY,
    HOUR,
    PLAN,
    PRICE,
    VISIT,
    World,
    event,
    exposure,
    metric,
    paid,
    phase,
)

pytestmark = pytest.mark.stores

REVENUE = metric(
    "revenue", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY, cap=6 * 10**6
)


async def test_a_units_value_stands_in_its_row(world: World) -> None:
    design = phase(world.environment_id, REVENUE)
    await world.log.publish_phase(design)
    await world.send(
        exposure("bob", "b", HOUR),
        paid("bob", "4.5", 2 * HOUR),
        paid("bob", "3", DAY),
        exposure("ann", "a", 2 * HOUR),
    )
    await world.settle()
    found = await world.log.studies.unit_values(
        design.phase_id, REVENUE.metric_id, limit=2
    )
    assert list(found.ids) == ["ann", "bob"]
    assert [found.arms[place] for place in found.arm] == ["a", "b"]
    assert found.y.tolist() == [0, 7_500_000]
    assert found.capped_y.tolist() == [0, 6_000_000]
    assert found.exposed_at[0] - found.exposed_at[1] == HOUR / timedelta(milliseconds=1)


async def test_units_that_mature_are_the_ones_in_the_sums(world: World) -> None:
    design = phase(world.environment_id, plan=AnalysisPlan(lookback_days=2))
    await world.log.publish_phase(design)
    await world.send(
        event("visit", -4 * DAY, user_id="u2"),
        *(paid(f"u{n}", "5", -DAY) for n in (1, 2)),
        *(exposure(f"u{n}", "ab"[n % 2], n * HOUR) for n in range(6)),
        *(paid(f"u{n}", str(n), n * HOUR + DAY) for n in range(6)),
        *(event("visit", n * HOUR, user_id=f"u{n}") for n in range(6)),
    )
    await world.settle()
    state = await world.state(design)
    assert any(part.raw.x for part in state.metrics)
    for part in state.metrics:
        found = await world.log.studies.unit_values(
            design.phase_id, part.metric_id, limit=10
        )
        inside = found.arm == found.arms.index(part.arm)
        y, d, x, w, m = (
            column[inside].astype(object)
            for column in (found.y, found.d, found.x, found.w, found.m)
        )
        assert part.raw == Sums(
            n=len(y),
            y=y.sum(),
            yy=y @ y,
            d=d.sum(),
            dd=d @ d,
            yd=y @ d,
            x=x.sum(),
            xx=x @ x,
            yx=y @ x,
            dx=d @ x,
            w=w.sum(),
            ww=w @ w,
            yw=y @ w,
            dw=d @ w,
            xw=x @ w,
            m=m.sum(),
            ym=y @ m,
            dm=d @ m,
        )


async def test_a_units_stratum_is_the_one_of_the_sums(world: World) -> None:
    design = phase(world.environment_id, plan=PLAN)
    await world.log.publish_phase(design)
    told: tuple[dict[str, object], ...] = (
        {"plan": "team", "seats": 4},
        {"plan": "team", "seats": 2.5, "$country": "DE"},
        {"plan": "gone"},
        {"seats": True},
        {},
    )
    await world.send(
        *(
            exposure(f"u{n}", "ab"[n % 2], n * HOUR, properties=told[n % 5])
            for n in range(15)
        ),
    )
    await world.settle()
    state = await world.state(design)
    part = state.metrics[0]
    found = await world.log.studies.unit_values(
        design.phase_id, part.metric_id, limit=20
    )
    counted = Counter(
        (found.arms[place], level)
        for place, level in zip(found.arm, found.strata, strict=True)
    )
    assert len({level for _, level in counted}) == 5
    assert counted == {
        (each.arm, each.level): each.raw.n
        for each in state.segments
        if each.dimension == STRATA and each.metric_id == part.metric_id
    }


async def test_one_unit_too_many_is_refused(world: World) -> None:
    design = phase(world.environment_id, REVENUE)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), exposure("bob", "b", HOUR))
    await world.settle()
    with pytest.raises(TooManyRows, match="more than 1 rows"):
        await world.log.studies.unit_values(design.phase_id, REVENUE.metric_id, limit=1)


async def test_a_metric_of_another_phase_is_unknown(world: World) -> None:
    design = phase(world.environment_id, REVENUE)
    await world.log.publish_phase(design)
    with pytest.raises(UnknownMetric):
        await world.log.studies.unit_values(design.phase_id, design.phase_id, limit=1)
    with pytest.raises(UnknownPhase):
        await world.log.studies.overlap(design.phase_id, REVENUE.metric_id)


async def test_a_users_cluster_is_the_account_at_exposure(world: World) -> None:
    design = phase(world.environment_id, REVENUE)
    await world.log.publish_phase(design)
    await world.send(
        event("$membership", HOUR * 0, user_id="ann", account_id="acme"),
        exposure("ann", "a", HOUR),
        event("$membership", 2 * HOUR, user_id="ann", account_id="later"),
        exposure("bob", "a", HOUR, account_id="zeta"),
        exposure("cat", "b", HOUR),
        event("visit", 2 * HOUR, user_id="dan", anonymous_id="visitor"),
        event("$membership", HOUR * 0, user_id="dan", account_id="acme"),
        exposure("-", "b", HOUR, user_id=None, anonymous_id="visitor"),
    )
    await world.settle()
    found = await world.log.studies.unit_values(
        design.phase_id, REVENUE.metric_id, limit=9
    )
    clusters = dict(zip(found.ids, found.cluster.tolist(), strict=True))
    assert found.accounts == ("acme", "zeta")
    assert clusters == {"ann": 0, "bob": 1, "cat": ALONE, "visitor": 0}


async def test_an_account_is_its_own_cluster(world: World) -> None:
    design = phase(world.environment_id, REVENUE, unit=UnitKind.ACCOUNT)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR, account_id="acme"))
    await world.settle()
    found = await world.log.studies.unit_values(
        design.phase_id, REVENUE.metric_id, limit=9
    )
    assert (list(found.ids), found.accounts, found.cluster.tolist()) == (
        ["acme"],
        ("acme",),
        [0],
    )


async def test_phases_share_the_ids_that_are_units_of_both(world: World) -> None:
    gate = phase(world.environment_id, REVENUE)
    pricing = phase(world.environment_id, REVENUE, experiment_key="pricing")
    await world.log.publish_phase(gate)
    await world.log.publish_phase(pricing)
    await world.send(
        *(exposure(who, "a", HOUR) for who in ("ann", "bob", "cat")),
        *(exposure(who, "b", DAY, experiment_key="pricing") for who in ("cat", "dan")),
    )
    await world.settle()
    found = await world.log.studies.overlap(gate.phase_id, pricing.phase_id)
    assert (found.units, found.other_units, found.both) == (3, 2, 1)
    assert found.share == 1 / 3


async def test_crossed_cells_hold_the_first_phases_metric(world: World) -> None:
    spent = metric(
        "spent", MetricKind.RATIO, PRICE, denominator=VISIT, role=MetricRole.PRIMARY
    )
    gate = phase(world.environment_id, spent)
    pricing = phase(world.environment_id, REVENUE, experiment_key="pricing")
    await world.log.publish_phase(gate)
    await world.log.publish_phase(pricing)
    await world.send(
        *(exposure(who, arm, HOUR) for who, arm in (("ann", "a"), ("bob", "a"))),
        *(exposure(who, "b", HOUR, experiment_key="pricing") for who in ("ann", "bob")),
        exposure("cat", "b", HOUR),
        paid("ann", "2", 2 * HOUR),
        paid("bob", "3", 2 * HOUR),
        paid("cat", "9", 2 * HOUR),
        event("visit", 2 * HOUR, user_id="ann"),
    )
    await world.settle()
    (cell,) = await world.log.studies.crossed(
        gate.phase_id, pricing.phase_id, spent.metric_id
    )
    assert (cell.arm, cell.other_arm) == ("a", "b")
    assert cell.sums == Sums(n=2, y=5 * 10**6, yy=13 * 10**12, d=1, dd=1, yd=2 * 10**6)
