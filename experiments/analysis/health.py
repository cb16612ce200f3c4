"""Whether an experiment can be believed at all, before what it says."""

from collections.abc import Sequence

from experiments.analysis.impact import Reach, participating
from experiments.analysis.readings import arm_states, state_of
from experiments.analysis.results import ArmHealth, Check, Health
from experiments.analysis.splits import (
    check,
    fixed_split,
    sequential_split,
    sliced,
)
from experiments.design import PhaseDesign
from experiments.events.state import PhaseState
from experiments.events.study_slices import Slice
from experiments.statistics.errors import StatisticsError
from experiments.statistics.srm import equal_rates


def examine(
    design: PhaseDesign,
    state: PhaseState,
    *,
    slices: Sequence[Slice] = (),
    reach: Reach | None = None,
) -> Health:
    """Test the split and count who is in, who can be counted and who is left out.

    Args:
        design: The frozen phase.
        state: Its state now.
        slices: Units by what their exposures said, where the split warns.
        reach: Who came by, as it was counted at the last look.
    """
    arms = _arms(design, state, reach)
    exposed = exposed_counts(design, state)
    checks, diagnosis = sliced(design, slices)
    return Health(
        unit=design.unit,
        sample_ratio=fixed_split(design, exposed),
        sequential_ratio=sequential_split(design, exposed),
        slices=checks,
        diagnosis=diagnosis,
        conflicts=_rate(design, state, state.conflicts, "units seen in two variants"),
        links=_rate(design, state, state.linked, "units linked to an earlier one"),
        sign_ups=_rate(
            design,
            state,
            state.joined,
            "visitors who became users",
            "more in one arm, so the variant itself may bring them to sign up",
        ),
        arms=arms,
        planned_units=design.units_in_play,
        matured=sum(arm.matured for arm in arms if arm.dropped_at is None),
        maturing=sum(arm.maturing for arm in arms if arm.dropped_at is None),
        watermark=state.watermark,
        first_exposure_at=state.first_exposure_at,
        last_event_at=state.last_event_at,
        backlog=state.backlog,
    )


def split_warns(design: PhaseDesign, state: PhaseState) -> bool:
    """Whether the split is off enough to ask where that comes from."""
    exposed = exposed_counts(design, state)
    fixed, sequential = fixed_split(design, exposed), sequential_split(design, exposed)
    return fixed.warned or sequential.warned


def exposed_counts(design: PhaseDesign, state: PhaseState) -> list[int]:
    """Distinct randomised units by arm in play, in the design's order."""
    return [state.exposed.get(arm.key, 0) for arm in design.in_play]


def _arms(
    design: PhaseDesign, state: PhaseState, reach: Reach | None
) -> tuple[ArmHealth, ...]:
    seen = 0.0 if reach is None else reach.seen * participating(design)
    states = arm_states(state.metrics)
    weight = sum(arm.weight for arm in design.arms)
    dropped = design.dropped_at
    found = []
    for arm in design.arms:
        primary = state_of(states, design.primary, arm.key)
        found.append(
            ArmHealth(
                arm=arm.key,
                name=arm.name,
                is_control=arm.is_control,
                expected_share=arm.weight / weight,
                exposed=state.exposed.get(arm.key, 0),
                in_gaps=state.in_gaps.get(arm.key, 0),
                conflicts=state.conflicts.get(arm.key, 0),
                linked=state.linked.get(arm.key, 0),
                joined=state.joined.get(arm.key, 0),
                matured=primary.raw.n,
                maturing=primary.maturing,
                refused=primary.refused,
                trigger_rate=_trigger_rate(
                    0 if reach is None else reach.exposed.get(arm.key, 0),
                    0.0 if arm.key in dropped else seen * arm.weight / weight,
                ),
                dropped_at=dropped.get(arm.key),
            )
        )
    return tuple(found)


def _trigger_rate(exposed: int, assigned: float) -> float | None:
    return min(1.0, exposed / assigned) if assigned > 0.0 else None


def _rate(
    design: PhaseDesign,
    state: PhaseState,
    events: dict[str, int],
    what: str,
    differs: str = "more in one arm",
) -> Check:
    exposed = [(arm.key, state.exposed.get(arm.key, 0)) for arm in design.in_play]
    seen = [(key, units) for key, units in exposed if units > 0]
    try:
        test = equal_rates(
            [min(events.get(key, 0), units) for key, units in seen],
            [units for _, units in seen],
        )
    except StatisticsError as error:
        return Check(None, warned=False, failed=False, note=error.reason)
    return check(test, f"{what}: as many in each arm", f"{what}: {differs}")
