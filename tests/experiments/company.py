"""A small company's metrics and a draft with nothing left to do."""

from dataclasses import dataclass, replace
from uuid import UUID

from core.audit import Actor
from core.database import AsyncSession
from experiments import service
from experiments.design import Direction, MetricKind, MetricRole, SourceValue
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.measurement import MetricSpec
from experiments.models import Experiment
from experiments.service.change import Intent
from experiments.treatments import TreatmentKind

CONVERSION = MetricSpec(
    name="Paid within a week",
    kind=MetricKind.CONVERSION,
    event_name="paid",
    direction=Direction.INCREASE,
)
REVENUE = MetricSpec(
    name="Revenue",
    kind=MetricKind.SUM,
    event_name="paid",
    value=SourceValue.VALUE,
    direction=Direction.INCREASE,
    steps=1,
    unit="cents",
)
READY = Changes(
    name="Shorter form",
    hypothesis=HypothesisSpec(
        statement="Fewer fields, more sign-ups.",
        metric_key="paid",
        direction=Direction.INCREASE,
        minimum_effect=0.01,
    ),
    variants=(
        VariantSpec("long", "Long", 0.5, is_control=True, payload={"value": 9}),
        VariantSpec("short", "Short", 0.5, is_control=False, payload={"value": 3}),
    ),
    measures=(
        MeasureSpec("paid", MetricRole.PRIMARY),
        MeasureSpec("revenue", MetricRole.GUARDRAIL),
    ),
    planned_units=1_000,
)


@dataclass(frozen=True, slots=True)
class Company:
    """Where the tests of this domain work."""

    project_id: UUID
    environment_id: UUID
    actor: Actor

    async def metrics(self, session: AsyncSession) -> None:
        """Define the two metrics."""
        for key, spec in (("paid", CONVERSION), ("revenue", REVENUE)):
            await service.define_metric(
                session,
                project_id=self.project_id,
                actor=self.actor,
                key=key,
                spec=spec,
            )

    async def draft(
        self, session: AsyncSession, key: str = "short-form", **changes: object
    ) -> Experiment:
        """Draft an experiment that may start."""
        return await service.draft(
            session,
            project_id=self.project_id,
            actor=self.actor,
            key=key,
            treatment=TreatmentKind.FEATURE,
            changes=replace(READY, **changes),  # type: ignore[arg-type]
        )


def step(company: Company, row: Experiment, actor: Actor | None = None) -> Intent:
    """To change an experiment as it was read."""
    return Intent.on(row, actor or company.actor)
