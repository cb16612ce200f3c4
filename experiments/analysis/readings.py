"""The states of a phase by metric and arm, and what may be shown before a look."""

from collections.abc import Mapping
from uuid import UUID

from experiments.analysis.effects import arm_estimate, effect_of
from experiments.analysis.estimates import ArmEstimate, Reading
from experiments.design import MetricDesign, PhaseDesign
from experiments.events.state import ArmMetricState, Sums
from experiments.statistics.errors import StatisticsError

ALPHA = 0.05
"""Two-sided error rate of the primary hypothesis where no plan says another."""

ArmStates = Mapping[tuple[UUID, str], ArmMetricState]
"""The state of each metric in each arm."""


def alpha_of(design: PhaseDesign) -> float:
    """The two-sided error rate of the primary hypothesis."""
    return ALPHA if design.plan is None else design.plan.alpha


def planned_pair(design: PhaseDesign, arm: str) -> int:
    """Units planned in one arm and the control together."""
    weights = {each.key: each.weight for each in design.arms}
    share = (weights[arm] + weights[design.control.key]) / sum(weights.values())
    return max(2, round(design.planned_units * share))


def arm_states(metrics: tuple[ArmMetricState, ...]) -> ArmStates:
    """Index states by metric and arm."""
    return {(state.metric_id, state.arm): state for state in metrics}


def state_of(states: ArmStates, metric: MetricDesign, arm: str) -> ArmMetricState:
    """One arm's state; empty where no unit has arrived yet."""
    found = states.get((metric.metric_id, arm))
    if found is not None:
        return found
    capped = None if metric.cap is None else Sums()
    return ArmMetricState(arm, metric.metric_id, Sums(), capped, nonzero=0, maturing=0)


def decisive(state: ArmMetricState) -> Sums:
    """The sums that decide: the capped ones where there is a cap."""
    return state.raw if state.capped is None else state.capped


def counts_only(
    control: ArmMetricState, treatment: ArmMetricState, why: str
) -> Reading:
    """What may be shown before a look: how many units there are, and no effect."""
    return Reading(
        control=ArmEstimate(control.raw.n),
        treatment=ArmEstimate(treatment.raw.n),
        unavailable=why,
    )


def read(
    metric: MetricDesign, control: Sums, treatment: Sums, *, confidence: float
) -> Reading:
    """Compare two arms at the fixed horizon, without any adjustment."""
    try:
        return effect_of(metric, control, treatment).at(confidence)
    except StatisticsError as error:
        return Reading(
            control=arm_estimate(metric, control),
            treatment=arm_estimate(metric, treatment),
            unavailable=error.reason,
        )
