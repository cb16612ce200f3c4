"""Experiments that begin with a template."""

import strawberry

from api.composed.stillness import still_metrics
from api.context import Info
from api.graphql.experiment_changes import ExperimentResult, perform_change
from api.graphql.experiment_enums import TreatmentKind
from api.graphql.perform import Ids
from api.graphql.scalars import Long
from api.policies import Policy
from core.database import AsyncSession
from experiments.service.templating import draft_from_template
from experiments.templates import Choice


@strawberry.input(
    description="An experiment whose arms, plan and guardrails a template fills in."
)
class CreateExperimentFromTemplateInput:
    """What createExperimentFromTemplate takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    template: TreatmentKind = strawberry.field(description="What the variants vary.")
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores; taken for "
        "ever."
    )
    name: str | None = strawberry.field(
        default=None, description="For people; else the key."
    )
    metric: str = strawberry.field(description="The key of the metric that decides.")
    minimum_effect: float = strawberry.field(
        description="The smallest absolute difference that matters, in its unit."
    )
    subject: str = strawberry.field(
        default="", description="The meter of a limit, or the key of a flow."
    )
    current_limit: Long = strawberry.field(
        default=Long(100), description="Of a limit: what is free now, each month."
    )
    new_limit: Long = strawberry.field(
        default=Long(60), description="Of a limit: what would be free."
    )


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.EDIT},
        description="Write down an experiment from a template: two even arms, the "
        "default plan, and up to two guardrails among the project's metrics, without "
        "those that were the same for every user lately. How many units it needs is "
        "left open until it is proposed.",
    )
    async def create_experiment_from_template(
        self, info: Info, input: CreateExperimentFromTemplateInput
    ) -> ExperimentResult:
        """One draft with its audit row."""
        still = await still_metrics(info.context, input.metric)

        async def work(session: AsyncSession) -> Ids:
            row = await draft_from_template(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                template=input.template,
                metric_key=input.metric,
                choice=Choice(
                    minimum_effect=input.minimum_effect,
                    name=input.name,
                    subject=input.subject,
                    current_limit=input.current_limit,
                    new_limit=input.new_limit,
                ),
                still=still,
            )
            return {"experiment": row.id.hex}

        return await perform_change(info, input, "createExperimentFromTemplate", work)
