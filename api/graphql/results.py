"""Results of an experiment as they are read: one published snapshot."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.audit import Actor
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.result_enums import Outcome, Verdict
from api.graphql.result_health import Health
from api.graphql.result_parts import MetricResults
from api.pagination import Order, paged
from api.policies import Policy, policed
from experiments.analysis import models, queries, results

TYPE = "ExperimentResults"
_NEWEST = Order(
    "snapshot.computed_at",
    models.Snapshot.computed_at,
    models.Snapshot.id,
    datetime,
)


@policed(Policy.READ)
@strawberry.type(description="What to do, and why.")
class Recommendation:
    """Policy, not a decision."""

    outcome: Outcome = strawberry.field(description="What to do.")
    variant: str | None = strawberry.field(description="With which variant.")
    reasons: list[str] = strawberry.field(description="Why, each as a clause.")

    @classmethod
    def of(cls, part: results.Recommendation) -> "Recommendation":
        """From a report."""
        return cls(outcome=part.outcome, variant=part.arm, reasons=list(part.reasons))


@policed(Policy.READ)
@strawberry.type(
    description="One reading that spent error rate. Between looks nothing is concluded."
)
class Look:
    """A row of the looks."""

    number: int = strawberry.field(description="Counts up from 1.")
    cut: datetime = strawberry.field(description="What it could see ended here.")
    at: datetime = strawberry.field(description="When it was taken.")
    information: float = strawberry.field(description="Matured over planned units.")
    alpha_spent: float = strawberry.field(description="Error rate spent by then.")

    @classmethod
    def of(cls, part: results.LookSummary) -> "Look":
        """From a report."""
        return cls(
            number=part.number,
            cut=part.cut,
            at=part.at,
            information=part.information,
            alpha_spent=part.alpha_spent,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Where the numbers come from: the same inputs give the same snapshot."
)
class Snapshot:
    """Provenance."""

    id: strawberry.ID = strawberry.field(
        description="The id of these results; they never change."
    )
    number: int = strawberry.field(description="Counts up in the phase.")
    computed_at: datetime = strawberry.field(description="When they were computed.")
    inputs_hash: str = strawberry.field(
        description="SHA-256 of the design, the exact state, the looks and the code."
    )
    code_version: str = strawberry.field(description="The version of the statistics.")

    @classmethod
    def of(cls, row: models.Snapshot) -> "Snapshot":
        """From a row."""
        return cls(
            id=global_id(TYPE, row.id),
            number=row.number,
            computed_at=row.computed_at,
            inputs_hash=row.inputs_hash,
            code_version=row.code_version,
        )


@policed(Policy.READ)
@strawberry.type(
    description="A reviewer's acceptance that INVALID results are shown, for review."
)
class Acknowledgement:
    """Who accepted, and why."""

    actor: Actor = strawberry.field(description="Who.")
    at: datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="Why, in their words.")

    @classmethod
    def of(cls, row: models.Acknowledgement) -> "Acknowledgement":
        """From a row."""
        return cls(
            actor=Actor.of(row.actor_kind, row.actor_name), at=row.at, reason=row.reason
        )


@policed(Policy.READ)
@strawberry.type(
    description="What one snapshot says. While results are INVALID every effect is "
    "null, until a reviewer acknowledges that."
)
class ExperimentResults(Node):
    """Everything that a results page shows."""

    headline: str = strawberry.field(description="All of it in a sentence or two.")
    verdict: Verdict = strawberry.field(description="Of the primary metric.")
    recommendation: Recommendation = strawberry.field(description="What to do.")
    health: Health = strawberry.field(description="Whether it can be believed.")
    metrics: list[MetricResults] = strawberry.field(
        description="The primary metric, the guardrails, then the others."
    )
    looks: list[Look] = strawberry.field(description="The looks taken so far.")
    snapshot: Snapshot = strawberry.field(description="Where the numbers come from.")
    effect_hidden: bool = strawberry.field(
        description="Whether effects were left out because the results are INVALID."
    )
    watermarked: bool = strawberry.field(
        description="Whether INVALID effects are shown for review; mark them as such."
    )
    acknowledgement: Acknowledgement | None = strawberry.field(
        description="Who accepted that INVALID effects are shown."
    )

    @classmethod
    def of(cls, published: queries.Published) -> "ExperimentResults":
        """From what may be shown of a snapshot."""
        report, accepted = published.report, published.acknowledgement
        return cls(
            id=global_id(TYPE, published.snapshot.id),
            headline=report.headline,
            verdict=report.verdict,
            recommendation=Recommendation.of(report.recommendation),
            health=Health.of(published),
            metrics=[MetricResults.of(metric) for metric in report.metrics],
            looks=[Look.of(look) for look in report.looks],
            snapshot=Snapshot.of(published.snapshot),
            effect_hidden=published.hides_effect,
            watermarked=published.is_invalid and not published.hides_effect,
            acknowledgement=None if accepted is None else Acknowledgement.of(accepted),
        )


async def results_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[ExperimentResults | None]:
    """What each experiment shows now in the caller's environment, if anything."""
    async with context.readers() as session:
        found = await queries.current_by_experiments(
            session, environment_id=context.caller.environment_id, experiment_ids=ids
        )
    return [
        None if found.get(each) is None else ExperimentResults.of(found[each])
        for each in ids
    ]


async def results_by_phase(
    context: Context, ids: Sequence[UUID]
) -> list[ExperimentResults | None]:
    """What each phase of the caller's environment shows now, if anything."""
    async with context.readers() as session:
        found = await queries.current_by_phases(
            session, environment_id=context.caller.environment_id, phase_ids=ids
        )
    return [
        None if found.get(each) is None else ExperimentResults.of(found[each])
        for each in ids
    ]


async def results_by_id(
    context: Context, ids: Sequence[UUID]
) -> Mapping[UUID, ExperimentResults]:
    """The snapshots in the caller's environment among these, current or not."""
    async with context.readers() as session:
        found = await queries.published_by_ids(
            session, environment_id=context.caller.environment_id, snapshot_ids=ids
        )
    return {local: ExperimentResults.of(each) for local, each in found.items()}


async def results_history(
    context: Context, experiment_id: UUID, *, first: int, after: str | None
) -> Connection[ExperimentResults]:
    """One page of an experiment's snapshots, newest first."""
    statement = queries.listed_snapshots(
        environment_id=context.caller.environment_id, experiment_id=experiment_id
    )
    async with context.readers() as session:
        page = await paged(session, statement, _NEWEST, first=first, after=after)
    shown = await results_by_id(context, [row.id for row in page.rows])
    return connected(page, lambda row: shown[row.id])


register_node(TYPE, results_by_id, Policy.READ)
