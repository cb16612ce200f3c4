"""Insights as they are read: a statement, its evidence, and what produced it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.experiments import Experiment, experiments_by_id
from api.graphql.feedback import Feedback, feedback_by_id
from api.graphql.feedback_enums import EvidenceKind, InsightKind
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.responses import SurveyResponse, responses_by_id
from api.graphql.results import ExperimentResults, results_by_id
from api.graphql.scalars import JSON, Long
from api.graphql.tags import Tag, tag_nodes
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from feedback import models, queries

if TYPE_CHECKING:
    from api.graphql.backlog import BacklogItem

_NEWEST = Order(
    "insight.created_at", models.Insight.created_at, models.Insight.id, datetime
)
_ADDED = Order(
    "evidence.added_at",
    models.Evidence.added_at,
    models.Evidence.id,
    datetime,
    descending=False,
)
_LOADS = {
    EvidenceKind.COMMENT: feedback_by_id,
    EvidenceKind.EXPERIMENT: experiments_by_id,
    EvidenceKind.RESPONSE: responses_by_id,
    EvidenceKind.SNAPSHOT: results_by_id,
    EvidenceKind.TAG: tag_nodes,
}


async def _items(
    context: Context, ids: Sequence[UUID]
) -> list[list[models.BacklogItem]]:
    async with context.readers() as session:
        items = await queries.items_of(session, ids)
    return [items[local] for local in ids]


async def _targets(
    context: Context, keys: Sequence[tuple[EvidenceKind, UUID]]
) -> list[Any]:
    """What the edges lead to, one query a kind; None where it is gone."""
    found: dict[tuple[EvidenceKind, UUID], Any] = {}
    for kind, load in _LOADS.items():
        ids = [local for of, local in keys if of is kind]
        if ids:
            nodes = await load(context, ids)
            found |= {(kind, local): node for local, node in nodes.items()}
    return [found.get(key) for key in keys]


EvidenceTarget = Annotated[
    Feedback | SurveyResponse | Experiment | ExperimentResults | Tag,
    strawberry.union("EvidenceTarget", description="What an insight can rest on."),
]


@policed(Policy.READ)
@strawberry.type(
    description="An edge from an insight to what it rests on, with who drew it."
)
class Evidence:
    """One edge."""

    row: strawberry.Private[models.Evidence]
    kind: EvidenceKind = strawberry.field(description="What it is.")
    added_by: str = strawberry.field(description="Who or which job drew the edge.")
    added_at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="The text of a COMMENT, without personal details.")
    async def quote(self, info: Info) -> str | None:
        """Loaded together with the other evidence in the answer."""
        target = await self._load(info)
        return target.body if isinstance(target, Feedback) else None

    @strawberry.field(
        metadata={"policy": Policy.RESEARCH},
        description="What it leads to; null where that is gone.",
    )
    async def target(self, info: Info) -> EvidenceTarget | None:
        """Loaded together with the other evidence in the answer."""
        found: EvidenceTarget | None = await self._load(info)
        return found

    async def _load(self, info: Info) -> Any:
        key = (self.row.kind, self.row.target_id)
        return await info.context.loaders.of(_targets).load(key)

    @classmethod
    def of(cls, row: models.Evidence) -> "Evidence":
        """From a row."""
        return cls(row=row, kind=row.kind, added_by=row.added_by, added_at=row.added_at)


@policed(Policy.READ)
@strawberry.type(description="One page of evidence.")
class EvidenceConnection(Connection[Evidence]):
    """A page with its total."""

    statement: strawberry.Private[Any]

    @strawberry.field(description="How many pieces there are in all.")
    async def total_count(self, info: Info) -> Long:
        """Counted only where asked for."""
        async with info.context.readers() as session:
            return Long(await queries.count(session, self.statement))


@policed(Policy.READ)
@strawberry.type(description="What produced an insight, so that it can be repeated.")
class Production:
    """A rule and its inputs."""

    rule: str = strawberry.field(description="The rule's name.")
    version: int = strawberry.field(description="The rule's version.")
    inputs_hash: str | None = strawberry.field(
        description="Of the analysis behind a VERDICT."
    )


@policed(Policy.READ)
@strawberry.type(description="A statement with evidence, by a rule or by a person.")
class Insight(Node):
    """One insight."""

    row: strawberry.Private[models.Insight]
    kind: InsightKind = strawberry.field(description="What it came from.")
    topic: str = strawberry.field(description="What it is about, such as tag:cart.")
    statement: str = strawberry.field(description="For people.")
    confidence: float | None = strawberry.field(description="0 to 1, where known.")
    facts: JSON = strawberry.field(description="What routing rules see.")
    author: str = strawberry.field(description="Who wrote it down.")
    created_at: datetime = strawberry.field(description="When.")
    routed_at: datetime | None = strawberry.field(
        description="When routing rules looked at it."
    )

    @strawberry.field(description="What produced it; null for a person's own.")
    def produced_by(self) -> Production | None:
        """From the row's columns."""
        if self.row.rule is None or self.row.rule_version is None:
            return None
        return Production(
            rule=self.row.rule,
            version=self.row.rule_version,
            inputs_hash=self.row.inputs_hash,
        )

    @strawberry.field(
        description="What it rests on, in the order it was added. What a threshold of "
        "a tag produced rests on the tag and the newest 25 of the comments that it "
        "counts."
    )
    async def evidence(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> EvidenceConnection:
        """One page."""
        statement = queries.evidence_of(self.row.id)
        async with info.context.readers() as session:
            page = await paged(session, statement, _ADDED, first=first, after=after)
        shown = connected(page, Evidence.of)
        return EvidenceConnection(
            edges=shown.edges, page_info=shown.page_info, statement=statement
        )

    @strawberry.field(description="The backlog items that it led to.")
    async def backlog_items(
        self, info: Info
    ) -> list[Annotated["BacklogItem", strawberry.lazy("api.graphql.backlog")]]:
        """Loaded together with those of the other insights in the answer."""
        from api.graphql.backlog import BacklogItem

        rows = await info.context.loaders.of(_items).load(self.row.id)
        return [BacklogItem.of(row) for row in rows]

    @classmethod
    def of(cls, row: models.Insight) -> "Insight":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Insight", row.id),
            kind=row.kind,
            topic=row.topic,
            statement=row.statement,
            confidence=row.confidence,
            facts=JSON(row.facts),
            author=row.author,
            created_at=row.created_at,
            routed_at=row.routed_at,
        )


async def insights_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own insights among these."""
    async with context.readers() as session:
        rows = await queries.rows_by_id(
            session, models.Insight, context.caller.project_id, ids
        )
    return {local: Insight.of(row) for local, row in rows.items()}


register_node("Insight", insights_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The insights, newest first."
    )
    async def insights(
        self,
        info: Info,
        kind: list[InsightKind] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Insight]:
        """One page."""
        statement = queries.insights(info.context.caller.project_id, kind or ())
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, Insight.of)
