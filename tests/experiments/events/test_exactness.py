"""Sums are exact: at the largest totals, in every rounding, capped or retracted."""

from decimal import Decimal

import pytest

from experiments.design import MAX_UNIT_TOTAL, MetricKind, MetricRole
from tests.experiments.events.world import (
    HOUR,
    MILLISECOND,
    PRICE,
    VISIT,
    World,
    event,
    exposure,
    metric,
    of,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


async def test_squares_of_the_largest_totals_are_exact(world: World) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    for number in range(50):
        await world.send(
            exposure(f"u{number}", "a", HOUR),
            paid(f"u{number}", "999999999.999999", 2 * HOUR),
        )
    await world.settle()
    part = of(await world.state(design), "a", price)
    total = MAX_UNIT_TOTAL - 1
    assert (part.raw.n, part.raw.y, part.raw.yy) == (50, 50 * total, 50 * total**2)


async def test_a_total_beyond_the_largest_is_refused_and_counted(world: World) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "1000000000", 2 * HOUR),
        exposure("bob", "a", HOUR),
        paid("bob", "1", 2 * HOUR),
    )
    await world.settle()
    assert of(await world.state(design), "a", price).refused == 0
    await world.send(paid("ann", "0.000001", 3 * HOUR))
    await world.settle()
    part = of(await world.state(design), "a", price)
    assert (part.refused, part.raw.n, part.raw.y, part.maturing) == (1, 1, 10**6, 0)
    await world.send(paid("ann", "-0.000001", 4 * HOUR))
    await world.settle()
    assert of(await world.state(design), "a", price).raw.y == 10**15 + 10**6


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.0000025", 2),
        ("-0.0000005", 0),
        ("-0.0000015", -2),
        ("0.00000050000000000000000001", 1),
        ("-0.00000050000000000000000001", -1),
        ("0.00000149999999999999999999", 1),
    ],
)
async def test_a_value_is_rounded_once_half_to_even(
    world: World, value: str, steps: int
) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), paid("ann", value, 2 * HOUR))
    await world.settle()
    assert of(await world.state(design), "a", price).raw.y == steps


async def test_metrics_of_other_scales_round_the_exact_value(world: World) -> None:
    cents = metric("cents", MetricKind.SUM, PRICE, steps=100, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, cents)
    await world.log.publish_phase(design)
    # In millionths this would be 0.125000 and then, rounded again, 0.12.
    await world.send(exposure("ann", "a", HOUR), paid("ann", "0.1250000001", 2 * HOUR))
    await world.settle()
    assert of(await world.state(design), "a", cents).raw.y == 13


async def test_a_cap_cuts_the_total_and_stands_beside_the_raw_sums(
    world: World,
) -> None:
    price = metric(
        "price", MetricKind.SUM, PRICE, cap=3_000_000, role=MetricRole.PRIMARY
    )
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        *(paid("ann", "2", 2 * HOUR + number * MILLISECOND) for number in range(5)),
    )
    await world.settle()
    part = of(await world.state(design), "a", price)
    assert part.capped is not None
    assert (part.raw.y, part.capped.y) == (10_000_000, 3_000_000)
    assert part.capped.yy == 9 * 10**12


async def test_a_ratio_keeps_the_pair_and_caps_its_numerator_only(world: World) -> None:
    ratio = metric(
        "ratio",
        MetricKind.RATIO,
        PRICE,
        denominator=VISIT,
        cap=1_000_000,
        role=MetricRole.PRIMARY,
    )
    design = phase(world.environment_id, ratio)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "2.5", 2 * HOUR),
        event("visit", 2 * HOUR, user_id="ann"),
        event("visit", 3 * HOUR, user_id="ann"),
    )
    await world.settle()
    part = of(await world.state(design), "a", ratio)
    assert part.capped is not None
    assert (part.raw.y, part.raw.d, part.raw.dd, part.raw.yd) == (
        2_500_000,
        2,
        4,
        5_000_000,
    )
    assert (part.capped.y, part.capped.yd) == (1_000_000, 2_000_000)


async def test_a_quantile_is_the_higher_order_statistic_with_zeros(
    world: World,
) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    for number in range(11):
        await world.send(exposure(f"u{number}", "ab"[number % 2], HOUR))
        if number > 3:
            await world.send(paid(f"u{number}", str(Decimal(number)), 2 * HOUR))
    await world.settle()

    async def quantile(share: float) -> int:
        found = await world.log.unit_total_quantile(
            design.phase_id, price.metric_id, share
        )
        return found // 10**6

    assert [await quantile(share) for share in (0, 0.3, 0.31, 0.9, 0.91, 1)] == [
        0,
        0,
        4,
        9,
        10,
        10,
    ]
