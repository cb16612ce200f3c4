"""The exact integer state of a phase, as the event log hands it to the analysis."""

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from operator import add, attrgetter, sub
from uuid import UUID

STRATA = "$strata"
"""The dimension whose levels are combinations of the strata's levels: their places in
the plan, joined by dots (`other` and `unknown` come after the listed ones)."""
DEPTH = "$depth"
"""The dimension of a FUNNEL's depth: level k holds the units that did k steps."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sums over units; every part is an integer in steps (or a plain count).

    They add and retract exactly and in any order. y is the value and d the denominator
    over the window; x and w are the same over the days before exposure, and m says that
    there is no such history. x is cut at the metric's cap. For a metric that is no
    ratio d and w are 0, and without a lookback x, w and m are.

    The days before are [exposure - lookback, exposure). x is the metric's value over
    them: a number or a total for COUNT, SUM, MEAN, RATIO and QUANTILE (with w beside a
    ratio's), cut at the largest unit total on either side; for every other kind 1 where
    the numerator has any event, else 0. m is 1, and x and w are 0, where none of the
    person's ids came with any event, of whatever name, before exposure - lookback: new
    sign-ups stay in as units without a history. An account is known from the first
    event that names it. A linked unit has no events of its own, and m is 1.
    """

    n: int = 0
    y: int = 0
    yy: int = 0
    d: int = 0
    dd: int = 0
    yd: int = 0
    x: int = 0
    xx: int = 0
    yx: int = 0
    dx: int = 0
    w: int = 0
    ww: int = 0
    yw: int = 0
    dw: int = 0
    xw: int = 0
    m: int = 0
    ym: int = 0
    dm: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*map(add, _parts(self), _parts(other)))

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*map(sub, _parts(self), _parts(other)))


_parts = attrgetter(*(each.name for each in fields(Sums)))
"""Every part in the order of the fields, without the deep copy of `astuple`."""


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
class SegmentState:
    """One metric in one arm, of the matured units in one level of one dimension."""

    arm: str
    metric_id: UUID
    dimension: str
    level: str
    raw: Sums
    capped: Sums | None
    nonzero: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class DayState:
    """One metric in one arm, of the matured units first exposed on one UTC day."""

    arm: str
    metric_id: UUID
    day: date
    raw: Sums
    capped: Sums | None


@dataclass(frozen=True, slots=True)
class SurvivalState:
    """A TIME_TO_EVENT metric in one arm, by 24-hour block since exposure and delay.

    It counts every unit outside gaps, matured or not, and has a place for every block
    of the window. A matured unit's y is the block of its first event, the number of
    blocks where it has none: full days without the event, up to the window.

    A unit is at risk in block k if k + 1 blocks are complete for everyone who was first
    exposed on its UTC day, and it had no event in an earlier block.
    """

    arm: str
    metric_id: UUID
    at_risk: tuple[int, ...]
    events: tuple[int, ...]


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
    segments: tuple[SegmentState, ...] = ()
    """Every dimension of the plan, the strata's combinations and funnels' depths."""
    survival: tuple[SurvivalState, ...] = ()
    levels: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Distinct units exposed, by dimension, level and arm: slices of the split."""
    rebuilding: bool = False
    """Whether the sums are those of an earlier design, until the next fold."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a phase's state is still the one that was read, without reading it."""

    moved: int
    """How often its counts or sums changed; equal numbers, equal state."""
    rebuilding: bool
    position: int
    watermark: datetime
    last_event_at: datetime | None
    backlog: int
