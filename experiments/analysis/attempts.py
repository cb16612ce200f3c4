"""The readings of one comparison, before anything is concluded from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.analysis.covariates import Arm, adjust, is_adjusted
from experiments.analysis.effects import Effect, arm_estimate, effect_of
from experiments.analysis.estimates import AdjustmentSummary, ArmEstimate, Reading
from experiments.analysis.readings import decisive, state_of
from experiments.analysis.taken import Kept
from experiments.arms import ArmDesign
from experiments.design import MetricDesign, MetricKind, PhaseDesign
from experiments.events.state import STRATA, ArmMetricState, Sums
from experiments.statistics.errors import StatisticsError

_DEALT = "so few accounts are dealt anew, as they are"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A difference, or why there is none."""

    effect: Effect | None
    control: ArmEstimate
    treatment: ArmEstimate
    reason: str = ""

    def at(self, confidence: float) -> Reading:
        """The reading at a confidence."""
        if self.effect is not None:
            return self.effect.at(confidence)
        return Reading(self.control, self.treatment, unavailable=self.reason)


@dataclass(frozen=True, slots=True)
class Attempts:
    """All readings of one arm against the control in one metric, at one state."""

    control: ArmMetricState
    treatment: ArmMetricState
    raw: Attempt
    capped: Attempt | None
    adjusted: Attempt | None
    """None where the plan adjusts nothing, or nothing could be adjusted for."""
    summary: AdjustmentSummary | None

    @property
    def decisive(self) -> Attempt:
        """The one that counts."""
        if self.adjusted is not None:
            return self.adjusted
        return self.raw if self.capped is None else self.capped


def treatments(design: PhaseDesign) -> tuple[ArmDesign, ...]:
    """The arms that are compared with the control; none that was dropped."""
    return tuple(arm for arm in design.in_play if not arm.is_control)


def attempt_all(
    design: PhaseDesign, metric: MetricDesign, kept: Kept
) -> dict[str, Attempts]:
    """Read every treatment arm of one metric at one state.

    The plan alone says how: the estimate of a look does not choose its estimator.
    """
    keys = [design.control.key, *(arm.key for arm in treatments(design))]
    states = [state_of(kept.states, metric, key) for key in keys]
    arms = [_arm(metric, kept, state) for state in states]
    found = {}
    for index, key in enumerate(keys):
        if index == 0:
            continue
        measured = kept.measured.get((metric.metric_id, key))
        plain = _plain(metric, states[0], states[index], measured)
        found[key] = _adjusted(design, metric, plain, arms, measured)
    return found


def _plain(
    metric: MetricDesign,
    control: ArmMetricState,
    treatment: ArmMetricState,
    measured: Effect | None,
) -> Attempts:
    if metric.kind is MetricKind.QUANTILE:
        raw = _quantile(control, treatment, measured)
        return Attempts(control, treatment, raw, None, None, None)
    raw = compared(metric, control.raw, treatment.raw)
    capped = None
    if control.capped is not None and treatment.capped is not None:
        capped = compared(metric, control.capped, treatment.capped)
    return Attempts(control, treatment, raw, capped, None, None)


def _adjusted(
    design: PhaseDesign,
    metric: MetricDesign,
    plain: Attempts,
    arms: Sequence[Arm],
    measured: Effect | None,
) -> Attempts:
    plan = design.plan
    if metric.kind is MetricKind.QUANTILE:
        return plain
    effect, summary = measured, None
    if plan is not None and is_adjusted(metric, plan):
        keys = [design.control.key, *(arm.key for arm in treatments(design))]
        index = keys.index(plain.treatment.arm)
        found, summary = adjust(metric, plan, arms, index)
        effect = measured or found
        if measured is not None and measured.accounts is not None:
            summary = AdjustmentSummary((), note=_DEALT)
    adjusted = None if effect is None else _of(effect)
    return replace(plain, adjusted=adjusted, summary=summary)


def compared(metric: MetricDesign, control: Sums, treatment: Sums) -> Attempt:
    """The unadjusted difference, or why there is none."""
    try:
        return _of(effect_of(metric, control, treatment))
    except StatisticsError as error:
        estimates = (arm_estimate(metric, control), arm_estimate(metric, treatment))
        return Attempt(None, *estimates, error.reason)


def _of(effect: Effect) -> Attempt:
    return Attempt(
        effect,
        ArmEstimate(effect.control.n, effect.control.value),
        ArmEstimate(effect.treatment.n, effect.treatment.value),
    )


def _quantile(
    control: ArmMetricState, treatment: ArmMetricState, measured: Effect | None
) -> Attempt:
    if measured is not None:
        return _of(measured)
    return Attempt(
        None,
        ArmEstimate(control.raw.n),
        ArmEstimate(treatment.raw.n),
        "no quantile was read at this look",
    )


def _arm(metric: MetricDesign, kept: Kept, state: ArmMetricState) -> Arm:
    strata = {
        each.level: each.raw if each.capped is None else each.capped
        for each in kept.segments_of(metric, state.arm)
        if each.dimension == STRATA
    }
    return Arm(decisive(state), strata)
