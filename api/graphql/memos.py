"""Memos as they are read: every version, as text and in parts."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.audit import Actor
from api.graphql.connection import Connection, connected
from api.graphql.experiment_enums import DecisionOutcome, MetricRole
from api.graphql.result_enums import GuardrailOutcome, Verdict
from api.graphql.scalars import Long
from api.pagination import Order, Page, first_pages, paged
from api.policies import Policy, policed
from experiments.analysis.results import Registration
from experiments.shipping import models, parts, queries
from experiments.shipping.models import MemoKind

_NEWEST = Order("memo.at", models.Memo.at, models.Memo.id, datetime)

strawberry.enum(
    MemoKind,
    description="GENERATED is written from what is known, EDITED changed by a person; "
    "a decision is bound to a DECIDED one; REMEASURED adds what came of it.",
)


@policed(Policy.READ)
@strawberry.type(description="One arm's effect on one metric, as the memo has it.")
class MemoReading:
    """A reading."""

    metric_key: str = strawberry.field(description="The metric.")
    metric_name: str = strawberry.field(description="Its name then.")
    role: MetricRole = strawberry.field(description="What it decided.")
    arm: str = strawberry.field(description="The variant.")
    verdict: Verdict = strawberry.field(description="What the statistics said.")
    absolute: float | None = strawberry.field(description="Variant minus control.")
    ci_low: float | None = strawberry.field(
        description="Low end of the interval that was valid."
    )
    ci_high: float | None = strawberry.field(
        description="High end of the interval that was valid."
    )
    p_value: float | None = strawberry.field(description="The valid p-value.")
    guardrail: GuardrailOutcome | None = strawberry.field(
        description="Of a guardrail: whether it stood in the way."
    )
    note: str = strawberry.field(description="How far it may be read.")

    @classmethod
    def of(cls, reading: parts.MemoReading) -> "MemoReading":
        """From the memo's part."""
        return cls(
            metric_key=reading.metric_key,
            metric_name=reading.metric_name,
            role=reading.role,
            arm=reading.arm,
            verdict=reading.verdict,
            absolute=reading.absolute,
            ci_low=reading.low,
            ci_high=reading.high,
            p_value=reading.p_value,
            guardrail=reading.guardrail,
            note=reading.note,
        )


@policed(Policy.READ)
@strawberry.type(description="A dimension by which a metric was read.")
class MemoSegment:
    """A dimension."""

    metric_key: str = strawberry.field(description="The metric.")
    dimension: str = strawberry.field(description="The dimension.")
    registered: bool = strawberry.field(
        description="Whether that was planned before the start; else it is exploratory."
    )


@policed(Policy.READ)
@strawberry.type(description="A guardrail that nothing is known of, and who took it.")
class GuardrailAcceptance:
    """An acceptance."""

    metric_key: str = strawberry.field(description="The guardrail.")
    by: str = strawberry.field(description="Who accepted it.")
    reason: str = strawberry.field(description="Why.")


@policed(Policy.READ)
@strawberry.type(description="What a memo is made of.")
class MemoParts:
    """The parts."""

    question: str = strawberry.field(description="What was asked.")
    design_hash: str | None = strawberry.field(description="Of the phase it is about.")
    phase: int | None = strawberry.field(description="The number of that phase.")
    planned_units: Long = strawberry.field(description="How many were planned.")
    matured: Long = strawberry.field(description="How many could be counted.")
    sample_ratio: str = strawberry.field(description="Whether the split came out.")
    headline: str = strawberry.field(description="The result in one sentence.")
    recommendation: str = strawberry.field(description="What the policy made of it.")
    readings: list[MemoReading] = strawberry.field(
        description="Every metric and variant."
    )
    segments: list[MemoSegment] = strawberry.field(
        description="The dimensions it was read by."
    )
    multiplicity: str = strawberry.field(
        description="How many questions share an error rate, and how."
    )
    deviations: list[str] = strawberry.field(
        description="Where it went another way than planned."
    )
    waivers: list[str] = strawberry.field(
        description="Items of the launch checklist that somebody waived."
    )
    not_reviewed: list[str] = strawberry.field(
        description="What went on without the review that it asked for."
    )
    users_notice: str = strawberry.field(description="What users will notice.")
    follow_up_on: date | None = strawberry.field(
        description="When somebody looks again."
    )
    dissent: str = strawberry.field(description="Who sees it otherwise, and why.")

    @classmethod
    def of(cls, said: parts.MemoParts) -> "MemoParts":
        """From the memo's JSON."""
        return cls(
            question=said.question,
            design_hash=said.design_hash,
            phase=said.phase,
            planned_units=Long(said.planned_units),
            matured=Long(said.matured),
            sample_ratio=said.sample_ratio,
            headline=said.headline,
            recommendation=said.recommendation,
            readings=[MemoReading.of(each) for each in said.readings],
            segments=[
                MemoSegment(
                    metric_key=each.metric_key,
                    dimension=each.dimension,
                    registered=each.registration is Registration.REGISTERED,
                )
                for each in said.segments
            ],
            multiplicity=said.multiplicity,
            deviations=list(said.deviations),
            waivers=list(said.waivers),
            not_reviewed=list(said.not_reviewed),
            users_notice=said.users_notice,
            follow_up_on=said.follow_up_on,
            dissent=said.dissent,
        )


