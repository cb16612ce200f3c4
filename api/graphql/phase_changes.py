"""What changes while an experiment runs: coverage, the split, and who is named."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.experiment_changes import (
    ExperimentResult,
    StartExperimentResult,
    begun,
    intent_of,
    perform_change,
)
from api.graphql.experiment_inputs import TransitionExperimentInput
from api.graphql.experiments import Experiment, ExperimentRef, find_experiment
from api.graphql.ids import local_id
from api.graphql.overrides import Override
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from core.subjects import SubjectKind
from experiments import queries, service
from experiments.eligibility import live

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="More coverage for a live experiment.")
class RaiseCoverageInput(TransitionExperimentInput):
    """What raiseCoverage takes."""

    coverage: float = strawberry.field(
        description="The share of units that take part: above the present one."
    )


@strawberry.input(description="A variant's share of a new split.")
class VariantWeightInput:
    """A weight."""

    variant: str = strawberry.field(description="The variant's key.")
    weight: float = strawberry.field(description="Its share; the shares sum to 1.")


@strawberry.input(description="A new phase for a running experiment.")
class StartNewPhaseInput(TransitionExperimentInput):
    """What startNewPhase takes."""

    coverage: float | None = strawberry.field(
        default=None, description="The share of units that take part; it may fall."
    )
    weights: list[VariantWeightInput] | None = strawberry.field(
        default=None, description="Of each variant, once; left out, as before."
    )
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@strawberry.input(description="A subject to give a variant by name.")
class OverrideAssignmentInput:
    """What overrideAssignment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    experiment: ExperimentRef = strawberry.field(description="Of which experiment.")
    kind: SubjectKind = strawberry.field(
        default=SubjectKind.USER,
        description="Which kind of id it is; it fits what is randomised.",
    )
    subject_id: str = strawberry.field(description="Your id of the subject.")
    variant: str = strawberry.field(description="The variant's key.")
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@strawberry.input(description="An override to remove.")
class RemoveOverrideInput:
    """What removeOverride takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The override's global id.")
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="The override as it is now, and its experiment.")
class OverridePayload:
    """What overrideAssignment answers."""

    override: Override | None = strawberry.field(
        description="The override; null in a replay after it was removed."
    )
    experiment: Experiment = strawberry.field(description="The experiment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


OverrideResult = Annotated[
    OverridePayload | Refusal,
    strawberry.union("OverrideResult", description="The override, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Let more units into the phase that runs. Nobody moves between "
        "variants; startNewPhase takes less coverage.",
    )
    async def raise_coverage(
        self, info: Info, input: RaiseCoverageInput
    ) -> ExperimentResult:
        """The phase and its seed stay."""

        async def work(session: AsyncSession) -> Ids:
            intent = await intent_of(session, info, input)
            row = await service.raise_coverage(session, intent, coverage=input.coverage)
            return {"experiment": row.id.hex}

        return await perform_change(info, input, "raiseCoverage", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="End the phase and begin another one at the same instant, with "
        "another split or less coverage. Everyone is assigned anew; the ended phase "
        "keeps its results, and the new one is analysed alone.",
    )
    async def start_new_phase(
        self, info: Info, input: StartNewPhaseInput
    ) -> StartExperimentResult:
        """The experiment goes on running."""
        weights = input.weights

        async def begin(session: AsyncSession) -> UUID:
            phase = await service.start_new_phase(
                session,
                await intent_of(session, info, input),
                environment_id=info.context.caller.environment_id,
                reason=input.reason,
                coverage=input.coverage,
                weights=None
                if weights is None
                else [
                    service.WeightSpec(each.variant, each.weight) for each in weights
                ],
            )
            return phase.experiment_id

        return await begun(info, input, "startNewPhase", begin)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Give one subject a variant by name, in this environment; another "
        "name for the same subject replaces it. At most 200 for each experiment.",
    )
    async def override_assignment(
        self, info: Info, input: OverrideAssignmentInput
    ) -> OverrideResult:
        """For a demonstration, or for support."""
        caller = info.context.caller

        async def work(session: AsyncSession) -> Ids:
            experiment = await find_experiment(session, info.context, input.experiment)
            row = await service.override(
                session,
                project_id=caller.project_id,
                environment_id=caller.environment_id,
                experiment_id=experiment.id,
                actor=info.context.actor,
                kind=input.kind,
                subject_id=input.subject_id,
                variant=input.variant,
                reason=input.reason,
            )
            return {"override": row.id.hex, "experiment": experiment.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> OverridePayload:
            local = UUID(ids["override"])
            rows = await live.overrides_by_ids(
                session, environment_id=caller.environment_id, ids=[local]
            )
            experiment = await queries.experiment_by_id(
                session,
                project_id=caller.project_id,
                experiment_id=UUID(ids["experiment"]),
            )
            return OverridePayload(
                override=Override.of(rows[local]) if local in rows else None,
                experiment=Experiment.of(experiment),
                replayed=replayed,
            )

        answer = await perform(
            info, input, operation="overrideAssignment", work=work, rebuild=rebuild
        )
        await info.context.services.definitions.refresh()
        return answer

    @strawberry.mutation(
        metadata=_EDIT,
        description="Let the rules decide again for a subject that was named.",
    )
    async def remove_override(
        self, info: Info, input: RemoveOverrideInput
    ) -> ExperimentResult:
        """With a reason."""

        async def work(session: AsyncSession) -> Ids:
            experiment_id = await service.remove_override(
                session,
                environment_id=info.context.caller.environment_id,
                override_id=local_id(input.id, "Override", path=("id",)),
                actor=info.context.actor,
                reason=input.reason,
            )
            return {"experiment": experiment_id.hex}

        return await perform_change(info, input, "removeOverride", work)
