"""The frozen design of one phase: what the log folds and the analysis reads."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from experiments.arms import ArmDesign, DroppedArm
from experiments.plan import AnalysisPlan, HarmAction, MarginKind
from experiments.treatments import TreatmentKind

STEPS_PER_UNIT = 1_000_000
"""Fixed-point steps in one unit of a metric's value, unless it says otherwise."""

MAX_UNIT_TOTAL = 10**15
"""The largest total, in steps, that one unit may reach in one metric."""


_ADDED = frozenset(
    {
        "margin_kind",
        "harm_action",
        "retention_span",
        "weeks",
        "quantile",
        "later_steps",
        "minimum_units",
    }
)
"""Parts that came later: hashed only where they say something."""

SHARE = "%"
"""The unit of a ratio whose values are parts of 1, such as upgrades per member."""


class UnitKind(StrEnum):
    """What is randomised."""

    USER = "USER"
    ACCOUNT = "ACCOUNT"


class MetricKind(StrEnum):
    """How a unit's events become its value."""

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


class FilterOperator(StrEnum):
    """How a property of an event is compared."""

    IN = "IN"
    NOT_IN = "NOT_IN"
    AT_LEAST = "AT_LEAST"
    AT_MOST = "AT_MOST"
    EXISTS = "EXISTS"


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """A condition on one property of an event; all of a source's must hold.

    IN and NOT_IN compare texts (a number or boolean as JSON writes it), AT_LEAST and
    AT_MOST one number. A property that is missing passes NOT_IN alone.
    """

    property: str
    operator: FilterOperator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of values: the events of one name, each adding one or its value."""

    event_name: str
    value: SourceValue
    filters: tuple[SourceFilter, ...] = ()
    property: str | None = None
    """The property that VALUE reads; None reads the event's own value."""


@dataclass(frozen=True, slots=True)
class MetricDesign:
    """One metric as it is fixed at launch.

    A unit's value over its window [exposure + delay, exposure + delay + window):
    CONVERSION is 0 or 1 (any event), COUNT the number of events, SUM the total of
    their values, RETENTION 0 or 1 (any event on day `retention_day` after exposure).
    MEAN is a ratio of total value to number of events, RATIO of the numerator's total
    to the denominator's; both keep the pair (y, d) for each unit.

    CADENCE is the number of the first `weeks` 7-day blocks with an event, as a share
    of them. QUANTILE compares the `quantile` of units' totals. TIME_TO_EVENT is the
    24-hour block of the first event within the window, censored where none has come
    yet. FUNNEL is the number of steps done in order within the window: the
    numerator's event, then those of `later_steps`.
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
    margin_kind: MarginKind = MarginKind.ABSOLUTE
    harm_action: HarmAction = HarmAction.ALERT
    """What a guardrail's alarm does."""
    retention_span: int = 1
    """Days of RETENTION's bracket, from `retention_day` on."""
    weeks: int | None = None
    quantile: float | None = None
    later_steps: tuple[Source, ...] = ()
    minimum_units: int | None = None
    """Matured units that each arm needs before a verdict; None leaves it to policy."""

    @property
    def numerator_steps(self) -> int:
        """Steps in one unit of y: 1 where events are counted."""
        if self.kind is MetricKind.CADENCE:
            return self.weeks or 1
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
            return self.opens_after + timedelta(days=self.retention_span)
        if self.kind is MetricKind.CADENCE:
            return self.opens_after + timedelta(weeks=self.weeks or 1)
        return self.opens_after + timedelta(days=self.window_days)

    @property
    def is_binary(self) -> bool:
        """Whether a unit's value is 0 or 1."""
        return self.kind in {MetricKind.CONVERSION, MetricKind.RETENTION}

    @property
    def is_share(self) -> bool:
        """Whether its values are parts of 1, shown in per cent."""
        return self.is_binary or self.unit == SHARE or self.kind is MetricKind.CADENCE

    @property
    def is_ratio(self) -> bool:
        """Whether a unit's value is a pair (y, d)."""
        return self.kind in {MetricKind.MEAN, MetricKind.RATIO}


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
    plan: AnalysisPlan | None = None
    """How it is analysed; None is one look at the fixed horizon, unadjusted."""
    dropped: tuple[DroppedArm, ...] = ()
    """History, not design: it is not in the hash."""

    @property
    def in_play(self) -> tuple[ArmDesign, ...]:
        """The arms that units are still assigned to and that are compared."""
        gone = self.dropped_at
        return tuple(arm for arm in self.arms if arm.key not in gone)

    @property
    def dropped_at(self) -> dict[str, datetime]:
        """When each arm that was taken out was."""
        return {each.key: each.at for each in self.dropped}

    @property
    def units_in_play(self) -> int:
        """Units planned in the arms that are left: each keeps its own number."""
        if not self.dropped:
            return self.planned_units
        whole = sum(arm.weight for arm in self.arms)
        share = sum(arm.weight for arm in self.in_play) / whole
        return round(self.planned_units * share)

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

    When the phase ended, its import, its enrolment gaps and the arms that were dropped
    are history, not design, and stay out; so does coverage, which may be raised. What a
    design has none of leaves no trace, so that designs from before it was known keep
    their hash.
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
    if design.plan is not None:
        frozen["plan"] = msgspec.to_builtins(design.plan)
    text = json.dumps(frozen, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _frozen_metric(metric: MetricDesign) -> list[object]:
    sources = [
        _frozen_source(s) if s is not None else None
        for s in (metric.numerator, metric.denominator)
    ]
    later = {
        field.name: msgspec.to_builtins(getattr(metric, field.name))
        for field in fields(MetricDesign)
        if field.name in _ADDED and getattr(metric, field.name) != field.default
    }
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
        *([later] if later else []),
    ]


def _frozen_source(source: Source) -> list[object]:
    frozen: list[object] = [source.event_name, source.value]
    if source.filters or source.property is not None:
        frozen += [msgspec.to_builtins(source.filters), source.property]
    return frozen