@policed(Policy.READ)
@strawberry.type(description="One version of an experiment's memo; it never changes.")
class Memo:
    """A version."""

    row: strawberry.Private[models.Memo]
    version: int = strawberry.field(
        description="From 1; echo it as `expectedVersion` to edit the memo."
    )
    kind: MemoKind = strawberry.field(description="How it came about.")
    text: str = strawberry.field(description="Markdown.")
    at: datetime = strawberry.field(description="When it was written.")

    @strawberry.field(description="By whom.")
    def by(self) -> Actor:
        """From the row's columns."""
        return Actor.of(self.row.actor_kind, self.row.actor_name)

    @strawberry.field(description="What it is made of.")
    def parts(self) -> MemoParts:
        """From the row's JSON."""
        return MemoParts.of(parts.parts_of_memo(self.row.parts))

    @classmethod
    def of(cls, row: models.Memo) -> "Memo":
        """From a row."""
        return cls(
            row=row, version=row.version, kind=row.kind, text=row.text, at=row.at
        )


@policed(Policy.READ)
@strawberry.type(description="What a decision stands on, and what stood against it.")
class DecisionRecord:
    """A decision with its circumstances."""

    row: strawberry.Private[models.DecisionRecord]
    outcome: DecisionOutcome = strawberry.field(description="The decision.")
    variant: str | None = strawberry.field(description="Of SHIP: which variant.")
    opposes: bool = strawberry.field(
        description="Whether it goes against the recommendation."
    )
    reviewed: bool = strawberry.field(
        description="Whether somebody else agreed. An opposing decision of which this "
        "is false is stamped as not reviewed."
    )
    approved_by: str | None = strawberry.field(description="Who agreed.")
    early_reason: str | None = strawberry.field(
        description="Why it was shipped before the planned number, or a valid bound, "
        "was there; null where one was."
    )
    acceptances: list[GuardrailAcceptance] = strawberry.field(
        description="Guardrails that were not known to be safe."
    )
    at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="By whom.")
    def by(self) -> Actor:
        """From the row's columns."""
        return Actor.of(self.row.actor_kind, self.row.actor_name)

    @classmethod
    def of(cls, row: models.DecisionRecord) -> "DecisionRecord":
        """From a row."""
        return cls(
            row=row,
            outcome=row.outcome,
            variant=row.variant,
            opposes=row.opposes,
            reviewed=row.reviewed,
            approved_by=row.approved_by,
            early_reason=row.early_reason,
            acceptances=[
                GuardrailAcceptance(
                    metric_key=each["metric_key"], by=each["by"], reason=each["reason"]
                )
                for each in row.acceptances
            ],
            at=row.at,
        )


async def memos_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Memo | None]:
    """The last version of the memo of each of the caller's experiments."""
    async with context.readers() as session:
        rows = await queries.last_memos(session, ids)
    return [_own(context, rows.get(local)) for local in ids]


async def decisions_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[DecisionRecord | None]:
    """The last decision on each of the caller's experiments."""
    async with context.readers() as session:
        rows = await queries.last_decisions(session, ids)
    project_id = context.caller.project_id
    return [
        DecisionRecord.of(row)
        if (row := rows.get(local)) is not None and row.project_id == project_id
        else None
        for local in ids
    ]


async def memo_versions(
    context: Context, experiment_id: UUID, *, first: int, after: str | None
) -> Connection[Memo]:
    """One page of the versions of an experiment's memo, newest first."""
    if after is None:
        page = await context.loaders.of(first_memos).load((experiment_id, first))
        return connected(page, Memo.of)
    statement = queries.listed_memos(experiment_id)
    async with context.readers() as session:
        page = await paged(session, statement, _NEWEST, first=first, after=after)
    return connected(page, Memo.of)


async def first_memos(
    context: Context, asked: Sequence[tuple[UUID, int]]
) -> Sequence[Page[models.Memo]]:
    """The latest versions of each experiment's memo."""
    async with context.readers() as session:
        return await first_pages(
            session,
            queries.listed_project_memos(context.caller.project_id),
            _NEWEST,
            of=models.Memo.experiment_id,
            asked=asked,
        )


def _own(context: Context, row: models.Memo | None) -> Memo | None:
    if row is None or row.project_id != context.caller.project_id:
        return None
    return Memo.of(row)
