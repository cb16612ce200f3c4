"""The exact integer state of a phase, as the event log hands it to the analysis."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums over units; y and d are integers in steps (or plain counts).

    They add and retract exactly and in any order. For a metric that is no ratio,
    d, dd and yd are 0.
    """

    n: int = 0
    y: int = 0
    yy: int = 0
    d: int = 0
    dd: int = 0
    yd: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.n + other.n,
            self.y + other.y,
            self.yy + other.yy,
            self.d + other.d,
            self.dd + other.dd,
            self.yd + other.yd,
        )

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(
            self.n - other.n,
            self.y - other.y,
            self.yy - other.yy,
            self.d - other.d,
            self.dd - other.dd,
            self.yd - other.yd,
        )


@dataclass(frozen=True, slots=True)
class ArmMetricState:
    """One metric in one arm: matured units, raw and capped, and who is still open."""

    arm: str
    metric_id: UUID
    raw: Sums
    capped: Sums | None
    """The same units with totals cut at the metric's cap; None without a cap."""
    nonzero: int
    """Matured units whose y is not 0."""
    maturing: int
    """Units exposed whose window has not closed at the watermark."""
    refused: int = 0
    """Matured units whose total passed MAX_UNIT_TOTAL; they are not in the sums."""


@dataclass(frozen=True, slots=True)
class PhaseState:
    """Everything that an analysis reads, at one position and watermark."""

    phase_id: UUID
    position: int
    """Sequence number of the last event that is folded in."""
    watermark: datetime
    exposed: dict[str, int]
    """Distinct randomised units by arm, first exposed outside enrolment gaps."""
    in_gaps: dict[str, int]
    """Units left out because they were first exposed while enrolment was paused."""
    conflicts: dict[str, int]
    """Units exposed to another arm as well, by the arm of first exposure."""
    linked: dict[str, int]
    """Units whose person was later linked to an earlier unit, by arm; value 0."""
    joined: dict[str, int]
    """Units exposed under an anonymous id that belongs to a user now, by arm."""
    metrics: tuple[ArmMetricState, ...]
    first_exposure_at: datetime | None = None
    last_event_at: datetime | None = None
    backlog: int = 0
    """Events in the log that are not folded yet."""
    rebuilding: bool = False
    """Whether the sums are those of an earlier design, until the next fold."""
