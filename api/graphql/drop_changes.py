"""Taking a variant out of an experiment under way."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal, member_for
from api.graphql.experiment_changes import intent_of
from api.graphql.experiment_inputs import TransitionExperimentInput
from api.graphql.experiments import Experiment
from api.graphql.perform import Ids, perform
from api.graphql.scalars import Long
from api.policies import Policy, policed
from core.database import AsyncSession
from core.idempotency import check_key
from core.problems import Problem
from experiments import queries, service

_NUDGES = ("publish_phases",)


@strawberry.input(description="A variant to take out of a phase under way.")
class DropVariantInput(TransitionExperimentInput):
    """What dropVariant takes."""

    variant: str = strawberry.field(
        description="The variant's key. Not the control, and not the last other one: "
        "stopExperiment ends those."
    )
    reason: str = strawberry.field(
        description="Why; kept in the audit trail and told in the memo."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Only say what it would do. Nothing is kept."
    )


@policed(Policy.READ)
@strawberry.type(description="What it means that a variant is dropped.")
class DroppedVariant:
    """A preview, and a record."""

    variant: str = strawberry.field(description="The variant's key.")
    share: float = strawberry.field(
        description="Of those who take part, how many get the control from then on."
    )
    exposed_units: Long = strawberry.field(
        description="Who met it so far, by the current snapshot. They stay counted."
    )
    variants_left: list[str] = strawberry.field(
        description="Those that go on: nobody who has one of them moves."
    )

    @classmethod
    def of(cls, preview: service.DropPreview) -> "DroppedVariant":
        """From the domain's."""
        return cls(
            variant=preview.variant,
            share=preview.share,
            exposed_units=Long(preview.exposed_units),
            variants_left=list(preview.left),
        )


@policed(Policy.READ)
@strawberry.type(description="The experiment, and what dropping the variant means.")
class DropVariantPayload:
    """What dropVariant answers."""

    experiment: Experiment = strawberry.field(description="The experiment.")
    dropped: DroppedVariant = strawberry.field(description="What it means.")
    dry_run: bool = strawberry.field(description="Whether nothing was done.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


DropVariantResult = Annotated[
    DropVariantPayload | Refusal,
    strawberry.union(
        "DropVariantResult", description="What was dropped, or would be, or why not."
    ),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.EDIT},
        description="Take a variant out of the phase that runs, for good. Its units "
        "get the control and are exposed no more; everyone else keeps their variant, "
        "for nothing is randomised anew. Its data stays; it is compared with nothing "
        "any more, and the error rate of the others stays that of the plan.",
    )
    async def drop_variant(
        self, info: Info, input: DropVariantInput
    ) -> DropVariantResult:
        """With a reason, or as a rehearsal."""
        if input.dry_run:
            return await _rehearsed(info, input)
        environment_id = info.context.caller.environment_id

        async def work(session: AsyncSession) -> Ids:
            phase = await service.drop_arm(
                session,
                await intent_of(session, info, input),
                environment_id=environment_id,
                variant=input.variant,
                reason=input.reason,
            )
            return {"experiment": phase.experiment_id.hex, "phase": phase.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> DropVariantPayload:
            row = await queries.experiment_by_id(
                session,
                project_id=info.context.caller.project_id,
                experiment_id=UUID(ids["experiment"]),
            )
            phase = await queries.phase_by_id(
                session, environment_id=environment_id, phase_id=UUID(ids["phase"])
            )
            return DropVariantPayload(
                experiment=Experiment.of(row),
                dropped=DroppedVariant.of(
                    await service.drop_preview(session, phase, input.variant)
                ),
                dry_run=False,
                replayed=replayed,
            )

        answer = await perform(
            info,
            input,
            operation="dropVariant",
            work=work,
            rebuild=rebuild,
            nudges=_NUDGES,
        )
        await info.context.services.definitions.refresh()
        return answer


async def _rehearsed(
    info: Info, given: DropVariantInput
) -> DropVariantPayload | Refusal:
    try:
        check_key(str(given.idempotency_key))
        async with info.context.readers() as session:
            intent = await intent_of(session, info, given)
            preview = await service.preview_drop(
                session,
                intent,
                environment_id=info.context.caller.environment_id,
                variant=given.variant,
                reason=given.reason,
            )
            row = await queries.experiment_by_id(
                session,
                project_id=intent.project_id,
                experiment_id=intent.experiment_id,
            )
    except Problem as problem:
        return member_for(problem)
    return DropVariantPayload(
        experiment=Experiment.of(row),
        dropped=DroppedVariant.of(preview),
        dry_run=True,
        replayed=False,
    )
