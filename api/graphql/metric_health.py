"""Whether a metric can be relied on in this environment, and where to cap it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from api.context import Context, Info
from api.graphql.experiment_enums import UnitKind
from api.graphql.metric_parts import cap_steps
from api.graphql.scalars import Long
from api.policies import Policy, policed
from core.clock import now
from core.problems import Invalid
from experiments import metric_health, models, queries
from experiments.design import MetricDesign, MetricRole
from experiments.drafts import Measure
from experiments.events.log import EventLog
from experiments.freezing import metric_design
from experiments.metric_health import HealthCode

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)

MAX_READ = 20
"""Metrics whose events one request may have read; each is a read of four weeks."""

strawberry.enum(
    HealthCode, name="MetricHealthCode", description="What is wrong with a metric."
)
_CODES = {
    HealthCode.NO_EVENTS: "None of its events came in two weeks.",
    HealthCode.STALE: "The last of its events is more than a day old.",
    HealthCode.MISSING_UNIT_ID: "Events that name no unit, which nobody is given.",
    HealthCode.MISSING_VALUE: "Events without the value that they should carry.",
    HealthCode.NO_VARIANCE: "Every unit has the same value.",
    HealthCode.DENOMINATOR_NEAR_ZERO: "A ratio has too little to divide by.",
}
_DEFINITION: StrawberryEnumDefinition = vars(HealthCode)["__strawberry_definition__"]
for _value in _DEFINITION.values:
    _value.description = _CODES[HealthCode(_value.value)]


@policed(Policy.READ)
@strawberry.type(description="One thing that is wrong with a metric.")
class MetricWarning:
    """A code and a sentence."""

    code: HealthCode = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people: one sentence.")


@policed(Policy.READ)
@strawberry.type(description="How many of a metric's events one UTC day had.")
class MetricDay:
    """One day."""

    day: datetime = strawberry.field(description="Its midnight.")
    events: Long = strawberry.field(description="Events on that day.")


@policed(Policy.READ)
@strawberry.type(
    description="A metric's events and values in the caller's environment. Where "
    "conditions must be looked at event by event, of very many events a part is read."
)
class MetricHealth:
    """What came lately."""

    events: Long = strawberry.field(
        description="In the last 14 whole UTC days, and today."
    )
    last_event_at: datetime | None = strawberry.field(
        description="The latest of them; null if there are none."
    )
    age_seconds: float | None = strawberry.field(description="How long ago that was.")
    days: list[MetricDay] = strawberry.field(
        description="The last 14 whole UTC days in order, empty ones too."
    )
    without_unit_id: float | None = strawberry.field(
        description="Share of events that no unit can be given."
    )
    without_value: float | None = strawberry.field(
        description="Share of events without a value; null where each adds one."
    )
    seasonality: float | None = strawberry.field(
        description="The busiest weekday's events as a multiple of the quietest's; "
        "null where a weekday had none."
    )
    units: Long = strawberry.field(
        description="Units first seen in the last 28 days whose window is over; of a "
        "metric with a long window, in as many days as that takes and a week."
    )
    mean: float | None = strawberry.field(
        description="Of those units' values, in the metric's unit; for a ratio the "
        "ratio of their totals. Of very many units a part is read."
    )
    variance: float | None = strawberry.field(description="Of one unit's value.")
    zero_share: float | None = strawberry.field(
        description="Share of those units whose value is 0."
    )
    warnings: list[MetricWarning] = strawberry.field(
        description="What is wrong; empty if nothing is."
    )

    @classmethod
    def of(cls, health: metric_health.MetricHealth) -> "MetricHealth":
        """From a reading."""
        return cls(
            events=Long(health.events),
            last_event_at=health.last_event_at,
            age_seconds=None if health.age is None else health.age.total_seconds(),
            days=[
                MetricDay(day=each.day, events=Long(each.events))
                for each in health.days
            ],
            without_unit_id=health.without_unit_id,
            without_value=health.without_value,
            seasonality=health.seasonality,
            units=Long(health.values.units),
            mean=health.values.mean,
            variance=health.values.variance,
            zero_share=health.values.zero_share,
            warnings=[
                MetricWarning(code=each.code, message=each.message)
                for each in health.warnings
            ],
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    metric_id: UUID
    unit: UnitKind


class Study(Protocol[Found_co]):
    """What reads the events of many metrics."""

    async def __call__(
        self,
        log: EventLog,
        metrics: Sequence[MetricDesign],
        *,
        environment_id: UUID,
        unit: UnitKind,
        now: datetime,
    ) -> tuple[Found_co, ...]:
        """What it found, in the metrics' order."""
        ...


async def _health(context: Context, asked: Sequence[_Asked]) -> list[MetricHealth]:
    found = await _read(context, asked, metric_health.metric_healths)
    return [MetricHealth.of(found[each]) for each in asked]


async def _caps(context: Context, asked: Sequence[_Asked]) -> list[int | None]:
    found = await _read(context, asked, metric_health.proposed_caps)
    return [found[each] for each in asked]


async def _read(
    context: Context, asked: Sequence[_Asked], study: Study[Found]
) -> dict[_Asked, Found]:
    """One study for all metrics that are asked for with one kind of unit."""
    designs, at = await _designs(context, asked)
    found: dict[_Asked, Found] = {}
    for unit in UnitKind:
        wanted = [each for each in asked if each.unit is unit]
        if not wanted:
            continue
        read = await study(
            context.log,
            [designs[each.metric_id] for each in wanted],
            environment_id=context.caller.environment_id,
            unit=unit,
            now=at,
        )
        found |= dict(zip(wanted, read, strict=True))
    return found


async def _designs(
    context: Context, asked: Sequence[_Asked]
) -> tuple[dict[UUID, MetricDesign], datetime]:
    """The metrics as a phase would freeze them now.

    Raises:
        Invalid: More of them than one request may have read.
    """
    if len(asked) > MAX_READ:
        raise Invalid(
            f"A request reads the events of at most {MAX_READ} metrics.",
            code="TOO_MANY_METRICS",
        )
    async with context.readers() as session:
        at = await now(session)
        rows = await queries.metrics_by_ids(
            session,
            project_id=context.caller.project_id,
            ids=[each.metric_id for each in asked],
        )
    return {
        row.id: metric_design(Measure(row, MetricRole.SECONDARY, None))
        for row in rows.values()
    }, at


@strawberry.type
class MetricReadings:
    """The part of `Metric` that is read from its events."""

    row: strawberry.Private[models.Metric]

    @strawberry.field(
        description="Whether it can be relied on in this environment, read from its "
        "events now. A request may ask for that of at most 20 metrics."
    )
    async def health(self, info: Info, unit: UnitKind = UnitKind.USER) -> MetricHealth:
        """Loaded with that of the other metrics in the answer."""
        return await info.context.loaders.of(_health).load(_Asked(self.row.id, unit))

    @strawberry.field(
        description="Where a cap would cut one unit in a thousand: the pooled 99.9% "
        "quantile of units' totals in the last 28 days, in the metric's own unit. Null "
        "for a kind without a cap, and where there is nothing to cut."
    )
    async def proposed_cap(
        self, info: Info, unit: UnitKind = UnitKind.USER
    ) -> float | None:
        """From steps."""
        loader = info.context.loaders.of(_caps)
        cap = await loader.load(_Asked(self.row.id, unit))
        return None if cap is None else cap / cap_steps(self.row)
