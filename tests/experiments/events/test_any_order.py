"""The state is the same however events come: any order, repeats, splits, lateness."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.ids import new_id
from experiments.design import PhaseDesign, UnitKind
from experiments.events.log import EXPOSURE, IDENTIFY, MEMBERSHIP, NewEvent
from experiments.events.state import PhaseState
from tests.experiments.events.world import (
    DAY,
    HOUR,
    MILLISECOND,
    PLAN,
    START,
    World,
    detailed_metrics,
    phase,
)

pytestmark = pytest.mark.stores

ALONE = st.sampled_from([("ann", None), ("bob", None), (None, "x"), (None, "ann")])
LINKED = st.sampled_from([("ann", "x"), ("ann", "ann"), ("bob", "x"), ("bob", "ann")])
ACCOUNTS = st.sampled_from([None, None, "acme", "bolt"])
WHEN = st.builds(
    lambda hours, off: START + hours * HOUR + off * MILLISECOND,
    st.sampled_from([-1, 0, 1, 2, 3, 24, 25, 48, 49, 72, 96, 120]),
    st.sampled_from([-1, 0, 0, 0, 1]),
)
OTHER_IDS = {"ann": "9-f3", "bob": "1-0c", "x": "5-aa", "acme": "z-7", "bolt": "b-2"}
"""What ids are replaced by when persons are erased: the numbers stay."""
KINDS = [EXPOSURE] * 3 + ["paid"] * 3 + ["visit", IDENTIFY, MEMBERSHIP, "unheard"]
VALUES = st.sampled_from(["1", "-0.5", "0.0000005", "0.0000015", "2.675", "999999999"])


SCALARS = [4, 2.5, True, False, None, ["DE"], 1e16, 2**70, 1e-6, -0.0, 1e22, "4"]
NUMBERS = [1, 1.5, "2.5", 5e-7, "1e-7", "0.00000050000000000000000001", 10**9, -(10**9)]
NO_NUMBERS = ["1_0", " 1", "1e10", 10**10, True, None, [1], "NaN"]
TOLD: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.sampled_from(["free", "team", "other", "gone", None]),
        "seats": st.sampled_from(SCALARS),
        "$country": st.sampled_from(["DE", "", "unknown"]),
    },
)
BOUGHT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([*NUMBERS, *NO_NUMBERS]),
        "by": st.sampled_from(["card", 4, "bank", True, None]),
    },
)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, and one way in which the log came to know it."""

    events: list[NewEvent]
    arrivals: list[NewEvent]
    straggler: NewEvent
    """The last to arrive, and alone: a link, where there is one."""
    sizes: list[int]
    limits: list[int]
    clocks: list[timedelta]
    published_after: int
    unit: UnitKind
    ends: bool
    pauses: bool
    detailed: bool
    """Whether the metrics read properties and single events, in dimensions."""


