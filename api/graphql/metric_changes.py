"""Metrics: defining them, changing them, taking them out of use."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.experiment_enums import Direction, MetricKind, SourceValue
from api.graphql.ids import local_id
from api.graphql.metric_parts import MetricFilterInput, cap_steps
from api.graphql.metrics import Metric
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import queries, service
from experiments.design import STEPS_PER_UNIT
from experiments.errors import MetricInvalid
from experiments.measurement import MetricSpec

_EDIT = {"policy": Policy.EDIT}
_CONVERTED = {"cap", "steps", "filters", "later_steps"}


@strawberry.input(description="How a metric is computed.")
class MetricDefinitionInput:
    """The parts of a metric that may change."""

    name: str = strawberry.field(description="For people: 1 to 200 characters.")
    kind: MetricKind = strawberry.field(description="How events become a value.")
    event_name: str = strawberry.field(description="The events that count.")
    direction: Direction = strawberry.field(description="Which way is good.")
    value: SourceValue = strawberry.field(
        default=SourceValue.ONE,
        description="What each event adds; SUM and MEAN need VALUE.",
    )
    denominator_event: str | None = strawberry.field(
        default=None, description="For RATIO: the events below the line."
    )
    denominator_value: SourceValue | None = strawberry.field(
        default=None, description="For RATIO: what each of those adds."
    )
    filters: list[MetricFilterInput] = strawberry.field(
        default_factory=list,
        description="What the events that count must carry, at most 8 conditions. Of "
        "a RATIO those above the line, of a FUNNEL those of the first step.",
    )
    value_property: str | None = strawberry.field(
        default=None,
        description="Where events add VALUE: the property to read instead of it.",
    )
    window_days: int = strawberry.field(default=7, description="1 to 365.")
    delay_days: int = strawberry.field(default=0, description="0 to 365.")
    retention_day: int | None = strawberry.field(
        default=None, description="For RETENTION: the day after exposure."
    )
    retention_span: int = strawberry.field(
        default=1,
        description="For RETENTION: days from `retentionDay` on, any of which will do.",
    )
    weeks: int | None = strawberry.field(
        default=None, description="For CADENCE: 1 to 52 weeks since exposure."
    )
    quantile: float | None = strawberry.field(
        default=None,
        description="For QUANTILE: which one of the units' totals, in (0, 1).",
    )
    later_steps: list[str] = strawberry.field(
        default_factory=list,
        description="For FUNNEL: 1 to 9 events after the first, in order.",
    )
    minimum_units: int | None = strawberry.field(
        default=None, description="Units that each arm needs before a verdict."
    )
    cap: float | None = strawberry.field(
        default=None,
        description="The most that one unit may add up to, in the metric's own unit.",
    )
    cap_quantile: float | None = strawberry.field(
        default=None,
        description="For imports: read the cap from this quantile of all units.",
    )
    steps_per_unit: int = strawberry.field(
        default=STEPS_PER_UNIT,
        description="How finely values are kept: 1 for whole ones such as cents, 100 "
        "for euros in whole cents.",
    )
    unit: str = strawberry.field(default="", description="Such as EUR cents.")

    def spec(self) -> MetricSpec:
        """As the domain takes it."""
        names = {field.name for field in fields(MetricSpec)} - _CONVERTED
        spec = MetricSpec(
            **{name: getattr(self, name) for name in names},
            steps=self.steps_per_unit,
            filters=tuple(each.filter() for each in self.filters),
            later_steps=tuple(self.later_steps),
        )
        cap = None if self.cap is None else _in_steps(self.cap, cap_steps(spec))
        return replace(spec, cap=cap)


@strawberry.input(description="A metric to define.")
class CreateMetricInput(MetricDefinitionInput):
    """What createMetric takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores."
    )


@strawberry.input(description="A metric to change.")
class UpdateMetricInput(MetricDefinitionInput):
    """What updateMetric takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The metric's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@strawberry.input(description="A metric to take out of use.")
class ArchiveMetricInput:
    """What archiveMetric takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The metric's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@policed(Policy.READ)
@strawberry.type(description="The metric as it is now.")
class MetricPayload:
    """What every mutation of a metric answers."""

    metric: Metric = strawberry.field(description="The metric.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


MetricChangeResult = Annotated[
    MetricPayload | Refusal,
    strawberry.union("MetricChangeResult", description="The metric, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(metadata=_EDIT, description="Define a metric.")
    async def create_metric(
        self,
        info: Info,
        input: CreateMetricInput,
    ) -> MetricChangeResult:
        """One metric with its audit row."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.define_metric(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                spec=input.spec(),
            )
            return {"metric": row.id.hex}

        return await _perform(info, input, "createMetric", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Change a metric, for experiments that have yet to start.",
    )
    async def update_metric(
        self,
        info: Info,
        input: UpdateMetricInput,
    ) -> MetricChangeResult:
        """The whole definition at once."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.update_metric(
                session,
                **_target(info.context, input),
                spec=input.spec(),
            )
            return {"metric": row.id.hex}

        return await _perform(info, input, "updateMetric", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Take a metric out of use. Its key stays reserved.",
    )
    async def archive_metric(
        self,
        info: Info,
        input: ArchiveMetricInput,
    ) -> MetricChangeResult:
        """Refused while a draft or a live experiment measures it."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.archive_metric(session, **_target(info.context, input))
            return {"metric": row.id.hex}

        return await _perform(info, input, "archiveMetric", work)


async def _perform(
    info: Info, given: WriteInput, operation: str, work: Work
) -> MetricPayload | Refusal:
    async def rebuild(session: AsyncSession, ids: Ids, replayed: bool) -> MetricPayload:
        row = await queries.metric_by_id(
            session,
            project_id=info.context.caller.project_id,
            metric_id=UUID(ids["metric"]),
        )
        return MetricPayload(metric=Metric.of(row), replayed=replayed)

    return await perform(info, given, operation=operation, work=work, rebuild=rebuild)


def _target(
    context: Context, given: UpdateMetricInput | ArchiveMetricInput
) -> dict[str, Any]:
    return {
        "project_id": context.caller.project_id,
        "metric_id": local_id(given.id, "Metric", path=("id",)),
        "expected_version": given.expected_version,
        "actor": context.actor,
    }


def _in_steps(cap: float, steps: int) -> int:
    if not 0 < cap < STEPS_PER_UNIT * STEPS_PER_UNIT:
        raise MetricInvalid("The cap is out of bounds.", path=("cap",))
    return round(Decimal(str(cap)) * steps)
