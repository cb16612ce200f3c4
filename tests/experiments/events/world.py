"""A small world of persons, accounts and events, and a clock that tests move."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from core.ids import new_id
from experiments.arms import ArmDesign
from experiments.design import (
    Direction,
    FilterOperator,
    Hypothesis,
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    Source,
    SourceFilter,
    SourceValue,
    UnitKind,
)
from experiments.events.log import EXPOSURE, EventLog, NewEvent
from experiments.events.state import ArmMetricState, PhaseState, SegmentState
from experiments.plan import AnalysisPlan, Dimension

START = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)
"""Two days before clocks change in Europe, late in a UTC day."""
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)
LATER = START + timedelta(days=30)

VISIT = Source("visit", SourceValue.ONE)
PAID = Source("paid", SourceValue.ONE)
PRICE = Source("paid", SourceValue.VALUE)
AMOUNT = Source("paid", SourceValue.VALUE, property="amount")
CARD = Source(
    "paid", SourceValue.ONE, (SourceFilter("by", FilterOperator.IN, ("card", "4")),)
)
LARGE = Source(
    "paid",
    SourceValue.VALUE,
    (
        SourceFilter("amount", FilterOperator.AT_LEAST, ("1.5",)),
        SourceFilter("by", FilterOperator.NOT_IN, ("card",)),
    ),
)
SMALL = Source(
    "paid",
    SourceValue.ONE,
    (
        SourceFilter("amount", FilterOperator.AT_MOST, ("1.5",)),
        SourceFilter("by", FilterOperator.EXISTS),
    ),
)

PLAN = AnalysisPlan(
    lookback_days=2,
    dimensions=(
        Dimension("plan", "plan", ("free", "team"), stratum=True),
        Dimension("size", "seats", ("4", "2.5", "true"), stratum=True),
        Dimension("country", "$country", ("DE",)),
    ),
)
"""Three dimensions, two of them strata, and two days of looking back."""


@dataclass(slots=True)
class Clock:
    """The log's clock; it stands still until a test moves it."""

    now: datetime = LATER

    def __call__(self) -> datetime:
        """The instant."""
        return self.now


@dataclass(frozen=True, slots=True)
class World:
    """One environment in one log."""

    log: EventLog
    clock: Clock
    environment_id: UUID = field(default_factory=new_id)

    async def send(self, *events: NewEvent, batch_id: str | None = None) -> None:
        """Append with the clock past every event."""
        self.clock.now = max(self.clock.now, LATER)
        await self.log.append(self.environment_id, events, batch_id=batch_id)

    async def settle(self, now: datetime = LATER, *, limit: int = 50_000) -> None:
        """Fold everything that waits, as seen at `now`."""
        self.clock.now = now
        await self.log.fold(self.environment_id, limit=limit)
        while await self.has_work():
            await self.log.fold(self.environment_id, limit=limit)

    async def has_work(self) -> bool:
        """Whether a fold would change something."""
        return self.environment_id in await self.log.environments_with_work()

    async def state(self, design: PhaseDesign) -> PhaseState:
        """The folded state, checked against the recomputed one."""
        folded = await self.log.phase_state(design.phase_id)
        assert folded == await self.log.recompute(design.phase_id)
        return folded


def metric(
    key: str, kind: MetricKind, numerator: Source, **changes: object
) -> MetricDesign:
    """A metric with a window of two days, unless it says otherwise."""
    plain = MetricDesign(
        metric_id=new_id(),
        key=key,
        name=key,
        kind=kind,
        role=MetricRole.SECONDARY,
        direction=Direction.INCREASE,
        numerator=numerator,
        window_days=2,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def every_metric() -> tuple[MetricDesign, ...]:
    """One of each kind that can be folded."""
    return (
        metric("paid", MetricKind.CONVERSION, PAID, role=MetricRole.PRIMARY),
        metric("visits", MetricKind.COUNT, VISIT, window_days=1, cap=2),
        metric("revenue", MetricKind.SUM, PRICE, cap=3_000_000, delay_days=1),
        metric("price", MetricKind.MEAN, PRICE, window_days=3),
        metric("pence", MetricKind.SUM, PRICE, steps=100),
        metric("per_visit", MetricKind.RATIO, PRICE, denominator=VISIT, cap=1_000_000),
        metric("day_1", MetricKind.RETENTION, VISIT, retention_day=1),
    )


def detailed_metrics() -> tuple[MetricDesign, ...]:
    """What reads properties, single events or unit totals."""
    return (
        metric("cards", MetricKind.CONVERSION, CARD, role=MetricRole.PRIMARY),
        metric("amount", MetricKind.QUANTILE, AMOUNT, quantile=0.9, cap=2_000_000),
        metric("share", MetricKind.RATIO, LARGE, denominator=SMALL, window_days=3),
        metric("mean", MetricKind.MEAN, AMOUNT, cap=1_500_000),
        metric("back", MetricKind.RETENTION, VISIT, retention_day=1, retention_span=2),
        metric("weeks", MetricKind.CADENCE, VISIT, weeks=2),
        metric("wait", MetricKind.TIME_TO_EVENT, PAID, window_days=3),
        metric("delayed", MetricKind.TIME_TO_EVENT, VISIT, delay_days=1),
        metric("path", MetricKind.FUNNEL, VISIT, later_steps=(PAID, VISIT)),
    )


def phase(
    environment_id: UUID,
    *metrics: MetricDesign,
    unit: UnitKind = UnitKind.USER,
    **changes: object,
) -> PhaseDesign:
    """A phase with arms a and b that starts at START and has not ended."""
    metrics = metrics or every_metric()
    design = PhaseDesign(
        phase_id=new_id(),
        environment_id=environment_id,
        experiment_key="gate",
        number=1,
        unit=unit,
        seed="0123456789abcdef",
        coverage=1.0,
        arms=(
            ArmDesign("a", "Gate at 30", 0.5, is_control=True),
            ArmDesign("b", "Gate at 40", 0.5, is_control=False),
        ),
        metrics=metrics,
        hypothesis=Hypothesis("It pays.", metrics[0].key, Direction.INCREASE, 0.01),
        planned_units=100,
        started_at=START,
    )
    return replace(design, **changes)  # type: ignore[arg-type]


def exposure(who: str, arm: str, when: timedelta, **changes: object) -> NewEvent:
    """An exposure of a user, `when` after START."""
    return event(
        EXPOSURE,
        when,
        **{"user_id": who, "experiment_key": "gate", "variant_key": arm, **changes},
    )


def event(name: str, when: timedelta, **changes: object) -> NewEvent:
    """An event, `when` after START."""
    plain = NewEvent(id=str(new_id()), name=name, occurred_at=START + when)
    return replace(plain, **changes)  # type: ignore[arg-type]


def paid(who: str, value: str, when: timedelta, **changes: object) -> NewEvent:
    """A payment of a user, `when` after START."""
    return event("paid", when, **{"user_id": who, "value": Decimal(value), **changes})


def level_of(
    state: PhaseState, arm: str, metric: MetricDesign, dimension: str, level: str
) -> SegmentState:
    """One metric in one arm, in one level."""
    return next(
        part
        for part in state.segments
        if (part.arm, part.metric_id) == (arm, metric.metric_id)
        and (part.dimension, part.level) == (dimension, level)
    )


def of(state: PhaseState, arm: str, metric: MetricDesign) -> ArmMetricState:
    """One metric in one arm."""
    return next(
        part
        for part in state.metrics
        if part.arm == arm and part.metric_id == metric.metric_id
    )
