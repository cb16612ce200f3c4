"""Windows: to the millisecond, in blocks of 24 hours, matured by the watermark."""

from datetime import timedelta

import pytest

from experiments.design import MetricKind, MetricRole
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
    of,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


@pytest.mark.parametrize(
    ("when", "counted"),
    [
        (HOUR - MILLISECOND, 0),
        (HOUR, 1),
        (HOUR + 2 * DAY - MILLISECOND, 1),
        (HOUR + 2 * DAY, 0),
    ],
)
async def test_a_window_is_closed_below_and_open_above(
    world: World, when: timedelta, counted: int
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), paid("ann", "5", when))
    await world.settle()
    assert of(await world.state(design), "a", design.primary).raw.y == counted


@pytest.mark.parametrize(
    ("when", "counted"),
    [
        (HOUR + 7 * DAY - MILLISECOND, 0),
        (HOUR + 7 * DAY, 1),
        (HOUR + 8 * DAY - MILLISECOND, 1),
        (HOUR + 8 * DAY, 0),
    ],
)
async def test_retention_on_a_day_is_an_event_in_its_24_hours(
    world: World, when: timedelta, counted: int
) -> None:
    back = metric(
        "back", MetricKind.RETENTION, VISIT, retention_day=7, role=MetricRole.PRIMARY
    )
    design = phase(world.environment_id, back)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), event("visit", when, user_id="ann"))
    await world.settle()
    assert of(await world.state(design), "a", back).raw.y == counted


async def test_a_day_is_24_hours_where_clocks_change(world: World) -> None:
    back = metric(
        "back", MetricKind.RETENTION, VISIT, retention_day=2, role=MetricRole.PRIMARY
    )
    design = phase(world.environment_id, back)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR * 0),
        event("visit", 3 * DAY - MILLISECOND, user_id="ann"),
        exposure("bob", "a", HOUR * 0),
        event("visit", 3 * DAY, user_id="bob"),
    )
    await world.settle()
    assert of(await world.state(design), "a", back).raw.y == 1


async def test_a_unit_matures_when_its_window_has_closed(world: World) -> None:
    bought = metric("bought", MetricKind.CONVERSION, PAID, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, bought)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), paid("ann", "5", 2 * HOUR))
    closes = START + HOUR + 2 * DAY
    await world.settle(closes + HOUR - MILLISECOND)
    part = of(await world.state(design), "a", bought)
    assert (part.raw.n, part.maturing) == (0, 1)
    world.clock.now = closes + HOUR
    assert await world.has_work()
    report = await world.log.fold(world.environment_id)
    assert report.matured == 1
    part = of(await world.state(design), "a", bought)
    assert (part.raw.n, part.raw.y, part.maturing) == (1, 1, 0)
    assert not await world.has_work()


async def test_a_late_event_corrects_a_matured_unit(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR))
    await world.settle()
    assert of(await world.state(design), "a", design.primary).raw.y == 0
    await world.send(paid("ann", "5", 2 * HOUR))
    await world.settle()
    part = of(await world.state(design), "a", design.primary)
    assert (part.raw.n, part.raw.y) == (1, 1)


async def test_an_earlier_exposure_that_arrives_late_moves_the_window(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", 3 * DAY), paid("ann", "5", 4 * DAY))
    await world.settle()
    assert of(await world.state(design), "a", design.primary).raw.y == 1
    await world.send(exposure("ann", "b", HOUR))
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 0, "b": 1}
    assert state.conflicts == {"a": 0, "b": 1}
    assert of(state, "b", design.primary).raw.y == 0


async def test_the_watermark_waits_for_a_backlog_and_never_falls(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), exposure("bob", "a", HOUR))
    world.clock.now = START + 10 * DAY
    held = await world.log.fold(world.environment_id, limit=1)
    assert (held.backlog, (await world.log.phase_state(design.phase_id)).backlog) == (
        1,
        1,
    )
    assert held.watermark < START
    caught_up = await world.log.fold(world.environment_id, limit=1)
    assert caught_up.watermark == START + 10 * DAY - HOUR
    world.clock.now = START + 5 * DAY
    later = await world.log.fold(world.environment_id)
    assert later.watermark == START + 10 * DAY - HOUR


async def test_a_finished_import_matures_up_to_now(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR))
    world.clock.now = START + HOUR + 2 * DAY
    await world.log.fold(world.environment_id)
    assert of(await world.state(design), "a", design.primary).maturing == 1
    await world.log.finish_import(world.environment_id)
    await world.log.fold(world.environment_id)
    assert of(await world.state(design), "a", design.primary).raw.n == 1


async def test_delay_opens_the_window_later(world: World) -> None:
    late = metric("late", MetricKind.SUM, PRICE, delay_days=1, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, late)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "1", HOUR + DAY - MILLISECOND),
        paid("ann", "10", HOUR + DAY),
        paid("ann", "100", HOUR + 3 * DAY - MILLISECOND),
        paid("ann", "1000", HOUR + 3 * DAY),
    )
    await world.settle()
    assert of(await world.state(design), "a", late).raw.y == 110_000_000
