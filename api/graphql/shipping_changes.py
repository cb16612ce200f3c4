"""Shipping: shown first, then begun with the preview's token, moved on, taken back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.experiment_changes import (
    ExperimentResult,
    intent_of,
    perform_change,
    take_step,
)
from api.graphql.experiment_inputs import StopExperimentInput, TransitionExperimentInput
from api.graphql.experiments import Experiment
from api.graphql.perform import Ids, Once, perform
from api.graphql.shipping import ShipPreview
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import queries, service
from experiments.shipping import models
from experiments.shipping.ramps import HOLD_HOURS, STEPS

_EDIT = {"policy": Policy.EDIT}
_OPERATE = {"policy": Policy.OPERATE}


@strawberry.input(description="What to ship, to whom, and how fast.")
class PreviewShipInput(TransitionExperimentInput):
    """What previewShip takes."""

    variant: str = strawberry.field(
        description="The variant's key, the one that was decided on. There is no "
        "default."
    )
    holdback: float = strawberry.field(
        default=0.0,
        description="The share of all units that keeps the control: at most what the "
        "control had. Without one, what is measured later is before against after.",
    )
    ramp_to: float = strawberry.field(
        default=1.0,
        description="The share of all units that it comes to; 1 is everyone but those "
        "held back.",
    )
    steps: list[float] = strawberry.field(
        default_factory=lambda: list(STEPS),
        description="The shares that it comes to on the way; those from `rampTo` on "
        "are left out.",
    )
    hold_hours: int = strawberry.field(
        default=HOLD_HOURS, description="How long each step is held."
    )

    def plan(self) -> service.ShipPlan:
        """As the domain takes it."""
        return service.ShipPlan(
            variant=self.variant,
            holdback=self.holdback,
            ramp_to=self.ramp_to,
            steps=tuple(self.steps),
            hold_hours=self.hold_hours,
        )


@strawberry.input(
    description="A preview to go through with: its token, and the same plan again."
)
class ShipVariantInput(PreviewShipInput):
    """What shipVariant takes."""

    token: str = strawberry.field(description="The preview's.")


@strawberry.input(description="A rollout to hold.")
class HoldRolloutInput(StopExperimentInput):
    """What holdRollout takes."""


@strawberry.input(description="A shipment to take back.")
class RollBackInput(StopExperimentInput):
    """What rollBack takes."""


@policed(Policy.READ)
@strawberry.type(description="What shipping would do, and the token to do it with.")
class ShipPreviewPayload:
    """What previewShip answers."""

    preview: ShipPreview = strawberry.field(description="What it would do.")
    token: str | None = strawberry.field(
        description="For shipVariant with the same plan, once, while the experiment "
        "stays at this version; null in a replay."
    )
    expires_at: datetime = strawberry.field(description="Until when the token holds.")
    experiment: Experiment = strawberry.field(description="The experiment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


ShipPreviewResult = Annotated[
    ShipPreviewPayload | Refusal,
    strawberry.union("ShipPreviewResult", description="The preview, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="See what shipping the variant that was decided on would do: who "
        "would change, who is held back, and how small an effect that will show. "
        "Nothing is shipped.",
    )
    async def preview_ship(
        self, info: Info, input: PreviewShipInput
    ) -> ShipPreviewResult:
        """The token is told once: only its hash is kept."""
        context, shown = info.context, Once()

        async def work(session: AsyncSession) -> Ids:
            row, shown.text = await service.preview(
                session,
                await intent_of(session, info, input),
                environment_id=context.caller.environment_id,
                plan=input.plan(),
            )
            return {"preview": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> ShipPreviewPayload:
            row = await session.get_one(models.ShipPreview, UUID(ids["preview"]))
            experiment = await queries.experiment_by_id(
                session,
                project_id=context.caller.project_id,
                experiment_id=row.experiment_id,
            )
            return ShipPreviewPayload(
                preview=ShipPreview.of(service.foresight_of(row)),
                token=None if replayed else shown.text,
                expires_at=row.expires_at,
                experiment=Experiment.of(experiment),
                replayed=replayed,
            )

        return await perform(
            info, input, operation="previewShip", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata=_EDIT,
        description="Ship what a preview showed. The first step begins at once, the "
        "others follow by themselves; those held back keep the control.",
    )
    async def ship_variant(
        self, info: Info, input: ShipVariantInput
    ) -> ExperimentResult:
        """The token stands for what was shown."""

        async def work(session: AsyncSession) -> Ids:
            shipment = await service.ship(
                session,
                await intent_of(session, info, input),
                environment_id=info.context.caller.environment_id,
                token=input.token,
                plan=input.plan(),
            )
            return {"experiment": shipment.experiment_id.hex}

        return await perform_change(info, input, "shipVariant", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Take the next step of a rollout now, also of one that is held.",
    )
    async def advance_rollout(
        self, info: Info, input: TransitionExperimentInput
    ) -> ExperimentResult:
        """By hand."""

        async def work(session: AsyncSession) -> Ids:
            intent = await intent_of(session, info, input)
            shipment = await service.advance_rollout(session, intent)
            return {"experiment": shipment.experiment_id.hex}

        return await perform_change(info, input, "advanceRollout", work)

    @strawberry.mutation(
        metadata=_OPERATE,
        description="Hold a rollout where it is until somebody advances it. Nobody "
        "loses the variant.",
    )
    async def hold_rollout(
        self, info: Info, input: HoldRolloutInput
    ) -> ExperimentResult:
        """With a reason."""

        async def work(session: AsyncSession) -> Ids:
            intent = await intent_of(session, info, input)
            shipment = await service.hold_rollout(session, intent, reason=input.reason)
            return {"experiment": shipment.experiment_id.hex}

        return await perform_change(info, input, "holdRollout", work)

    @strawberry.mutation(
        metadata=_OPERATE,
        description="Give everyone the control again, at once, whatever had been "
        "reached.",
    )
    async def roll_back(self, info: Info, input: RollBackInput) -> ExperimentResult:
        """With a reason."""
        return await take_step(
            info, input, "rollBack", service.roll_back, reason=input.reason
        )
