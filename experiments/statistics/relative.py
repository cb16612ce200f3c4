"""How much larger the treatment is than the control, as a share of the control."""

import math
from dataclasses import dataclass
from enum import StrEnum

from experiments.statistics.checks import positive
from experiments.statistics.samples import Estimate


class LiftStatus(StrEnum):
    """Whether a relative difference can be stated."""

    BOUNDED = "BOUNDED"
    BASELINE_TOO_NOISY = "BASELINE_TOO_NOISY"


@dataclass(frozen=True, slots=True)
class Lift:
    """Relative difference; 0.05 means 5% above the control.

    Attributes:
        status: Whether it can be stated.
        value: Point estimate; None unless `status` is BOUNDED.
        low: Lower end of the interval; None unless `status` is BOUNDED.
        high: Upper end of the interval; None unless `status` is BOUNDED.
    """

    status: LiftStatus
    value: float | None
    low: float | None
    high: float | None


def fieller(control: Estimate, treatment: Estimate, *, critical: float) -> Lift:
    """Relative difference with the interval that agrees with the absolute test.

    The interval holds the ratios r for which treatment - r * control is not
    significantly different from 0, so it excludes no change exactly where the absolute
    interval at the same critical value excludes 0. Below zero the control's size is
    taken, so that the sign is that of the absolute difference.

    Args:
        control: Estimate in the control arm.
        treatment: Estimate in the treatment arm, in the same unit.
        critical: Critical value of the absolute comparison (`Difference.critical`).

    Returns:
        The lift, or BASELINE_TOO_NOISY where the control is within `critical`
        standard errors of zero and the interval has no end.

    Raises:
        InvalidArgument: `critical` is not above 0.

    Reference:
        E. C. Fieller (1954), "Some problems in interval estimation", JRSS B 16.

    Example:
        >>> lift = fieller(
        ...     Estimate(n=500, value=10.0, variance=0.04),
        ...     Estimate(n=500, value=10.5, variance=0.04),
        ...     critical=1.96,
        ... )
        >>> round(lift.value, 3), round(lift.low, 4), round(lift.high, 4)
        (0.05, -0.0053, 0.1085)
    """
    noise = positive("critical", critical) * control.standard_error
    baseline = abs(control.value)
    if noise >= baseline or (noise / baseline) ** 2 == 1.0:
        return Lift(LiftStatus.BASELINE_TOO_NOISY, None, None, None)
    ratio = treatment.value / control.value
    base = (noise / baseline) ** 2
    own = critical * treatment.standard_error / baseline
    spread = math.hypot(own * math.sqrt(1.0 - base), ratio * noise / baseline)
    ends = ((ratio - spread) / (1.0 - base), (ratio + spread) / (1.0 - base))
    low, high = sorted(math.copysign(1.0, control.value) * (end - 1.0) for end in ends)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Lift(LiftStatus.BASELINE_TOO_NOISY, None, None, None)
    value = (treatment.value - control.value) / baseline
    return Lift(LiftStatus.BOUNDED, value, low, high)
