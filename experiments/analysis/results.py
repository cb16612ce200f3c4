"""What a snapshot says: every number and sentence of a results page."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from experiments.design import Direction, MetricKind, MetricRole, UnitKind
from experiments.statistics.differences import Method
from experiments.statistics.relative import LiftStatus


class Verdict(StrEnum):
    """What the statistics say about one comparison."""

    WIN = "WIN"
    LOSS = "LOSS"
    FLAT = "FLAT"
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"
    INVALID = "INVALID"


class Outcome(StrEnum):
    """What the policy makes of all comparisons together."""

    SHIP = "SHIP"
    DONT_SHIP = "DONT_SHIP"
    NO_MEANINGFUL_DIFFERENCE = "NO_MEANINGFUL_DIFFERENCE"
    KEEP_RUNNING = "KEEP_RUNNING"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class GuardrailOutcome(StrEnum):
    """Whether a guardrail stands in the way."""

    SAFE = "SAFE"
    HARMED = "HARMED"
    UNRESOLVED = "UNRESOLVED"


class ValidMethod(StrEnum):
    """Which rule makes a reading valid at its look. The last two are reserved."""

    FIXED_HORIZON = "FIXED_HORIZON"
    HOLM = "HOLM"
    GROUP_SEQUENTIAL = "GROUP_SEQUENTIAL"
    ALWAYS_VALID = "ALWAYS_VALID"


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
    """Treatment against control at the fixed horizon, on raw or on capped values."""

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


@dataclass(frozen=True, slots=True)
class Valid:
    """The reading that is allowed at this look; only it feeds the verdict."""

    method: ValidMethod
    low: float
    high: float
    p_value: float
    critical: float


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

    @property
    def decisive(self) -> Reading:
        """The reading that counts: the capped one where there is a cap."""
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


@dataclass(frozen=True, slots=True)
class Check:
    """A test of the experiment itself rather than of its effect."""

    p_value: float | None
    warned: bool
    failed: bool
    note: str


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

    @property
    def failed(self) -> bool:
        """Whether no effect may be concluded from this experiment."""
        return self.sample_ratio.failed or self.conflicts.failed


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, for which arm, and why."""

    outcome: Outcome
    arm: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookSummary:
    """One look that was taken, as the page lists it."""

    number: int
    cut: datetime
    at: datetime
    information: float
    alpha_spent: float


@dataclass(frozen=True, slots=True)
class Report:
    """One snapshot's body."""

    headline: str
    verdict: Verdict
    recommendation: Recommendation
    health: Health
    metrics: tuple[MetricResult, ...]
    looks: tuple[LookSummary, ...]