@st.composite
def _events(draw: st.DrawFn) -> NewEvent:
    kind = draw(st.sampled_from(KINDS))
    both = kind == IDENTIFY or draw(st.integers(0, 9)) == 0
    user, anonymous = draw(LINKED if both else ALONE)
    exposed = kind == EXPOSURE
    return NewEvent(
        id=str(new_id()),
        name=kind,
        user_id=user,
        anonymous_id=anonymous,
        account_id=draw(ACCOUNTS),
        occurred_at=draw(WHEN),
        value=Decimal(draw(VALUES)) if kind == "paid" else None,
        experiment_key="gate" if exposed else None,
        variant_key=draw(st.sampled_from("aabbbc")) if exposed else None,
        phase=draw(st.sampled_from([None, None, 1, 2])) if exposed else None,
        properties=draw(TOLD if exposed else BOUGHT),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Events, and a shuffled, repeated, split and interrupted arrival of them."""
    events = draw(st.lists(_events(), min_size=10, max_size=25))
    repeats = draw(st.lists(st.sampled_from(events), max_size=5))
    links = [event for event in events if event.name == IDENTIFY]
    straggler = draw(st.sampled_from(links or events))
    prompt = [event for event in events + repeats if event is not straggler]
    return Story(
        events=events,
        arrivals=draw(st.permutations(prompt)),
        straggler=straggler,
        sizes=draw(st.lists(st.integers(1, 9), min_size=4, max_size=4)),
        limits=draw(st.lists(st.integers(1, 9), min_size=4, max_size=4)),
        clocks=sorted(draw(st.lists(_waits(), min_size=4, max_size=4))),
        published_after=draw(st.sampled_from([0, 0, 0, 2, 4])),
        unit=draw(st.sampled_from([UnitKind.USER, UnitKind.USER, UnitKind.ACCOUNT])),
        ends=draw(st.booleans()),
        pauses=draw(st.booleans()),
        detailed=draw(st.sampled_from([True, True, False])),
    )


def _waits() -> st.SearchStrategy[timedelta]:
    return st.integers(0, 240).map(lambda hours: hours * HOUR)


def _design(world: World, story: Story) -> PhaseDesign:
    return phase(
        world.environment_id,
        *(detailed_metrics() if story.detailed else ()),
        plan=PLAN if story.detailed else None,
        unit=story.unit,
        ended_at=START + 4 * DAY if story.ends else None,
        gaps=((START + HOUR, START + 2 * HOUR),) if story.pauses else (),
    )


async def _at_once(world: World, story: Story, design: PhaseDesign) -> PhaseState:
    await world.log.publish_phase(design)
    await world.send(*sorted(story.events, key=lambda e: (e.occurred_at, e.id)))
    await world.settle(START + story.clocks[-1])
    return await world.state(design)


async def _as_it_came(world: World, story: Story, design: PhaseDesign) -> PhaseState:
    """Batch by batch, each followed by a bounded fold at its own clock."""
    waiting = list(story.arrivals)
    steps = zip(story.sizes, story.limits, story.clocks, strict=True)
    for step, (size, limit, clock) in enumerate(steps):
        if step == story.published_after:
            await world.log.publish_phase(design)
        await world.send(*waiting[:size])
        del waiting[:size]
        world.clock.now = START + clock
        await world.log.fold(world.environment_id, limit=limit)
        if step >= story.published_after:
            await world.state(design)
    await world.log.publish_phase(design)
    await world.send(*waiting)
    await world.settle(START + story.clocks[-1])
    await world.send(story.straggler)
    await world.settle(START + story.clocks[-1])
    return await world.state(design)


def _under_other_ids(story: Story) -> Story:
    """The same story of persons and accounts whose ids were replaced."""

    def other(event: NewEvent) -> NewEvent:
        return replace(
            event,
            user_id=OTHER_IDS.get(event.user_id or ""),
            anonymous_id=OTHER_IDS.get(event.anonymous_id or ""),
            account_id=OTHER_IDS.get(event.account_id or ""),
        )

    return replace(
        story,
        arrivals=[other(event) for event in story.arrivals],
        straggler=other(story.straggler),
    )


async def _check(world: World, story: Story) -> None:
    there = replace(world, environment_id=new_id())
    here = replace(world, environment_id=new_id())
    design = _design(there, story)
    once = await _at_once(there, story, design)
    other = replace(design, phase_id=new_id(), environment_id=here.environment_id)
    came = await _as_it_came(here, _under_other_ids(story), other)
    assert _comparable(came) == _comparable(once)


SHARED_LOG: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
}


@settings(max_examples=12, **SHARED_LOG)
@given(story=stories())
async def test_the_state_is_the_same_however_the_events_came(
    world: World, story: Story
) -> None:
    await _check(world, story)


@pytest.mark.slow
@settings(max_examples=500, **SHARED_LOG)
@given(story=stories())
async def test_the_state_is_the_same_in_hundreds_of_stories(
    world: World, story: Story
) -> None:
    await _check(world, story)


def _comparable(state: PhaseState) -> PhaseState:
    """Without the identity of the copy and its place in the log."""
    return replace(state, phase_id=UUID(int=0), position=0)
