"""The numbers of one comparison: readings, what they allow, and what they rule out."""

from dataclasses import dataclass

from experiments.analysis.labels import Family, ValidMethod, Verdict
from experiments.plan import MarginKind
from experiments.statistics.differences import Method
from experiments.statistics.relative import LiftStatus


@dataclass(frozen=True, slots=True)
class ArmEstimate:
    """One arm's matured units and what they did."""

    n: int
    mean: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True, slots=True)
class Relative:
    """The difference as a share of the control, where that can be stated."""

    status: LiftStatus
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Treatment against control at the fixed horizon: raw, capped or adjusted."""

    control: ArmEstimate
    treatment: ArmEstimate
    method: Method | None = None
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    log_p_value: float | None = None
    statistic: float | None = None
    critical: float | None = None
    relative: Relative | None = None
    unavailable: str | None = None
    """Why there is no difference, as a clause; None where there is one."""
    standard_error: float | None = None
    """Of the difference."""


@dataclass(frozen=True, slots=True)
class Valid:
    """The reading that is allowed at this look; only it feeds the verdict."""

    method: ValidMethod
    low: float
    high: float
    p_value: float
    critical: float
    relative: Relative | None = None
    """At the same critical value; None where it cannot be stated."""
    level: float = 0.05
    """Two-sided error rate that the interval keeps, over all looks where there are
    several."""


@dataclass(frozen=True, slots=True)
class Unbiased:
    """The effect after an early stop, corrected for having stopped because of it.

    The median-unbiased estimate and the interval of the stage-wise ordering.
    """

    look: int
    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class AdjustmentSummary:
    """What the estimate was adjusted for, and what that gained."""

    columns: tuple[str, ...]
    """Covariates used, such as `before` or `country=FR`."""
    folded: tuple[str, ...] = ()
    """Levels with too few units, counted with the others."""
    covered: float | None = None
    """Share of the units whose days before exposure are in the log."""
    variance_reduction: float | None = None
    """Share of the variance that is gone."""
    control_slope: float | None = None
    """Slope on the value before exposure in the control; None where it is not used."""
    treatment_slope: float | None = None
    note: str = ""
    """Why nothing was adjusted, or what was used instead, as a clause."""


@dataclass(frozen=True, slots=True)
class Bayes:
    """A posterior of the relative lift; a reading, never a rule to stop by."""

    chance_to_win: float
    loss_if_shipped: float
    """Expected lift lost by shipping, in the direction that is good."""
    loss_if_kept: float
    mean: float
    low: float
    high: float
    prior_deviation: float


@dataclass(frozen=True, slots=True)
class MarginReading:
    """How much worse a guardrail can be, against the margin that was registered."""

    kind: MarginKind
    margin: float
    bound: float | None
    """One-sided bound on the worsening, a share for RELATIVE, else in its unit."""
    p_value: float | None
    """Of a worsening by the margin; None where it cannot be tested."""
    alpha: float
    passed: bool
    always_valid: bool
    """Whether it holds at every look, as before the horizon."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The worst that a guardrail's reading leaves possible."""

    absolute: float
    """In the metric's unit, with the sign of the change."""
    relative: float | None
    text: str
    """Such as 'Retention could be down by as much as 2.1%'."""


@dataclass(frozen=True, slots=True)
class Harm:
    """The alarm's bound on the state now: one-sided, valid at every refresh."""

    bound: float
    """Of the difference, on its good side: past 0 the alarm rings."""
    p_value: float
    alpha: float
    rang: bool
    n: int
    """Units behind it, both arms together."""


@dataclass(frozen=True, slots=True)
class FamilyAdjusted:
    """A p-value among those that share an error rate."""

    family: Family
    size: int
    p_value: float
    rejected: bool


@dataclass(frozen=True, slots=True)
class Whale:
    """Whether a few large values decide: the verdict with and without the cap."""

    raw: Verdict
    capped: Verdict
    agrees: bool
    note: str
