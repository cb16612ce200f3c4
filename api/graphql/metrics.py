"""Metrics: what is measured of a unit, and how."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.experiment_enums import Direction, MetricKind, SourceValue
from api.graphql.ids import global_id
from api.graphql.metric_health import MetricReadings
from api.graphql.metric_parts import MetricCondition, cap_steps
from api.graphql.node import Node, register_node
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from experiments import models, queries

_BY_KEY = Order("metric.key", models.Metric.key, models.Metric.id, str, False)


@policed(Policy.READ)
@strawberry.type(
    description="What is measured of a unit. An experiment that has started keeps the "
    "definition that it started with."
)
class Metric(MetricReadings, Node):
    """One metric."""

    key: str = strawberry.field(description="For programs; one metric's for ever.")
    name: str = strawberry.field(description="For people.")
    kind: MetricKind = strawberry.field(description="How events become a value.")
    event_name: str = strawberry.field(description="The events that count.")
    value: SourceValue = strawberry.field(description="What each of them adds.")
    denominator_event: str | None = strawberry.field(
        description="Of a RATIO: the events below the line."
    )
    denominator_value: SourceValue | None = strawberry.field(
        description="Of a RATIO: what each of those adds."
    )
    window_days: int = strawberry.field(
        description="Days after first exposure, or after the delay, that count."
    )
    delay_days: int = strawberry.field(
        description="Days between first exposure and the window."
    )
    retention_day: int | None = strawberry.field(
        description="Of RETENTION: the day after exposure, whole, on which to be back."
    )
    filters: list[MetricCondition] = strawberry.field(
        description="What the events that count must carry: all of it. Of a RATIO "
        "those above the line, of a FUNNEL those of the first step."
    )
    value_property: str | None = strawberry.field(
        description="The property that VALUE reads; null reads the event's own value."
    )
    retention_span: int = strawberry.field(
        description="Of RETENTION: days from `retentionDay` on, any of which will do."
    )
    weeks: int | None = strawberry.field(
        description="Of CADENCE: the weeks since exposure of which it is a share."
    )
    quantile: float | None = strawberry.field(
        description="Of QUANTILE: which one of the units' totals, in (0, 1)."
    )
    later_steps: list[str] = strawberry.field(
        description="Of FUNNEL: the events after the first, in order."
    )
    minimum_units: int | None = strawberry.field(
        description="Units that each arm needs before a verdict; null leaves it to "
        "the policy."
    )
    steps_per_unit: int = strawberry.field(
        description="How finely values are kept: 100 keeps euros in whole cents."
    )
    cap_quantile: float | None = strawberry.field(
        description="Where an import reads its cap from: a quantile of all units."
    )
    direction: Direction = strawberry.field(description="Which way is good.")
    unit: str = strawberry.field(description="What one of it is, such as EUR cents.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the metric."
    )
    archived_at: datetime | None = strawberry.field(
        description="When it was taken out of use."
    )

    @strawberry.field(
        description="The most that one unit may add up to, in the metric's own unit."
    )
    def cap(self) -> float | None:
        """From steps."""
        return None if self.row.cap is None else self.row.cap / cap_steps(self.row)

    @classmethod
    def of(cls, row: models.Metric) -> "Metric":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Metric", row.id),
            key=row.key,
            name=row.name,
            kind=row.kind,
            event_name=row.event_name,
            value=row.value,
            denominator_event=row.denominator_event,
            denominator_value=row.denominator_value,
            window_days=row.window_days,
            delay_days=row.delay_days,
            retention_day=row.retention_day,
            filters=MetricCondition.all_of(row.filters),
            value_property=row.value_property,
            retention_span=row.retention_span,
            weeks=row.weeks,
            quantile=row.quantile,
            later_steps=list(row.later_steps),
            minimum_units=row.minimum_units,
            steps_per_unit=row.steps,
            cap_quantile=row.cap_quantile,
            direction=row.direction,
            unit=row.unit,
            version=row.version,
            archived_at=row.archived_at,
        )


async def metrics_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own metrics among these."""
    async with context.readers() as session:
        rows = await queries.metrics_by_ids(
            session, project_id=context.caller.project_id, ids=ids
        )
    return {local: Metric.of(row) for local, row in rows.items()}


register_node("Metric", metrics_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The project's metrics, by key."
    )
    async def metrics(
        self,
        info: Info,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
        include_archived: bool = False,
    ) -> Connection[Metric]:
        """One page of metrics."""
        statement = queries.listed_metrics(
            info.context.caller.project_id, with_archived=include_archived
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _BY_KEY, first=first, after=after)
        return connected(page, Metric.of)
