"""Appending: durable, once by id, a verdict for each event."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.ids import new_id
from experiments.events.log import NewEvent, Status, open_log
from tests.experiments.events.world import (
    DAY,
    HOUR,
    LATER,
    START,
    Clock,
    World,
    event,
    exposure,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


async def _statuses(world: World, events: list[NewEvent]) -> list[Status]:
    verdicts = await world.log.append(world.environment_id, events)
    assert [verdict.index for verdict in verdicts] == list(range(len(events)))
    assert [verdict.id for verdict in verdicts] == [sent.id for sent in events]
    return [verdict.status for verdict in verdicts]


async def test_an_id_counts_once_in_a_batch_and_after_it(world: World) -> None:
    first, second = paid("ann", "1", HOUR), paid("ann", "2", HOUR)
    assert await _statuses(world, [first, first, second]) == [
        Status.ACCEPTED,
        Status.DUPLICATE,
        Status.ACCEPTED,
    ]
    changed = replace(second, value=Decimal(3))
    assert await _statuses(world, [changed, paid("bob", "1", HOUR)]) == [
        Status.DUPLICATE,
        Status.ACCEPTED,
    ]
    assert await world.log.count(world.environment_id) == 3


async def test_environments_do_not_share_ids(world: World) -> None:
    sent = paid("ann", "1", HOUR)
    other = replace(world, environment_id=new_id())
    assert await _statuses(world, [sent]) == [Status.ACCEPTED]
    assert await _statuses(other, [sent]) == [Status.ACCEPTED]
    assert await world.log.count(other.environment_id) == 1


async def test_five_hundred_with_repeats_and_bad_ones_are_told_apart(
    world: World,
) -> None:
    good = [paid(f"u{number}", "1", HOUR) for number in range(477)]
    bad = [replace(good[0], id=text) for text in ("", "x\x00", "y" * 129)]
    batch = [*good[:100], bad[0], *good[:20], *good[100:300], *bad[1:], *good[300:]]
    first = await _statuses(world, batch)
    assert [first.count(status) for status in Status] == [477, 20, 3]
    again = await _statuses(world, batch)
    assert [again.count(status) for status in Status] == [0, 497, 3]
    rejected = [index for index, status in enumerate(first) if status == "REJECTED"]
    assert rejected == [100, 321, 322]


async def test_callers_at_once_share_commits_and_get_their_own_answers(
    world: World,
) -> None:
    shared = paid("ann", "1", HOUR)
    batches = [[paid(f"u{number}", "1", HOUR), shared] for number in range(50)]
    answers = await asyncio.gather(*(_statuses(world, batch) for batch in batches))
    assert [answer[0] for answer in answers] == [Status.ACCEPTED] * 50
    assert [answer[1] for answer in answers].count(Status.ACCEPTED) == 1
    assert await world.log.count(world.environment_id) == 51


async def test_what_was_acknowledged_is_there_after_opening_again(
    world: World, log_url: str
) -> None:
    sent = [paid("ann", "1", HOUR), exposure("ann", "a", HOUR)]
    await world.log.append(world.environment_id, sent)
    await world.log.close()
    await world.log.open()
    assert await _statuses(world, sent) == [Status.DUPLICATE] * 2
    assert await _statuses(world, [paid("bob", "1", HOUR)]) == [Status.ACCEPTED]
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.settle()
    assert (await world.state(design)).exposed == {"a": 1, "b": 0}


async def test_an_event_dated_ahead_is_moved_to_its_receipt(world: World) -> None:
    near = event("visit", timedelta(0), user_id="ann", occurred_at=LATER + HOUR / 12)
    far = replace(near, id="far", occurred_at=LATER + HOUR / 11)
    verdicts = await world.log.append(world.environment_id, [near, far])
    assert [verdict.code for verdict in verdicts] == [None, "CLOCK"]
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.log.append(world.environment_id, [replace(far, id="alone")])
    await world.settle()
    assert (await world.state(design)).last_event_at == LATER + HOUR / 12


async def test_an_old_event_needs_a_batch(world: World) -> None:
    world.clock.now = START + 36 * DAY
    old = paid("ann", "1", HOUR)
    verdicts = await world.log.append(world.environment_id, [old])
    assert verdicts[0].code == "TOO_OLD"
    verdicts = await world.log.append(world.environment_id, [old], batch_id="2026-03")
    assert verdicts[0].status is Status.ACCEPTED


async def test_health_tells_position_and_backlog(world: World) -> None:
    before = await world.log.health()
    world.clock.now = LATER + 400 * DAY
    now = event("visit", HOUR, user_id="ann", occurred_at=None)
    await world.log.append(world.environment_id, [now])
    after = await world.log.health()
    assert (after.ok, after.backlog - before.backlog) == (True, 1)
    assert after.position > before.position
    assert after.last_append_at == world.clock.now
    await world.settle()
    assert (await world.log.health()).backlog == before.backlog


async def test_compacting_keeps_the_state(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    for number in range(4):
        await world.send(
            exposure(f"u{number}", "a", HOUR), paid(f"u{number}", "5", 2 * HOUR)
        )
        await world.settle()
    state = await world.state(design)
    await world.log.compact(world.environment_id)
    assert await world.state(design) == state


async def test_two_processes_worth_of_logs_append_and_fold_side_by_side(
    world: World, log_url: str
) -> None:
    if log_url.startswith("duckdb"):
        pytest.skip("DuckDB has one process")
    other = open_log(log_url, clock=Clock())
    await other.open()
    shared = [paid(f"u{number}", "1", 2 * HOUR) for number in range(200)]
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await asyncio.gather(
        *(
            log.append(world.environment_id, shared[start : start + 20])
            for start in range(0, 200, 20)
            for log in (world.log, other)
        ),
        *(log.fold(world.environment_id) for log in (world.log, other) * 3),
    )
    await other.close()
    assert await world.log.count(world.environment_id) == 200
    await world.send(*(exposure(f"u{number}", "a", HOUR) for number in range(200)))
    await world.settle()
    state = await world.state(design)
    assert state.exposed["a"] == 200
