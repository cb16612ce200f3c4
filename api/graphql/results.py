"""Results of an experiment as they are read: one published snapshot."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.audit import Actor
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.result_enums import HorizonState, Outcome, Verdict
from api.graphql.result_health import Health
from api.graphql.result_interactions import (
    ExperimentInteraction,
    interactions_by_phase,
)
from api.graphql.result_looks import Futility, HarmAlarm, Impact, Look
from api.graphql.result_parts import MetricResults
from api.graphql.scalars import Long
from api.pagination import Order, first_pages, paged
from api.policies import Policy, policed
from experiments.analysis import models, queries, results
from experiments.analysis.disclosure import shows_effects

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
    watermark: datetime = strawberry.field(
        description="What was known when they were computed ends here."
    )
    position: Long = strawberry.field(
        description="The last event of the log that they were computed from."
    )
    phase_id: strawberry.ID = strawberry.field(
        description="The global id of the phase that they are of."
    )

    @classmethod
    def of(cls, row: models.Snapshot) -> "Snapshot":
        """From a row."""
        return cls(
            id=global_id(TYPE, row.id),
            number=row.number,
            computed_at=row.computed_at,
            inputs_hash=row.inputs_hash,
            code_version=row.code_version,
            watermark=row.watermark,
            position=Long(row.position),
            phase_id=global_id("Phase", row.phase_id),
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

    phase_id: strawberry.Private[UUID]
    shown: strawberry.Private[bool]
    headline: str = strawberry.field(description="All of it in a sentence or two.")
    verdict: Verdict = strawberry.field(description="Of the primary metric.")
    recommendation: Recommendation = strawberry.field(description="What to do.")
    health: Health = strawberry.field(description="Whether it can be believed.")
    metrics: list[MetricResults] = strawberry.field(
        description="The primary metric, the guardrails, then the others."
    )
    looks: list[Look] = strawberry.field(description="The looks taken so far.")
    horizon: HorizonState | None = strawberry.field(
        description="Where the last look stands; null before the first, and where "
        "there is only one."
    )
    next_cut: datetime | None = strawberry.field(
        description="When the next look is; null where no more is scheduled."
    )
    impact: list[Impact] = strawberry.field(
        description="What each variant would bring; empty before a look and while "
        "effects are hidden."
    )
    futility: Futility | None = strawberry.field(
        description="How likely a win still is; null before half of the planned units."
    )
    alarms: list[HarmAlarm] = strawberry.field(
        description="The guardrails that rang so far."
    )
    warnings: list[str] = strawberry.field(
        description="What a reader must know about the design, each as a sentence."
    )
    not_reviewed: list[str] = strawberry.field(
        description="What went on without the review that it asks for, as sentences."
    )
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

    @strawberry.field(
        description="The experiments that share at least 5% of the units and were "
        "compared with this one, at most 50: those first that interact most."
    )
    async def interactions(self, info: Info) -> list[ExperimentInteraction]:
        """Loaded together with those of the other results in the answer."""
        loader = info.context.loaders.of(interactions_by_phase)
        return [
            ExperimentInteraction.seen_from(self.phase_id, found, shown=self.shown)
            for found in await loader.load(self.phase_id)
        ]

    @classmethod
    def of(cls, published: queries.Published) -> "ExperimentResults":
        """From what may be shown of a snapshot."""
        report, accepted = published.report, published.acknowledgement
        phase_id = published.snapshot.phase_id
        looks = max((look.number for look in report.looks), default=0)
        return cls(
            id=global_id(TYPE, published.snapshot.id),
            phase_id=phase_id,
            shown=shows_effects(report),
            headline=report.headline,
            verdict=report.verdict,
            recommendation=Recommendation.of(report.recommendation),
            health=Health.of(published),
            metrics=[
                MetricResults.of(metric, phase_id, looks) for metric in report.metrics
            ],
            looks=[Look.of(look) for look in report.looks],
            horizon=report.horizon,
            next_cut=report.next_cut,
            impact=[Impact.of(each) for each in report.impact],
            futility=None if report.futility is None else Futility.of(report.futility),
            alarms=[
                HarmAlarm.of(each, shown=not published.hides_effect)
                for each in report.alarms
            ],
            warnings=list(report.warnings),
            not_reviewed=list(report.not_reviewed),
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
    if after is None:
        loader = context.loaders.of(first_results)
        return await loader.load((experiment_id, first))
    statement = queries.listed_snapshots(context.caller.environment_id).where(
        models.Snapshot.experiment_id == experiment_id
    )
    async with context.readers() as session:
        page = await paged(session, statement, _NEWEST, first=first, after=after)
    shown = await results_by_id(context, [row.id for row in page.rows])
    return connected(page, lambda row: shown[row.id])


async def first_results(
    context: Context, asked: Sequence[tuple[UUID, int]]
) -> Sequence[Connection[ExperimentResults]]:
    """The first page of each experiment's snapshots in the caller's environment."""
    async with context.readers() as session:
        pages = await first_pages(
            session,
            queries.listed_snapshots(context.caller.environment_id),
            _NEWEST,
            of=models.Snapshot.experiment_id,
            asked=asked,
        )
    ids = [row.id for page in pages for row in page.rows]
    shown = await results_by_id(context, ids)
    return [connected(page, lambda row: shown[row.id]) for page in pages]


register_node(TYPE, results_by_id, Policy.READ)
