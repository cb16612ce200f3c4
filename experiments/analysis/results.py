"""What a snapshot says: every number and sentence of a results page.

Whatever came later has a default, so that bodies stored before still decode.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from experiments.analysis.details import (
    CurvePoint,
    FunnelStep,
    Heterogeneity,
    SegmentLevel,
    SegmentResult,
    SurvivalResult,
)
from experiments.analysis.estimates import (
    AdjustmentSummary,
    ArmEstimate,
    Bayes,
    FamilyAdjusted,
    Harm,
    MarginReading,
    Reading,
    Relative,
    Unbiased,
    Valid,
    Whale,
    WorstCase,
)
from experiments.analysis.labels import (
    Family,
    GuardrailOutcome,
    HorizonState,
    Outcome,
    Registration,
    ValidMethod,
    Verdict,
)
from experiments.design import Direction, MetricKind, MetricRole, UnitKind
from experiments.plan import HarmAction

__all__ = [
    "AdjustmentSummary",
    "Alarm",
    "ArmEstimate",
    "ArmHealth",
    "Bayes",
    "Check",
    "Comparison",
    "CurvePoint",
    "Family",
    "FamilyAdjusted",
    "FunnelStep",
    "Futility",
    "GuardrailOutcome",
    "Harm",
    "Health",
    "Heterogeneity",
    "HorizonState",
    "Impact",
    "LookArm",
    "LookSummary",
    "MarginReading",
    "MetricResult",
    "Outcome",
    "Reading",
    "Recommendation",
    "Registration",
    "Relative",
    "Report",
    "SegmentLevel",
    "SegmentResult",
    "SequentialCheck",
    "SliceCheck",
    "SurvivalResult",
    "Unbiased",
    "Valid",
    "ValidMethod",
    "Verdict",
    "Whale",
    "WorstCase",
]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One treatment arm against the control in one metric."""

    arm: str
    verdict: Verdict
    reason: str
    raw: Reading
    capped: Reading | None = None
    valid: Valid | None = None
    guardrail: GuardrailOutcome | None = None
    adjusted: Reading | None = None
    """The estimate that the plan fixed, on capped values where there is a cap."""
    adjustment: AdjustmentSummary | None = None
    always_valid: Valid | None = None
    """An interval that holds at every look, whatever made somebody look."""
    unbiased: Unbiased | None = None
    """Where the boundary was crossed before the horizon."""
    bayes: Bayes | None = None
    margin: MarginReading | None = None
    worst: WorstCase | None = None
    harm: Harm | None = None
    family: FamilyAdjusted | None = None
    whale: Whale | None = None
    registration: Registration = Registration.REGISTERED
    look: int | None = None
    """The look whose state is read; None before the first."""
    horizon: HorizonState | None = None

    @property
    def decisive(self) -> Reading:
        """The reading that counts: adjusted where planned, else capped, else raw."""
        if self.adjusted is not None:
            return self.adjusted
        return self.raw if self.capped is None else self.capped


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric, with a comparison for each treatment arm."""

    metric_id: UUID
    key: str
    name: str
    kind: MetricKind
    role: MetricRole
    direction: Direction
    unit: str
    share: bool
    cap: float | None
    comparisons: tuple[Comparison, ...]
    segments: tuple[SegmentResult, ...] = ()
    survival: tuple[SurvivalResult, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    quantile: float | None = None
    notes: tuple[str, ...] = ()
    """What limits how far it may be read, each as a sentence."""


@dataclass(frozen=True, slots=True)
class Check:
    """A test of the experiment itself rather than of its effect."""

    p_value: float | None
    warned: bool
    failed: bool
    note: str


@dataclass(frozen=True, slots=True)
class SequentialCheck:
    """A test of the split that holds at every refresh."""

    p_value: float | None
    log_evidence: float | None
    warned: bool
    failed: bool
    note: str


@dataclass(frozen=True, slots=True)
class SliceCheck:
    """The split among the units of one level of one attribute, or of one day."""

    attribute: str
    level: str
    counts: tuple[int, ...]
    """Units by arm, in the design's order."""
    p_value: float | None
    rejected: bool


