"""Experiments as they are read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.audit import Actor
from api.graphql.connection import Connection, connected
from api.graphql.experiment_enums import (
    ExperimentStatus,
    TreatmentKind,
    UnitKind,
)
from api.graphql.experiment_parts import (
    DecisionMemo,
    ExperimentMetric,
    Hypothesis,
    LaunchCheck,
    Phase,
    Variant,
)
from api.graphql.governed import Governed
from api.graphql.ids import global_id, local_id
from api.graphql.node import Node, register_node
from api.graphql.population import Population, checks_by_experiment
from api.graphql.results import (
    ExperimentResults,
    results_by_experiment,
    results_history,
)
from api.graphql.scalars import JSON, Long
from api.graphql.shipping import Aftermath
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import models, queries
from experiments.drafts import Draft
from experiments.lifecycle import EDITABLE

_READ = {"policy": Policy.READ}
_NEWEST = Order(
    "experiment.created_at",
    models.Experiment.created_at,
    models.Experiment.id,
    datetime,
)


async def drafts_by_id(context: Context, ids: Sequence[UUID]) -> list[Draft | None]:
    """The caller's own experiments among these, with their parts."""
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(
            session, project_id=context.caller.project_id, ids=ids
        )
        drafts = await queries.drafts_of(session, list(rows.values()))
    return [drafts.get(local) for local in ids]


