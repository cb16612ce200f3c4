"""Shipments as they are read, and what an experiment says of what follows its stop."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection
from api.graphql.memos import (
    DecisionRecord,
    Memo,
    decisions_by_experiment,
    memo_versions,
    memos_by_experiment,
)
from api.graphql.remeasures import Remeasurement
from api.graphql.scalars import Long
from api.pagination import DEFAULT_PAGE
from api.policies import Policy, policed
from experiments import models as experiment_models
from experiments.service import Foresight
from experiments.shipping import models, queries
from experiments.shipping.models import Basis


@policed(Policy.READ)
@strawberry.type(description="A variant on its way to everyone, or there.")
class Shipment:
    """A shipment."""

    row: strawberry.Private[models.Shipment]
    variant: str = strawberry.field(description="What is shipped.")
    holdback: float = strawberry.field(
        description="The share of all units that keeps the control: a part of what was "
        "the control's while it was tested."
    )
    steps: list[float] = strawberry.field(
        description="The shares of all units that it comes to, in order."
    )
    hold_hours: int = strawberry.field(description="How long each step is held.")
    share: float = strawberry.field(
        description="The share that it has come to. At 1 everyone has it but those "
        "held back."
    )
    next_at: datetime | None = strawberry.field(
        description="When the next step is due; null on the last one, and while held."
    )
    held_reason: str | None = strawberry.field(
        description="Why it stays where it is; null while it goes on."
    )
    started_at: datetime = strawberry.field(description="When the first step began.")
    completed_at: datetime | None = strawberry.field(
        description="When it had come to its last share."
    )
    rolled_back_at: datetime | None = strawberry.field(
        description="When everyone was given the control again."
    )
    rolled_back_reason: str | None = strawberry.field(description="Why.")

    @strawberry.field(description="What was, and will be, measured of it, in order.")
    async def remeasures(self, info: Info) -> list[Remeasurement]:
        """Loaded together with those of the other shipments in the answer."""
        loader = info.context.loaders.of(remeasures_by_shipment)
        return [Remeasurement.of(row) for row in await loader.load(self.row.id)]

    @classmethod
    def of(cls, row: models.Shipment) -> "Shipment":
        """From a row."""
        return cls(
            row=row,
            variant=row.variant,
            holdback=row.holdback,
            steps=row.steps,
            hold_hours=row.hold_hours,
            share=row.share,
            next_at=row.next_at,
            held_reason=row.held_reason,
            started_at=row.started_at,
            completed_at=row.completed_at,
            rolled_back_at=row.rolled_back_at,
            rolled_back_reason=row.rolled_back_reason,
        )


@policed(Policy.READ)
@strawberry.type(description="Units that met a variant while it was tested.")
class ShipPreviewArm:
    """An arm."""

    variant: str = strawberry.field(description="The variant.")
    exposed: Long = strawberry.field(description="How many units met it.")


@policed(Policy.READ)
@strawberry.type(description="Something that the kind of treatment counts.")
class ShipPreviewCount:
    """A count."""

    name: str = strawberry.field(description="What is counted.")
    count: Long = strawberry.field(description="How many.")


@policed(Policy.READ)
@strawberry.type(description="What shipping would do.")
class ShipPreview:
    """A preview."""

    variant: str = strawberry.field(description="What would be shipped.")
    steps: list[float] = strawberry.field(
        description="The shares of all units that it would come to, in order."
    )
    exposed: list[ShipPreviewArm] = strawberry.field(
        description="The units that were tested, by arm."
    )
    would_change: Long = strawberry.field(
        description="Of them, those that would get another variant than they had."
    )
    held_back_units: Long = strawberry.field(
        description="Of them, those expected to be held back."
    )
    held_back_share: float = strawberry.field(
        description="The share of all units that would keep the control."
    )
    kept_share: float = strawberry.field(
        description="The share of all units that had the variant from the start."
    )
    sight_days: int = strawberry.field(
        description="After how many days the next four are foreseen."
    )
    control_units: Long = strawberry.field(
        description="Units expected in the holdback by then, their window closed."
    )
    treatment_units: Long = strawberry.field(
        description="Units expected among those treated from the start."
    )
    minimum_effect: float | None = strawberry.field(
        description="The smallest difference that the holdback will show, in the "
        "primary metric's unit; null where that cannot be said."
    )
    shipped_effect: float | None = strawberry.field(
        description="What the experiment found."
    )
    measurement: Basis = strawberry.field(
        description="What measuring it again can come to."
    )
    counts: list[ShipPreviewCount] = strawberry.field(
        description="What the kind of treatment adds."
    )
    warnings: list[str] = strawberry.field(description="Each a sentence.")

    @classmethod
    def of(cls, shown: Foresight) -> "ShipPreview":
        """From what was foreseen."""
        sight = shown.sight
        return cls(
            variant=shown.variant,
            steps=list(shown.steps),
            exposed=[
                ShipPreviewArm(variant=each.variant, exposed=Long(each.exposed))
                for each in shown.exposed
            ],
            would_change=Long(shown.would_change),
            held_back_units=Long(shown.held_back_units),
            held_back_share=shown.held_back_share,
            kept_share=shown.kept_share,
            sight_days=sight.days,
            control_units=Long(sight.control_units),
            treatment_units=Long(sight.treatment_units),
            minimum_effect=sight.minimum_effect,
            shipped_effect=sight.shipped_effect,
            measurement=shown.measurement,
            counts=[
                ShipPreviewCount(name=name, count=Long(count))
                for name, count in shown.counts.items()
            ],
            warnings=list(shown.warnings),
        )


async def shipments_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Shipment | None]:
    """Each experiment's last shipment in the caller's environment."""
    async with context.readers() as session:
        rows = await queries.last_shipments(
            session, environment_id=context.caller.environment_id, experiment_ids=ids
        )
    found = (rows.get(local) for local in ids)
    return [None if row is None else Shipment.of(row) for row in found]


async def remeasures_by_shipment(
    context: Context, ids: Sequence[UUID]
) -> list[Sequence[models.Remeasurement]]:
    """What was measured of each shipment, in order."""
    async with context.readers() as session:
        rows = await queries.remeasurements_of(session, ids)
    return [rows[local] for local in ids]


@strawberry.type
class Aftermath:
    """The part of `Experiment` that says what follows its stop."""

    row: strawberry.Private[experiment_models.Experiment]

    @strawberry.field(
        description="The last version of its memo; null before one is written."
    )
    async def memo(self, info: Info) -> Memo | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(memos_by_experiment).load(self.row.id)

    @strawberry.field(description="Every version of its memo, newest first.")
    async def memo_versions(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[Memo]:
        """One page of versions."""
        return await memo_versions(info.context, self.row.id, first=first, after=after)

    @strawberry.field(
        description="What the last decision stands on; null until there is one."
    )
    async def decision_record(self, info: Info) -> DecisionRecord | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(decisions_by_experiment).load(self.row.id)

    @strawberry.field(
        description="Its last shipment in this environment; null if there was none."
    )
    async def shipment(self, info: Info) -> Shipment | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(shipments_by_experiment).load(self.row.id)
