"""Published designs: idempotent, and rebuilt where their numbers could differ."""

from dataclasses import replace

import pytest

from core.ids import new_id
from experiments.design import MetricKind, MetricRole, Source, SourceValue
from experiments.events.errors import Unfoldable, UnknownPhase, UnreadableProperty
from experiments.plan import AnalysisPlan, Dimension
from tests.experiments.events.world import (
    DAY,
    HOUR,
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


async def test_publishing_again_changes_nothing(world: World) -> None:
    design = phase(world.environment_id)
    assert await world.log.publish_phase(design)
    await world.settle()
    assert not await world.log.publish_phase(design)
    assert not await world.has_work()


async def test_a_new_name_or_coverage_needs_no_rebuild(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.settle()
    assert await world.log.publish_phase(replace(design, coverage=0.5))
    assert not await world.has_work()


async def test_events_older_than_the_phase_are_read_when_it_is_published(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.send(exposure("ann", "a", HOUR), paid("ann", "5", 2 * HOUR))
    await world.settle()
    await world.log.publish_phase(design)
    assert (await world.log.phase_state(design.phase_id)).backlog == 1
    await world.settle()
    state = await world.state(design)
    assert state.backlog == 0
    assert of(state, "a", design.primary).raw.y == 1


async def test_a_new_source_and_an_edited_cap_rebuild_the_phase(world: World) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        paid("ann", "5", 2 * HOUR),
        event("visit", 2 * HOUR, user_id="ann"),
    )
    await world.settle()
    visits = metric("visits", MetricKind.COUNT, VISIT)
    edited = replace(design, metrics=(replace(price, cap=2_000_000), visits))
    assert await world.log.publish_phase(edited)
    assert await world.has_work()
    await world.settle()
    state = await world.state(edited)
    capped = of(state, "a", price).capped
    assert capped is not None
    assert capped.y == 2_000_000
    assert of(state, "a", visits).raw.y == 1


async def test_ending_a_phase_and_pausing_it_leave_units_out(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("bob", "a", 3 * HOUR),
        exposure("cid", "a", DAY),
    )
    await world.settle()
    assert (await world.state(design)).exposed["a"] == 3
    ended = replace(
        design, ended_at=START + DAY, gaps=((START + 2 * HOUR, START + 4 * HOUR),)
    )
    await world.log.publish_phase(ended)
    await world.settle()
    state = await world.state(ended)
    assert (state.exposed["a"], state.in_gaps["a"]) == (1, 1)


async def test_an_end_or_a_pause_after_every_exposure_needs_no_rebuild(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "a", HOUR), paid("ann", "5", 2 * HOUR))
    await world.settle()
    opened = replace(design, gaps=((START + 2 * HOUR, None),))
    closed = replace(design, gaps=((START + 2 * HOUR, START + 4 * HOUR),))
    for edited in (opened, closed, replace(closed, ended_at=START + DAY)):
        assert await world.log.publish_phase(edited)
        assert not await world.has_work()
    await world.send(exposure("bob", "a", 3 * HOUR), exposure("cid", "a", 2 * DAY))
    await world.settle()
    state = await world.state(edited)
    assert (state.exposed["a"], state.in_gaps["a"]) == (1, 1)


async def test_taking_an_end_back_lets_in_who_came_after_it(world: World) -> None:
    design = phase(world.environment_id)
    ended = replace(design, ended_at=START + DAY)
    await world.log.publish_phase(ended)
    await world.send(exposure("ann", "a", HOUR), exposure("bob", "a", 2 * DAY))
    await world.settle()
    assert (await world.state(ended)).exposed["a"] == 1
    await world.log.publish_phase(design)
    await world.settle()
    assert (await world.state(design)).exposed["a"] == 2


async def test_another_cap_alone_is_applied_to_the_values_that_are_there(
    world: World,
) -> None:
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = phase(world.environment_id, price)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("bob", "b", HOUR),
        paid("ann", "5", 2 * HOUR),
        paid("bob", "1.5", 2 * HOUR),
        paid("bob", "-4", 3 * HOUR),
    )
    await world.settle()
    for cap in (2_000_000, 3_000_000, 0, None):
        edited = replace(design, metrics=(replace(price, cap=cap),))
        assert await world.log.publish_phase(edited)
        assert not await world.has_work()
        capped = of(await world.state(edited), "a", price).capped
        assert (None if capped is None else capped.y) == cap
    await world.send(paid("ann", "1", 4 * HOUR))
    await world.settle()
    assert of(await world.state(design), "a", price).raw.y == 6_000_000


async def test_a_design_that_finishes_its_import_raises_the_watermark(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.log.publish_phase(replace(design, finished_import=True))
    report = await world.log.fold(world.environment_id)
    assert report.watermark == world.clock.now


@pytest.mark.parametrize(
    "change", [{"steps": 0}, {"steps": 10**10}, {"later_steps": (VISIT,) * 20}]
)
async def test_a_metric_beyond_what_can_be_folded_is_refused(
    world: World, change: dict[str, object]
) -> None:
    funnel = metric(
        "funnel", MetricKind.FUNNEL, VISIT, role=MetricRole.PRIMARY, **change
    )
    with pytest.raises(Unfoldable, match="funnel"):
        await world.log.publish_phase(phase(world.environment_id, funnel))


@pytest.mark.parametrize("name", ["", 'a"b', "a b", "a" * 129])
async def test_a_property_that_no_event_can_carry_is_refused(
    world: World, name: str
) -> None:
    source = Source("paid", SourceValue.VALUE, property=name)
    design = phase(
        world.environment_id,
        metric("price", MetricKind.SUM, source, role=MetricRole.PRIMARY),
    )
    with pytest.raises(UnreadableProperty):
        await world.log.publish_phase(design)
    plan = AnalysisPlan(dimensions=(Dimension("plan", name),))
    with pytest.raises(UnreadableProperty):
        await world.log.publish_phase(phase(world.environment_id, plan=plan))


async def test_an_unknown_phase_is_named(world: World) -> None:
    with pytest.raises(UnknownPhase):
        await world.log.phase_state(new_id())
