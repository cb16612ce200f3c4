"""The backlog as it is read: what to do next, and everything behind it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.experiments import Experiment, experiments_by_id
from api.graphql.feedback_enums import BacklogState, EvidenceKind
from api.graphql.ids import global_id, local_id
from api.graphql.insights import Insight
from api.graphql.node import Node, register_node
from api.graphql.scalars import JSON, Long
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from core.problems import NotFound
from feedback import models, queries
from feedback.lifecycle import STEPS

_READ = {"policy": Policy.READ}
_NEWEST = Order(
    "backlog_item.number", models.BacklogItem.number, models.BacklogItem.id, int
)
_NEWEST_INSIGHT = Order(
    "item.insight.created_at", models.Insight.created_at, models.Insight.id, datetime
)


@policed(Policy.READ)
@strawberry.type(
    description="Reach x impact x confidence / effort. An account counts once, however "
    "loud."
)
class BacklogScore:
    """A RICE score."""

    value: float = strawberry.field(description="The score.")
    accounts: Long = strawberry.field(
        description="Accounts that speak, and people who have none."
    )
    impact: float = strawberry.field(description="1 unless somebody says otherwise.")
    confidence: float = strawberry.field(description="0 to 1.")
    effort: float = strawberry.field(description="1 unless somebody says otherwise.")

    @classmethod
    def of(cls, stored: Mapping[str, float]) -> "BacklogScore":
        """From the stored breakdown."""
        return cls(
            value=stored["value"],
            accounts=Long(int(stored["reach"])),
            impact=stored["impact"],
            confidence=stored["confidence"],
            effort=stored["effort"],
        )


@policed(Policy.READ)
@strawberry.type(description="A piece of work that insights ask for.")
class BacklogItem(Node):
    """One item."""

    row: strawberry.Private[models.BacklogItem]
    key: str = strawberry.field(description="How people name it, such as BL-7.")
    title: str = strawberry.field(description="For people.")
    state: BacklogState = strawberry.field(description="Where it stands.")
    state_reason: str | None = strawberry.field(description="Why it came there.")
    owner: str | None = strawberry.field(description="Whose it is.")
    score: BacklogScore | None = strawberry.field(
        description="Null where nobody was counted."
    )
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to move the item."
    )
    created_at: datetime = strawberry.field(description="When it was proposed.")
    updated_at: datetime = strawberry.field(description="When it last moved.")
    announced_at: datetime | None = strawberry.field(
        description="When its messages to receivers were written."
    )

    @strawberry.field(description="The states that a step leads to from here.")
    def allowed_transitions(self) -> list[BacklogState]:
        """For the console's buttons."""
        return [state for state in BacklogState if state in STEPS[self.row.state]]

    @strawberry.field(description="The insights that ask for it, newest first.")
    async def insights(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[Insight]:
        """One page."""
        async with info.context.readers() as session:
            page = await paged(
                session,
                queries.insights_of(self.row.id),
                _NEWEST_INSIGHT,
                first=first,
                after=after,
            )
        return connected(page, Insight.of)

    @strawberry.field(description="The experiments that its insights rest on.")
    async def experiments(self, info: Info) -> list[Experiment]:
        """From the evidence."""
        context = info.context
        async with context.readers() as session:
            ids = await queries.targets_of(
                session, self.row.id, EvidenceKind.EXPERIMENT
            )
        found = await experiments_by_id(context, ids)
        return [one for one in found.values() if isinstance(one, Experiment)]

    @classmethod
    def of(cls, row: models.BacklogItem) -> "BacklogItem":
        """From a row."""
        return cls(
            row=row,
            id=global_id("BacklogItem", row.id),
            key=row.key,
            title=row.title,
            state=row.state,
            state_reason=row.state_reason,
            owner=row.owner,
            score=None if row.score is None else BacklogScore.of(row.score),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
            announced_at=row.announced_at,
        )


@policed(Policy.READ)
@strawberry.type(description="A rule that sends insights to the backlog.")
class RoutingRule:
    """One rule."""

    id: strawberry.ID = strawberry.field(description="Global id.")
    name: str = strawberry.field(description="For people.")
    condition: JSON = strawberry.field(
        description="Over an insight's facts, its kind and its topic."
    )
    title: str = strawberry.field(description="What the item is called.")
    owner: str | None = strawberry.field(description="Whose the item is.")
    priority: int = strawberry.field(
        description="Rules are tried from the lowest up; the first match decides."
    )
    version: int = strawberry.field(description="Written into what it produces.")

    @classmethod
    def of(cls, row: models.RoutingRule) -> "RoutingRule":
        """From a row."""
        return cls(
            id=global_id("RoutingRule", row.id),
            name=row.name,
            condition=JSON(row.condition),
            title=row.title,
            owner=row.owner,
            priority=row.priority,
            version=row.version,
        )


async def items_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The caller's own items among these."""
    async with context.readers() as session:
        rows = await queries.rows_by_id(
            session, models.BacklogItem, context.caller.project_id, ids
        )
    return {local: BacklogItem.of(row) for local, row in rows.items()}


register_node("BacklogItem", items_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(metadata=_READ, description="One backlog item, by id.")
    async def backlog_item(self, info: Info, id: strawberry.ID) -> BacklogItem | None:
        """Null, with NOT_FOUND, where there is none."""
        local = local_id(id, "BacklogItem", path=("id",))
        async with info.context.readers() as session:
            rows = await queries.rows_by_id(
                session, models.BacklogItem, info.context.caller.project_id, [local]
            )
        if local not in rows:
            raise NotFound("The backlog item", path=("id",))
        return BacklogItem.of(rows[local])

    @strawberry.field(metadata=_READ, description="The backlog, newest items first.")
    async def backlog_items(
        self,
        info: Info,
        state: list[BacklogState] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[BacklogItem]:
        """One page."""
        statement = queries.backlog(info.context.caller.project_id, state or ())
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, BacklogItem.of)

    @strawberry.field(
        metadata=_READ,
        description="The rules that send insights to the backlog, in the order they "
        "are tried; at most 200.",
    )
    async def routing_rules(self, info: Info) -> list[RoutingRule]:
        """All that are enabled."""
        async with info.context.readers() as session:
            rows = await queries.routing_rules(session, info.context.caller.project_id)
        return [RoutingRule.of(row) for row in rows]
