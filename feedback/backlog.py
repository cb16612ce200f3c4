"""Send insights to the backlog, one item each however often, and move items on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from core import audit
from core.audit import WORKER, Actor
from core.clock import now
from core.database import AsyncSession, is_sqlite, skip_locked
from core.ids import new_id
from core.problems import NotFound, StaleVersion
from core.tenancy import Project
from feedback import lifecycle, queries, scoring
from feedback.insights import routable
from feedback.lifecycle import BacklogState
from feedback.models import BacklogItem, Insight, ItemInsight, RoutingRule
from feedback.routing import Destination, Route, destination

ANNOUNCED = "backlog_item.created"
"""The kind of the message that receivers get about a new item."""

MAX_REHEARSED = 200


async def take_unrouted(session: AsyncSession, *, limit: int) -> Sequence[Insight]:
    """Lock insights that no rule has looked at, passing over another worker's."""
    found = await session.exec(
        skip_locked(
            select(Insight)
            .where(col(Insight.routed_at).is_(None))
            .order_by(col(Insight.id))
            .limit(limit),
            session,
        )
    )
    # Projects are locked one after another: in one order, or two workers would wait
    # for each other.
    return sorted(found.all(), key=lambda insight: (insight.project_id, insight.id))


async def route(session: AsyncSession, insight: Insight) -> BacklogItem | None:
    """Send an insight to its backlog item; None where no rule wants it.

    However often and in however many processes it runs, one item and one link follow:
    the item's dedupe key is unique, and so is the link.
    """
    rules = await queries.routing_rules(session, insight.project_id)
    at = await now(session)
    item = None
    to = decide(insight, rules)
    if to is not None:
        item = await _item(session, insight, to, at)
        await _link(session, item, insight, WORKER, at)
    insight.routed_at = insight.routed_at or at
    session.add(insight)
    await session.flush()
    return item


def decide(insight: Insight, rules: Sequence[RoutingRule]) -> Destination | None:
    """Where these rules send an insight. Nothing is written: dry runs use it too."""
    routes = [Route(one.id, one.condition, one.title, one.owner) for one in rules]
    return destination(
        routes,
        topic=insight.topic,
        statement=insight.statement,
        facts=routable(insight.kind, insight.topic, insight.facts),
    )


async def rehearse(
    session: AsyncSession, rule: RoutingRule
) -> Sequence[tuple[Insight, Destination]]:
    """What a rule by itself would make of the project's newest insights."""
    found = await session.exec(
        queries.insights(rule.project_id)
        .order_by(col(Insight.created_at).desc())
        .limit(MAX_REHEARSED)
    )
    decided = [(one, decide(one, [rule])) for one in found.all()]
    return [(one, to) for one, to in decided if to is not None]


async def transition_item(
    session: AsyncSession,
    *,
    project_id: UUID,
    item_id: UUID,
    actor: Actor,
    expected_version: int,
    to: BacklogState,
    reason: str | None = None,
) -> BacklogItem:
    """Move an item one step on.

    Raises:
        NotFound: The project has no such item.
        StaleVersion: Somebody moved it since it was read.
        IllegalTransition: Its state does not allow the step.
        ReasonRequired: The step is told to people, and nobody said why.
    """
    found = await session.exec(
        queries.backlog(project_id).where(BacklogItem.id == item_id).with_for_update()
    )
    item = found.first()
    if item is None:
        raise NotFound("The backlog item")
    if item.version != expected_version:
        raise StaleVersion(item.version)
    lifecycle.step(item.state, to, reason)
    before = {"state": item.state.value, "version": item.version}
    item.state, item.state_reason = to, reason
    item.version += 1
    item.updated_at = await now(session)
    session.add(item)
    await session.flush()
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        action="backlogItem.transition",
        subject="BacklogItem",
        subject_id=item.id,
        before=before,
        after={"state": item.state.value, "version": item.version},
        reason=reason,
    )
    return item


async def take_unannounced(
    session: AsyncSession, *, limit: int
) -> Sequence[BacklogItem]:
    """Lock items that no receiver was told of, passing over another worker's."""
    found = await session.exec(
        skip_locked(
            select(BacklogItem)
            .where(col(BacklogItem.announced_at).is_(None))
            .order_by(col(BacklogItem.id))
            .limit(limit),
            session,
        )
    )
    return found.all()


async def mark_announced(session: AsyncSession, item_ids: Sequence[UUID]) -> None:
    """Stamp items whose messages are written."""
    await session.exec(
        update(BacklogItem)
        .where(col(BacklogItem.id).in_(item_ids))
        .values(announced_at=await now(session))
    )


async def announcement(session: AsyncSession, item: BacklogItem) -> dict[str, Any]:
    """What receivers are told of an item."""
    found = await session.exec(
        queries.insights_of(item.id).order_by(col(Insight.created_at)).limit(5)
    )
    return {
        "id": str(item.id),
        "key": item.key,
        "title": item.title,
        "state": item.state.value,
        "owner": item.owner,
        "score": item.score,
        "insights": [
            {
                "id": str(insight.id),
                "kind": insight.kind.value,
                "statement": insight.statement,
            }
            for insight in found.all()
        ],
        "createdAt": item.created_at.isoformat(),
    }


async def _item(
    session: AsyncSession, insight: Insight, to: Destination, at: datetime
) -> BacklogItem:
    """The item at a destination, made if it is not there."""
    # Numbers run without gaps inside a project, so its makers go one after another.
    await session.exec(
        select(Project.id)
        .where(Project.id == insight.project_id)
        .with_for_update(key_share=True)
    )
    found = await session.exec(
        queries.backlog(insight.project_id).where(
            BacklogItem.dedupe_key == to.dedupe_key
        )
    )
    standing = found.first()
    if standing is not None:
        return standing
    highest = await session.exec(
        select(func.max(BacklogItem.number)).where(
            BacklogItem.project_id == insight.project_id
        )
    )
    score = scoring.score(insight.facts, insight.confidence)
    item = BacklogItem(
        project_id=insight.project_id,
        number=(highest.one() or 0) + 1,
        title=to.title,
        dedupe_key=to.dedupe_key,
        rule_id=to.rule_id,
        owner=to.owner,
        score=None if score is None else score.breakdown(),
        created_at=at,
        updated_at=at,
    )
    session.add(item)
    await session.flush()
    await audit.record(
        session,
        actor=WORKER,
        project_id=item.project_id,
        action="backlogItem.create",
        subject="BacklogItem",
        subject_id=item.id,
        after={"key": item.key, "title": item.title, "rule": str(to.rule_id)},
    )
    return item


async def _link(
    session: AsyncSession,
    item: BacklogItem,
    insight: Insight,
    actor: Actor,
    at: datetime,
) -> None:
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = (
        insert(ItemInsight)
        .values(
            id=new_id(),
            item_id=item.id,
            insight_id=insight.id,
            linked_by=actor.name,
            linked_at=at,
        )
        .on_conflict_do_nothing(index_elements=["item_id", "insight_id"])
    )
    await (await session.connection()).execute(statement)
