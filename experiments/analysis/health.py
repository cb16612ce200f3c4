"""Whether an experiment can be believed at all, before what it says."""

from experiments.analysis.readings import arm_states, state_of
from experiments.analysis.results import ArmHealth, Check, Health
from experiments.design import PhaseDesign
from experiments.events.state import PhaseState
from experiments.statistics.errors import StatisticsError
from experiments.statistics.srm import ChiSquare, equal_rates, sample_ratio

FAILS_BELOW = 0.001
"""A check of the split below this p-value makes the experiment INVALID."""

WARNS_BELOW = 0.01


def examine(design: PhaseDesign, state: PhaseState) -> Health:
    """Test the split and count who is in, who can be counted and who is left out."""
    arms = _arms(design, state)
    return Health(
        unit=design.unit,
        sample_ratio=_sample_ratio(design, state),
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
        planned_units=design.planned_units,
        matured=sum(arm.matured for arm in arms),
        maturing=sum(arm.maturing for arm in arms),
        watermark=state.watermark,
        first_exposure_at=state.first_exposure_at,
        last_event_at=state.last_event_at,
        backlog=state.backlog,
    )


def _arms(design: PhaseDesign, state: PhaseState) -> tuple[ArmHealth, ...]:
    states = arm_states(state.metrics)
    weight = sum(arm.weight for arm in design.arms)
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
            )
        )
    return tuple(found)


def _sample_ratio(design: PhaseDesign, state: PhaseState) -> Check:
    observed = [state.exposed.get(arm.key, 0) for arm in design.arms]
    try:
        test = sample_ratio(observed, [arm.weight for arm in design.arms])
    except StatisticsError as error:
        return Check(None, warned=False, failed=False, note=error.reason)
    return _check(test, "the units fit the planned split", "the split is off")


def _rate(
    design: PhaseDesign,
    state: PhaseState,
    events: dict[str, int],
    what: str,
    differs: str = "more in one arm",
) -> Check:
    exposed = [(arm.key, state.exposed.get(arm.key, 0)) for arm in design.arms]
    seen = [(key, units) for key, units in exposed if units > 0]
    try:
        test = equal_rates(
            [min(events.get(key, 0), units) for key, units in seen],
            [units for _, units in seen],
        )
    except StatisticsError as error:
        return Check(None, warned=False, failed=False, note=error.reason)
    return _check(test, f"{what}: as many in each arm", f"{what}: {differs}")


def _check(test: ChiSquare, fits: str, differs: str) -> Check:
    failed = test.p_value < FAILS_BELOW
    warned = failed or test.p_value < WARNS_BELOW
    return Check(test.p_value, warned, failed, differs if warned else fits)
