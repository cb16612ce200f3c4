"""How small an effect a holdback can show, judged by the experiment before it."""

import math
from dataclasses import dataclass
from datetime import timedelta

from scipy.special import ndtri

from experiments.analysis.results import Comparison, MetricResult, Report
from experiments.design import MetricRole, PhaseDesign

SIGHT_DAYS = 30
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Sight:
    """What comparing those held back with those kept will be able to see."""

    days: int
    control_units: int
    """Expected in the holdback by then, with their window closed."""
    treatment_units: int
    minimum_effect: float | None
    """The smallest difference that is seen with the plan's power; None without any."""
    shipped_effect: float | None
    """What the experiment found."""
    reason: str = ""
    """Why nothing can be said, as a sentence."""

    @property
    def can_measure(self) -> bool:
        """Whether an effect of the size that is shipped would be seen."""
        if self.minimum_effect is None or self.shipped_effect is None:
            return False
        return abs(self.shipped_effect) >= self.minimum_effect


def foreseen(
    report: Report | None,
    design: PhaseDesign,
    *,
    variant: str,
    held_back: float,
    kept: float,
    ran_for: timedelta,
) -> Sight:
    """Expect as many units a day as the experiment met, and its own variance.

    Args:
        report: The phase's current results.
        design: The phase.
        variant: The arm that is shipped.
        held_back: Share of all units that keeps the control.
        kept: Share of all units that had the variant from the start.
        ran_for: How long the phase enrolled.
    """
    if held_back <= 0.0:
        return _blind("Nobody is held back.")
    primary = None if report is None else _primary(report)
    found = None if primary is None else _comparison(primary, variant)
    if report is None or primary is None or found is None:
        return _blind("The experiment has no results.")
    enrolled = design.coverage * sum(arm.weight for arm in design.arms)
    exposed = sum(arm.exposed for arm in report.health.arms)
    if exposed == 0 or enrolled <= 0.0 or ran_for <= timedelta(0):
        return _blind("The experiment met nobody.")
    open_for = timedelta(days=SIGHT_DAYS) - design.primary.closes_after
    daily = exposed / enrolled / (ran_for / timedelta(days=1))
    days = max(open_for / timedelta(days=1), 0.0)
    units = [math.floor(daily * share * days) for share in (held_back, kept)]
    return _seen(found, design, units)


def smallest_effect(
    control: tuple[int, float],
    treatment: tuple[int, float],
    *,
    alpha: float,
    power: float,
) -> float:
    """The smallest difference in means that is seen, from (units, variance) of each."""
    reach = float(ndtri(power) - ndtri(alpha / 2.0))
    (n, variance), (other_n, other_variance) = control, treatment
    return reach * math.sqrt(variance / n + other_variance / other_n)


def shipped_effect(report: Report | None, variant: str) -> float | None:
    """What the experiment found of the primary metric."""
    primary = None if report is None else _primary(report)
    found = None if primary is None else _comparison(primary, variant)
    return None if found is None else found.decisive.absolute


def _seen(found: Comparison, design: PhaseDesign, units: list[int]) -> Sight:
    reading = found.decisive
    variances = []
    for arm in (reading.control, reading.treatment):
        if arm.standard_error is None or arm.n < 2:
            return _blind("The experiment could not tell how much units differ.")
        variances.append(arm.standard_error**2 * arm.n)
    smallest = None
    if min(units) >= 2:
        plan = design.plan
        smallest = smallest_effect(
            (units[0], variances[0]),
            (units[1], variances[1]),
            alpha=0.05 if plan is None else plan.alpha,
            power=POWER if plan is None else plan.power,
        )
    reason = "" if smallest is not None else "Too few will have been seen by then."
    return Sight(
        days=SIGHT_DAYS,
        control_units=units[0],
        treatment_units=units[1],
        minimum_effect=smallest,
        shipped_effect=reading.absolute,
        reason=reason,
    )


def _blind(reason: str) -> Sight:
    return Sight(SIGHT_DAYS, 0, 0, None, None, reason)


def _primary(report: Report) -> MetricResult | None:
    return next((m for m in report.metrics if m.role is MetricRole.PRIMARY), None)


def _comparison(metric: MetricResult, variant: str) -> Comparison | None:
    return next((c for c in metric.comparisons if c.arm == variant), None)
