"""Units: who was randomised, whose events they get, and who is left out."""

from datetime import timedelta

import pytest

from experiments.design import UnitKind
from experiments.events.log import IDENTIFY, MEMBERSHIP, NewEvent
from tests.experiments.events.world import (
    DAY,
    HOUR,
    MILLISECOND,
    START,
    World,
    event,
    exposure,
    of,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


def _anonymous(who: str) -> dict[str, object]:
    return {"user_id": None, "anonymous_id": who}


def _link(anonymous: str, user: str, when: timedelta) -> NewEvent:
    return event(IDENTIFY, when, user_id=user, anonymous_id=anonymous)


async def test_an_exposure_under_an_id_already_linked_makes_no_new_unit(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("", "a", HOUR, **_anonymous("x")),
        _link("x", "ann", 2 * HOUR),
        exposure("ann", "a", 2 * HOUR),
        paid("ann", "5", 3 * HOUR),
    )
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 0}
    assert state.linked == {"a": 0, "b": 0}
    assert of(state, "a", design.primary).raw.y == 1


async def test_a_link_after_both_exposures_keeps_both_units_and_moves_the_events(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("", "a", HOUR, **_anonymous("x")),
        exposure("ann", "b", 2 * HOUR),
        paid("ann", "5", 3 * HOUR),
    )
    await world.settle()
    assert of(await world.state(design), "b", design.primary).raw.y == 1
    await world.send(_link("x", "ann", 2 * HOUR + MILLISECOND))
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 1}
    assert state.linked == {"a": 0, "b": 1}
    assert state.conflicts == {"a": 1, "b": 0}
    assert of(state, "a", design.primary).raw.y == 1
    part = of(state, "b", design.primary)
    assert (part.raw.n, part.raw.y) == (1, 0)


async def test_what_a_visitor_does_as_a_user_counts_for_the_visitors_unit(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("", "a", HOUR, **_anonymous("x")),
        exposure("", "b", HOUR, **_anonymous("y")),
        exposure("ann", "b", HOUR),
        _link("x", "bob", 2 * HOUR),
        paid("bob", "5", 3 * HOUR),
        exposure("bob", "a", 4 * HOUR),
    )
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 2}
    assert state.joined == {"a": 1, "b": 0}
    assert state.linked == {"a": 0, "b": 0}
    assert of(state, "a", design.primary).raw.y == 1
    earlier = HOUR + MILLISECOND
    await world.send(_link("x", "ann", earlier), _link("y", "ann", 5 * HOUR))
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 2, "b": 2}
    assert state.joined == {"a": 1, "b": 1}
    assert sum(state.linked.values()) == 2
    # The visitor was not bob after all, who had paid before he met the variant.
    assert of(state, "a", design.primary).raw.y == 0


async def test_an_id_that_was_not_yet_known_keeps_its_unit(world: World) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("", "a", 2 * HOUR, **_anonymous("x")),
        _link("x", "ann", 2 * HOUR + MILLISECOND),
        exposure("", "a", 2 * HOUR + MILLISECOND, **_anonymous("y")),
        _link("y", "ann", 2 * HOUR + MILLISECOND),
    )
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 2, "b": 0}
    assert state.linked == {"a": 1, "b": 0}


async def test_an_anonymous_id_belongs_to_the_first_user_linked_to_it(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("", "a", HOUR, **_anonymous("x")),
        _link("x", "bob", 3 * HOUR),
        paid("ann", "5", 4 * HOUR),
    )
    await world.settle()
    assert of(await world.state(design), "a", design.primary).raw.y == 0
    await world.send(_link("x", "ann", 2 * HOUR))
    await world.settle()
    assert of(await world.state(design), "a", design.primary).raw.y == 1


async def test_a_user_and_a_visitor_of_the_same_name_are_two_units(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR), exposure("", "b", HOUR, **_anonymous("ann"))
    )
    await world.settle()
    assert (await world.state(design)).exposed == {"a": 1, "b": 1}


async def test_exposure_to_another_arm_is_a_conflict_of_the_first(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(exposure("ann", "b", 2 * HOUR), exposure("ann", "a", HOUR))
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 0}
    assert state.conflicts == {"a": 1, "b": 0}


async def test_of_two_exposures_at_one_instant_the_smaller_event_id_is_first(
    world: World,
) -> None:
    design = phase(world.environment_id)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "b", HOUR, id="a-2"), exposure("ann", "a", HOUR, id="B-1")
    )
    await world.settle()
    assert (await world.state(design)).exposed == {"a": 1, "b": 0}


async def test_units_first_exposed_in_a_gap_are_left_out(world: World) -> None:
    design = phase(world.environment_id, gaps=((START + HOUR, START + 2 * HOUR),))
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR),
        exposure("ann", "a", 3 * HOUR),
        exposure("bob", "a", 2 * HOUR),
        paid("ann", "5", 4 * HOUR),
    )
    await world.settle()
    state = await world.state(design)
    assert (state.exposed["a"], state.in_gaps["a"]) == (1, 1)
    assert of(state, "a", design.primary).raw.y == 0


async def test_exposures_outside_the_phase_do_not_count(world: World) -> None:
    design = phase(world.environment_id, ended_at=START + DAY)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", -MILLISECOND),
        exposure("bob", "a", 0 * HOUR),
        exposure("cid", "a", DAY - MILLISECOND),
        exposure("dan", "a", DAY),
        exposure("eve", "c", HOUR),
        exposure("fay", "a", HOUR, experiment_key="other"),
    )
    await world.settle()
    assert (await world.state(design)).exposed == {"a": 2, "b": 0}


async def test_an_account_unit_takes_the_account_on_the_event(world: World) -> None:
    design = phase(world.environment_id, unit=UnitKind.ACCOUNT)
    await world.log.publish_phase(design)
    await world.send(
        exposure("ann", "a", HOUR, account_id="acme"),
        exposure("bob", "a", 2 * HOUR, account_id="acme"),
        paid("bob", "5", 3 * HOUR, account_id="acme"),
        paid("bob", "5", 3 * HOUR, account_id="bolt"),
    )
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 0}
    assert of(state, "a", design.metrics[2]).raw.n == 1
    assert of(state, "a", design.metrics[3]).raw.d == 1


async def test_an_account_unit_takes_the_membership_in_force(world: World) -> None:
    design = phase(world.environment_id, unit=UnitKind.ACCOUNT)
    await world.log.publish_phase(design)
    await world.send(
        event(MEMBERSHIP, 0 * HOUR, user_id="ann", account_id="acme"),
        exposure("ann", "a", HOUR),
        paid("ann", "5", 2 * HOUR - MILLISECOND),
        paid("ann", "7", 2 * HOUR),
    )
    await world.settle()
    price = design.metrics[3]
    assert of(await world.state(design), "a", price).raw.y == 12_000_000
    await world.send(event(MEMBERSHIP, 2 * HOUR, user_id="ann", account_id="bolt"))
    await world.settle()
    state = await world.state(design)
    assert state.exposed == {"a": 1, "b": 0}
    assert of(state, "a", price).raw.y == 5_000_000
