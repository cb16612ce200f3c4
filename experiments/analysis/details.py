"""What stands behind a metric's row: segments, curves and steps."""

from dataclasses import dataclass

from experiments.analysis.estimates import (
    ArmEstimate,
    FamilyAdjusted,
    Reading,
    Valid,
)
from experiments.analysis.labels import Registration


@dataclass(frozen=True, slots=True)
class SegmentLevel:
    """One arm against the control among the units of one level."""

    level: str
    reading: Reading
    """Unadjusted, at the fixed horizon."""
    valid: Valid | None = None
    """Before the horizon the interval that holds at every look; None at it."""
    adjusted: FamilyAdjusted | None = None
    """Only in the primary metric."""
    unavailable: str | None = None
    """Why it may not be read, as a clause."""


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether the effect differs between levels."""

    statistic: float
    degrees: int
    p_value: float


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One arm's effect by the levels of one dimension."""

    arm: str
    dimension: str
    registration: Registration
    levels: tuple[SegmentLevel, ...]
    heterogeneity: Heterogeneity | None = None
    """None where fewer than two levels can be read."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Those without the event after so many days, with their interval."""

    day: int
    at_risk: int
    events: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SurvivalResult:
    """Time to an event in one arm against the control; at the fixed horizon."""

    arm: str
    control: tuple[CurvePoint, ...]
    treatment: tuple[CurvePoint, ...]
    control_median: float | None
    treatment_median: float | None
    log_rank_p_value: float | None
    log_rank_statistic: float | None
    horizon_days: int | None
    """Up to which day the restricted means are taken."""
    restricted_mean: Reading | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many of those exposed came at least this far, and the difference."""

    arm: str
    step: int
    name: str
    control: ArmEstimate
    treatment: ArmEstimate
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    control_onward: float | None = None
    """Share of those at the step before who went on; described, not randomised."""
    treatment_onward: float | None = None
    unavailable: str | None = None