async def phases_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Sequence[models.Phase]]:
    """Each experiment's phases in the caller's environment, in order."""
    async with context.readers() as session:
        phases = await queries.phases_of(
            session, environment_id=context.caller.environment_id, experiment_ids=ids
        )
    return [phases[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(
    description="A question put to part of the people: its hypothesis, its variants, "
    "its phases and what became of it."
)
class Experiment(Governed, Population, Aftermath, Node):
    """One experiment."""

    key: str = strawberry.field(description="For programs; one experiment's for ever.")
    name: str = strawberry.field(description="For people.")
    status: ExperimentStatus = strawberry.field(description="Where it stands.")
    treatment: TreatmentKind = strawberry.field(description="What the variants vary.")
    unit: UnitKind = strawberry.field(description="What is randomised.")
    targeting: JSON | None = strawberry.field(
        description="The condition on attributes, as it was written; null lets "
        "everyone in. A phase's `eligibility` has it with its segments written out."
    )
    coverage: float = strawberry.field(description="The share of units that take part.")
    planned_units: Long | None = strawberry.field(
        description="How many units decide the question."
    )
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the experiment."
    )
    created_at: datetime = strawberry.field(description="When it was drafted.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @strawberry.field(description="Who drafted it.")
    def owner(self) -> Actor:
        """From the row's columns."""
        return Actor.of(self.row.owner_kind, self.row.owner_name)

    @strawberry.field(description="What is expected.")
    def hypothesis(self) -> Hypothesis:
        """From the row's columns."""
        return Hypothesis(
            statement=self.row.statement,
            metric_key=self.row.hypothesis_metric,
            direction=self.row.hypothesis_direction,
            minimum_effect=self.row.minimum_effect,
        )

    @strawberry.field(description="What a person decided; null until then.")
    def decision(self) -> DecisionMemo | None:
        """From the row's columns."""
        row = self.row
        if row.decision is None or row.decided_at is None:
            return None
        return DecisionMemo(
            outcome=row.decision,
            note=row.decision_note,
            variant=row.decided_variant,
            decided_at=row.decided_at,
        )

    @strawberry.field(description="The variants, in order.")
    async def variants(self, info: Info) -> list[Variant]:
        """Loaded together with those of the other experiments in the answer."""
        draft = await self._draft(info)
        return [Variant.of(self.row.treatment, row) for row in draft.variants]

    @strawberry.field(description="What is measured, in order.")
    async def metrics(self, info: Info) -> list[ExperimentMetric]:
        """Loaded together with those of the other experiments in the answer."""
        return [
            ExperimentMetric.of(each) for each in (await self._draft(info)).measures
        ]

    @strawberry.field(
        description="What blocks or warns before the start; empty once it has started."
    )
    async def launch_checks(self, info: Info) -> list[LaunchCheck]:
        """Evaluated now."""
        if self.row.status not in EDITABLE:
            return []
        loader = info.context.loaders.of(checks_by_experiment)
        return [
            LaunchCheck(code=c.code, severity=c.severity, message=c.message)
            for c in await loader.load(self.row.id)
        ]

    @strawberry.field(description="Its randomisations in this environment, in order.")
    async def phases(self, info: Info) -> list[Phase]:
        """Loaded together with those of the other experiments in the answer."""
        loader = info.context.loaders.of(phases_by_experiment)
        return [Phase.of(row) for row in await loader.load(self.row.id)]

    @strawberry.field(
        description="What the current snapshot of its last phase in this environment "
        "says; null before there is one. Earlier phases have their own `results`."
    )
    async def results(self, info: Info) -> ExperimentResults | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(results_by_experiment).load(self.row.id)

    @strawberry.field(
        description="Every snapshot that it has shown in this environment, newest "
        "first."
    )
    async def results_history(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[ExperimentResults]:
        """One page of snapshots over all phases."""
        return await results_history(
            info.context, self.row.id, first=first, after=after
        )

    async def _draft(self, info: Info) -> Draft:
        draft = await info.context.loaders.of(drafts_by_id).load(self.row.id)
        if draft is None:
            raise LookupError("The experiment left its project.")
        return draft

    @classmethod
    def of(cls, row: models.Experiment) -> "Experiment":
        """From a row."""
        planned = row.planned_units
        return cls(
            row=row,
            id=global_id("Experiment", row.id),
            key=row.key,
            name=row.name,
            status=row.status,
            treatment=row.treatment,
            unit=row.unit,
            area=row.area,
            exempt_from_holdouts=row.exempt_from_holdouts,
            targeting=None if row.targeting is None else JSON(row.targeting),
            coverage=row.coverage,
            planned_units=None if planned is None else Long(planned),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.input(one_of=True, description="An experiment by its id or its key.")
class ExperimentRef:
    """Exactly one of the two."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The global id.")
    key: strawberry.Maybe[str] = strawberry.field(description="The key.")


@strawberry.input(description="Which experiments to list.")
class ExperimentFilter:
    """All of them, unless narrowed."""

    status: list[ExperimentStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    search: str | None = strawberry.field(
        default=None, description="With these letters in the name or the key."
    )


async def find_experiment(
    session: AsyncSession,
    context: Context,
    by: ExperimentRef,
    *,
    path: tuple[str, ...] = ("experiment",),
) -> models.Experiment:
    """The experiment that is meant; `path` is where it was named.

    Raises:
        NotFound: The caller's project has none such.
    """
    project_id = context.caller.project_id
    if by.key is not None:
        return await queries.experiment_by_key(
            session, project_id=project_id, key=by.key.value, path=(*path, "key")
        )
    given = str(by.id.value) if by.id is not None else ""
    return await queries.experiment_by_id(
        session,
        project_id=project_id,
        experiment_id=local_id(given, "Experiment", path=(*path, "id")),
        path=(*path, "id"),
    )


async def experiments_by_id(
    context: Context, ids: Sequence[UUID]
) -> Mapping[UUID, Node]:
    """The caller's own experiments among these."""
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(
            session, project_id=context.caller.project_id, ids=ids
        )
    return {local: Experiment.of(row) for local, row in rows.items()}


register_node("Experiment", experiments_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata=_READ, description="One experiment of the project, by id or by key."
    )
    async def experiment(self, info: Info, by: ExperimentRef) -> Experiment | None:
        """Null, with NOT_FOUND, where there is none."""
        async with info.context.readers() as session:
            row = await find_experiment(session, info.context, by, path=("by",))
            return Experiment.of(row)

    @strawberry.field(
        metadata=_READ, description="The project's experiments, newest first."
    )
    async def experiments(
        self,
        info: Info,
        filter: ExperimentFilter | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Experiment]:
        """One page of experiments."""
        chosen = filter or ExperimentFilter()
        statement = queries.listed_experiments(
            info.context.caller.project_id,
            queries.ExperimentFilter(
                statuses=chosen.status or (), search=chosen.search or ""
            ),
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, Experiment.of)
