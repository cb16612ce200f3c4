"""The frozen design of one phase: what the log folds and the analysis reads."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from experiments.treatments import TreatmentKind

STEPS_PER_UNIT = 1_000_000
"""Fixed-point steps in one unit of a metric's value, unless it says otherwise."""

MAX_UNIT_TOTAL = 10**15
"""The largest total, in steps, that one unit may reach in one metric."""


SHARE = "%"
"""The unit of a ratio whose values are parts of 1, such as upgrades per member."""


class UnitKind(StrEnum):
    """What is randomised."""

    USER = "USER"
    ACCOUNT = "ACCOUNT"


class MetricKind(StrEnum):
    """How a unit's events become its value. The last four are reserved."""

    CONVERSION = "CONVERSION"
    COUNT = "COUNT"
    SUM = "SUM"
    MEAN = "MEAN"
    RATIO = "RATIO"
    RETENTION = "RETENTION"
    CADENCE = "CADENCE"
    QUANTILE = "QUANTILE"
    TIME_TO_EVENT = "TIME_TO_EVENT"
    FUNNEL = "FUNNEL"


class Direction(StrEnum):
    """Which way of moving is good."""

    INCREASE = "INCREASE"
    DECREASE = "DECREASE"


class MetricRole(StrEnum):
    """What a metric decides in an experiment."""

    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"
    GUARDRAIL = "GUARDRAIL"


class SourceValue(StrEnum):
    """What one event adds: one, or the value that it carries."""

    ONE = "ONE"
    VALUE = "VALUE"


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of values: the events of one name, each adding one or its value."""

    event_name: str
    value: SourceValue


@dataclass(frozen=True, slots=True)
class MetricDesign:
    """One metric as it is fixed at launch.

    A unit's value over its window [exposure + delay, exposure + delay + window):
    CONVERSION is 0 or 1 (any event), COUNT the number of events, SUM the total of
    their values, RETENTION 0 or 1 (any event on day `retention_day` after exposure).
    MEAN is a ratio of total value to number of events, RATIO of the numerator's total
    to the denominator's; both keep the pair (y, d) for each unit.
    """

    metric_id: UUID
    key: str
    name: str
    kind: MetricKind
    role: MetricRole
    direction: Direction
    numerator: Source
    denominator: Source | None = None
    window_days: int = 7
    delay_days: int = 0
    retention_day: int | None = None
    cap: int | None = None
    """Upper bound on a unit's (numerator) total, in steps; fixed for the phase."""
    cap_quantile: float | None = None
    """Where an import asks for one, the pooled quantile that `cap` is read from."""
    steps: int = STEPS_PER_UNIT
    unit: str = ""
    margin: float | None = None
    """How much worse a guardrail may be, as it was registered."""

    @property
    def numerator_steps(self) -> int:
        """Steps in one unit of y: 1 where events are counted."""
        return self.steps if self.numerator.value is SourceValue.VALUE else 1

    @property
    def denominator_steps(self) -> int:
        """Steps in one unit of d: 1 where events are counted."""
        if self.denominator is None or self.denominator.value is SourceValue.ONE:
            return 1
        return self.steps

    @property
    def opens_after(self) -> timedelta:
        """From first exposure to the first instant that counts."""
        if self.kind is MetricKind.RETENTION and self.retention_day is not None:
            return timedelta(days=self.retention_day)
        return timedelta(days=self.delay_days)

    @property
    def closes_after(self) -> timedelta:
        """From first exposure to the first instant that no longer counts."""
        if self.kind is MetricKind.RETENTION:
            return self.opens_after + timedelta(days=1)
        return self.opens_after + timedelta(days=self.window_days)

    @property
    def is_binary(self) -> bool:
        """Whether a unit's value is 0 or 1."""
        return self.kind in {MetricKind.CONVERSION, MetricKind.RETENTION}

    @property
    def is_share(self) -> bool:
        """Whether its values are parts of 1, shown in per cent."""
        return self.is_binary or self.unit == SHARE

    @property
    def is_ratio(self) -> bool:
        """Whether a unit's value is a pair (y, d)."""
        return self.kind in {MetricKind.MEAN, MetricKind.RATIO}


@dataclass(frozen=True, slots=True)
class ArmDesign:
    """One variant: its share of the split, its payload, whether it is the control."""

    key: str
    name: str
    weight: float
    is_control: bool
    payload: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is expected, written down before anyone is assigned."""

    statement: str
    metric_key: str
    direction: Direction
    minimum_effect: float
    """Smallest absolute difference in the metric's own unit that would matter."""


@dataclass(frozen=True, slots=True)
class PhaseDesign:
    """One randomisation of an experiment in one environment, analysed alone."""

    phase_id: UUID
    environment_id: UUID
    experiment_key: str
    number: int
    unit: UnitKind
    seed: str
    coverage: float
    arms: tuple[ArmDesign, ...]
    metrics: tuple[MetricDesign, ...]
    hypothesis: Hypothesis
    planned_units: int
    started_at: datetime
    ended_at: datetime | None = None
    imported: bool = False
    """Its units were assigned elsewhere; `finished_import` is its end marker."""
    finished_import: bool = False
    gaps: tuple[tuple[datetime, datetime | None], ...] = ()
    """Intervals without enrolment: units first exposed in one are left out."""
    treatment: TreatmentKind | None = None
    targeting: dict[str, Any] | None = field(default=None, hash=False)
    eligibility: dict[str, Any] | None = field(default=None, hash=False)
    """The layer, holdouts, prerequisites and segments; None where there are none."""

    @property
    def control(self) -> ArmDesign:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.is_control)

    @property
    def primary(self) -> MetricDesign:
        """The metric that decides."""
        return next(m for m in self.metrics if m.role is MetricRole.PRIMARY)


def design_hash(design: PhaseDesign) -> str:
    """SHA-256 of what may not change once the phase has begun.

    When the phase ended, its import and its enrolment gaps are history, not design,
    and stay out; so does coverage, which may be raised. What a design has none of
    leaves no trace, so that designs from before it was known keep their hash.
    """
    frozen = {
        "experiment": design.experiment_key,
        "phase": design.number,
        "unit": design.unit,
        "seed": design.seed,
        "treatment": design.treatment,
        "targeting": design.targeting,
        "arms": [[a.key, a.weight, a.is_control, a.payload] for a in design.arms],
        "metrics": [_frozen_metric(metric) for metric in design.metrics],
        "hypothesis": [
            design.hypothesis.statement,
            design.hypothesis.metric_key,
            design.hypothesis.direction,
            design.hypothesis.minimum_effect,
        ],
        "planned_units": design.planned_units,
    }
    if design.eligibility is not None:
        frozen["eligibility"] = design.eligibility
    text = json.dumps(frozen, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _frozen_metric(metric: MetricDesign) -> list[object]:
    sources = [
        [s.event_name, s.value] if s is not None else None
        for s in (metric.numerator, metric.denominator)
    ]
    return [
        metric.key,
        metric.kind,
        metric.role,
        metric.direction,
        *sources,
        metric.window_days,
        metric.delay_days,
        metric.retention_day,
        metric.cap,
        metric.cap_quantile,
        metric.steps,
        metric.margin,
    ]
