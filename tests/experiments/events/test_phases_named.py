"""An exposure that names its phase counts in that one, or in none."""

from dataclasses import replace

import pytest

from experiments.events.log import Stray, StrayReason
from tests.experiments.events.world import (
    DAY,
    HOUR,
    START,
    World,
    exposure,
    of,
    paid,
    phase,
)

pytestmark = pytest.mark.stores


async def test_what_was_kept_past_a_new_randomisation_counts_nowhere(
    world: World,
) -> None:
    old = phase(world.environment_id, ended_at=START + DAY)
    new = phase(world.environment_id, number=2, started_at=START + DAY)
    await world.log.publish_phase(old)
    await world.log.publish_phase(new)
    kept = exposure("ann", "b", DAY + HOUR, phase=1)
    await world.send(kept, paid("ann", "5", DAY + 2 * HOUR))
    await world.settle()
    assert (await world.state(old)).exposed == {"a": 0, "b": 0}
    assert (await world.state(new)).exposed == {"a": 0, "b": 0}
    assert [
        (stray.variant_key, stray.reason, stray.exposures, stray.first_at)
        for stray in await _strays(world)
    ] == [("b", StrayReason.OTHER_PHASE, 1, kept.occurred_at)]

    await world.send(exposure("ann", "a", DAY + 3 * HOUR, phase=2))
    await world.send(paid("ann", "7", DAY + 4 * HOUR))
    await world.settle()
    state = await world.state(new)
    assert state.exposed == {"a": 1, "b": 0}
    assert state.conflicts == {"a": 0, "b": 0}
    assert of(state, "a", new.primary).raw.y == 1


async def test_a_phase_that_ends_later_lets_go_of_what_names_it(world: World) -> None:
    old = phase(world.environment_id)
    await world.log.publish_phase(old)
    await world.send(exposure("ann", "b", DAY + HOUR, phase=1, account_id="acme"))
    await world.settle()
    assert (await world.state(old)).exposed == {"a": 0, "b": 1}
    assert await _strays(world) == []
    await world.log.publish_phase(replace(old, ended_at=START + DAY))
    new = phase(world.environment_id, number=2, started_at=START + DAY)
    await world.log.publish_phase(new)
    await world.settle()
    assert (await world.state(old)).exposed == {"a": 0, "b": 0}
    assert (await world.state(new)).exposed == {"a": 0, "b": 0}
    (stray,) = await _strays(world)
    assert stray.exposures == 1


async def test_one_that_names_no_phase_counts_in_that_under_way(world: World) -> None:
    new = phase(world.environment_id, number=2)
    await world.log.publish_phase(new)
    await world.send(exposure("ann", "b", HOUR), exposure("bob", "b", HOUR, phase=2))
    await world.settle()
    assert (await world.state(new)).exposed == {"a": 0, "b": 2}
    assert await _strays(world) == []


@pytest.mark.parametrize("number", [1, 3])
async def test_one_that_names_a_phase_of_nowhere_here_is_told(
    world: World, number: int
) -> None:
    new = phase(world.environment_id, number=2)
    await world.log.publish_phase(new)
    await world.send(exposure("cas", "b", HOUR, phase=number))
    await world.settle()
    assert (await world.state(new)).exposed == {"a": 0, "b": 0}
    (stray,) = await _strays(world)
    assert (stray.reason, stray.exposures) == (StrayReason.OTHER_PHASE, 1)


async def _strays(world: World) -> list[Stray]:
    return await world.log.stray_exposures(world.environment_id, experiment_key="gate")