@dataclass(frozen=True, slots=True)
class ArmHealth:
    """Who is in an arm, and how many can be counted already."""

    arm: str
    name: str
    is_control: bool
    expected_share: float
    exposed: int
    in_gaps: int
    conflicts: int
    linked: int
    matured: int
    maturing: int
    refused: int
    joined: int = 0
    trigger_rate: float | None = None
    """Units exposed per unit seen that was assigned to the arm, at the last look."""
    dropped_at: datetime | None = None
    """When it was taken out; its counts stay, and no sum or test has them."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the experiment can be believed, and how far it is."""

    unit: UnitKind
    sample_ratio: Check
    conflicts: Check
    links: Check
    arms: tuple[ArmHealth, ...]
    planned_units: int
    matured: int
    maturing: int
    watermark: datetime
    first_exposure_at: datetime | None
    last_event_at: datetime | None
    backlog: int
    sign_ups: Check = Check(None, warned=False, failed=False, note="")
    sequential_ratio: SequentialCheck | None = None
    slices: tuple[SliceCheck, ...] = ()
    diagnosis: tuple[str, ...] = ()
    """Where a broken split seems to come from, each as a sentence."""

    @property
    def failed(self) -> bool:
        """Whether no effect may be concluded from this experiment."""
        sequential = self.sequential_ratio
        return (
            self.sample_ratio.failed
            or self.conflicts.failed
            or (sequential is not None and sequential.failed)
        )


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, for which arm, and why."""

    outcome: Outcome
    arm: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookArm:
    """One arm's primary statistic at a look, against its boundary."""

    arm: str
    statistic: float | None
    boundary: float | None
    """None where the look could not reject."""
    information: float | None
    """1 / standard error squared."""
    crossed: bool


@dataclass(frozen=True, slots=True)
class LookSummary:
    """One look that was taken, as the page lists it."""

    number: int
    cut: datetime
    at: datetime
    information: float
    """Matured units over planned ones."""
    alpha_spent: float
    """By all looks up to this one, arms together."""
    horizon: HorizonState = HorizonState.AT
    arms: tuple[LookArm, ...] = ()


@dataclass(frozen=True, slots=True)
class Impact:
    """What shipping the arm would bring, over all units and not only the exposed."""

    arm: str
    trigger_rate: float | None
    """Units exposed per unit seen, whatever share took part."""
    diluted_effect: float | None
    """Per unit seen."""
    per_month: float | None
    low: float | None
    high: float | None
    note: str = ""
    units_per_month: float | None = None
    """Units that would meet the change."""
    unbiased: bool = False
    """Whether it was corrected for an early stop."""


@dataclass(frozen=True, slots=True)
class Futility:
    """How likely a win has become; advice that binds nobody."""

    arm: str
    predictive_power: float
    information: float
    saved_days: int | None
    futile: bool
    text: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """A guardrail that got worse beyond doubt, and what is to be done about it."""

    metric_key: str
    arm: str
    action: HarmAction
    bound: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """One snapshot's body."""

    headline: str
    verdict: Verdict
    recommendation: Recommendation
    health: Health
    metrics: tuple[MetricResult, ...]
    looks: tuple[LookSummary, ...]
    impact: tuple[Impact, ...] = ()
    futility: Futility | None = None
    alarms: tuple[Alarm, ...] = ()
    horizon: HorizonState | None = None
    """Where the last look stands; None before the first, and without a boundary."""
    next_cut: datetime | None = None
    """The scheduled instant of the next look; None where no more is scheduled."""
    warnings: tuple[str, ...] = ()
    """What a reader must know about the design, each as a sentence."""
    not_reviewed: tuple[str, ...] = ()
    """What went on without the review that it asked for; governance writes it."""
