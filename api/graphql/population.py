"""Whom an experiment is for, as it is read."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection
from api.graphql.eligibility import Prerequisite, SlotRange
from api.graphql.layers import Layer, layers_in_order
from api.graphql.overrides import Override, overrides_of
from api.graphql.plan import AnalysisPlan
from api.graphql.readiness import Preparation
from api.pagination import DEFAULT_PAGE
from api.policies import Policy, policed
from experiments import queries
from experiments.plan import plan_of
from experiments.readiness import LaunchCheck
from experiments.service.readying import checks_of


async def checks_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[tuple[LaunchCheck, ...]]:
    """What each of the caller's own experiments has left to do, or to know."""
    project_id = context.caller.project_id
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(session, project_id=project_id, ids=ids)
        drafts = await queries.drafts_of(session, list(rows.values()))
        checks = await checks_of(
            session, project_id=project_id, drafts=list(drafts.values())
        )
    return [checks.get(local, ()) for local in ids]


@policed(Policy.READ)
@strawberry.type(description="An experiment's slots of a layer.")
class ExperimentLayer:
    """A layer with what is taken of it."""

    layer: Layer = strawberry.field(description="The layer.")
    ranges: list[SlotRange] = strawberry.field(
        description="In order. They are its own while it is live or may start."
    )


@strawberry.type
class Population(Preparation):
    """The part of `Experiment` that says whom it is for."""

    area: str | None = strawberry.field(
        description="The part of the product it belongs to, for holdouts of that part."
    )
    exempt_from_holdouts: bool = strawberry.field(
        description="Whether its phases reach those who are held out."
    )

    @strawberry.field(
        description="How its next phase will be analysed; each phase has its own, "
        "frozen."
    )
    def plan(self) -> AnalysisPlan:
        """From the row's JSON."""
        return AnalysisPlan.of(plan_of(self.row.plan))

    @strawberry.field(
        description="Other experiments that a subject must be in: all of them."
    )
    def prerequisites(self) -> list[Prerequisite]:
        """From the row's JSON."""
        return Prerequisite.all_of(self.row.prerequisites)

    @strawberry.field(description="Its slots of a layer; null if it is in none.")
    async def layer(self, info: Info) -> ExperimentLayer | None:
        """Loaded together with those of the other experiments in the answer."""
        if self.row.layer_id is None:
            return None
        layer = await info.context.loaders.of(layers_in_order).load(self.row.layer_id)
        if layer is None:
            raise LookupError("The layer left its project.")
        return ExperimentLayer(
            layer=layer, ranges=SlotRange.all_of(self.row.layer_ranges)
        )

    @strawberry.field(
        description="Who gets which variant by name in this environment, newest first."
    )
    async def overrides(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[Override]:
        """One page of overrides."""
        return await overrides_of(info.context, self.row.id, first=first, after=after)
