"""What an id met first: by the order of receipt, whether it is folded or not."""

from datetime import timedelta

import pytest

from core.subjects import SubjectKind
from experiments.events.log import Began
from tests.experiments.events.world import HOUR, START, World, event, exposure

pytestmark = pytest.mark.stores

SINCE = {"gate": Began(2, START)}


async def _met(world: World, *ids: str) -> list[tuple[SubjectKind, str, str]]:
    found = await world.log.first_exposures(world.environment_id, ids, SINCE)
    return [(one.kind, one.id, one.variant_key) for one in found]


async def test_the_first_to_arrive_is_first_whenever_it_happened(world: World) -> None:
    await world.send(exposure("ann", "b", 2 * HOUR))
    await world.send(exposure("ann", "a", HOUR), exposure("ann", "b", HOUR))
    expected = [(SubjectKind.USER, "ann", "b"), (SubjectKind.USER, "ann", "a")]
    assert await _met(world, "ann") == expected
    await world.settle()
    assert await _met(world, "ann") == expected


async def test_folded_and_waiting_exposures_are_one_history(world: World) -> None:
    await world.send(exposure("ann", "b", HOUR, account_id="acme"))
    await world.settle()
    await world.send(
        exposure("ann", "a", HOUR), exposure("", "a", HOUR, **_visitor("ann"))
    )
    assert await _met(world, "ann", "nobody") == [
        (SubjectKind.USER, "ann", "b"),
        (SubjectKind.USER, "ann", "a"),
        (SubjectKind.ANONYMOUS, "ann", "a"),
    ]


async def test_only_what_was_asked_for_is_found(world: World) -> None:
    await world.send(
        exposure("ann", "a", -timedelta(milliseconds=1)),
        exposure("ann", "b", HOUR, experiment_key="other"),
        exposure("bob", "b", HOUR),
        event("paid", HOUR, user_id="ann"),
    )
    assert await _met(world, "ann") == []
    assert await _met(world) == []
    await world.settle()
    assert await _met(world, "ann") == []


async def test_an_exposure_of_another_phase_is_none_of_this_one(world: World) -> None:
    await world.send(exposure("ann", "b", HOUR, phase=1))
    assert await _met(world, "ann") == []
    await world.settle()
    await world.send(exposure("ann", "a", HOUR, phase=2))
    assert await _met(world, "ann") == [(SubjectKind.USER, "ann", "a")]


async def test_an_exposure_with_both_ids_is_the_users(world: World) -> None:
    await world.send(exposure("ann", "a", HOUR, anonymous_id="x"))
    assert await _met(world, "x", "ann") == [(SubjectKind.USER, "ann", "a")]


def _visitor(name: str) -> dict[str, object]:
    return {"user_id": None, "anonymous_id": name}
