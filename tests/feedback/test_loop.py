"""From many voices or a verdict to exactly one backlog item."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import Sessions
from core.ids import new_id
from core.problems import IllegalTransition, NotFound, StaleVersion
from feedback import queries
from feedback.backlog import (
    announcement,
    mark_announced,
    route,
    take_unannounced,
    take_unrouted,
    transition_item,
)
from feedback.distillation import create_insight_from_verdict, cross_thresholds
from feedback.errors import RuleNameTaken
from feedback.insights import EvidenceKind, InsightKind
from feedback.lifecycle import BacklogState
from feedback.models import BacklogItem, Insight, ItemInsight
from feedback.rules import bootstrap, create_routing_rule, create_threshold_rule
from feedback.tags import suggest_tags
from tests.conftest import Tenant
from tests.feedback.builders import cart_tag, comment, verdict

pytestmark = pytest.mark.stores


@pytest.fixture
async def ruled(sessions: Sessions, tenant: Tenant) -> Tenant:
    """A project with the rules that every project starts with."""
    async with sessions.begin() as session:
        await bootstrap(session, tenant.project_id)
        await bootstrap(session, tenant.project_id)
    return tenant


async def conclude(
    sessions: Sessions, tenant: Tenant, *recommendations: str
) -> Insight | None:
    insight = None
    experiment_id = new_id()
    for recommendation in recommendations:
        async with sessions.begin() as session:
            insight = await create_insight_from_verdict(
                session,
                project_id=tenant.project_id,
                environment_id=tenant.environment_id,
                facts=verdict(recommendation, experiment_id=experiment_id),
            )
    return insight


async def route_all(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        taken = await take_unrouted(session, limit=50)
        for insight in taken:
            await route(session, insight)
        return len(taken)


async def everything(
    sessions: Sessions,
) -> tuple[list[Insight], list[BacklogItem], list[ItemInsight]]:
    async with sessions() as session:
        return (
            list((await session.exec(select(Insight).order_by("id"))).all()),
            list((await session.exec(select(BacklogItem).order_by("id"))).all()),
            list((await session.exec(select(ItemInsight).order_by("id"))).all()),
        )


async def speak(
    sessions: Sessions, tenant: Tenant, people: list[tuple[str | None, str | None]]
) -> None:
    async with sessions.begin() as session:
        for user, account in people:
            said = await comment(session, tenant, user=user, account=account)
            await suggest_tags(session, said)


async def test_a_verdict_becomes_an_insight_with_its_evidence(
    sessions: Sessions, ruled: Tenant
) -> None:
    insight = await conclude(sessions, ruled, "DONT_SHIP")
    assert insight is not None
    assert insight.statement.startswith("Do not move the gate")
    assert (insight.rule, insight.rule_version) == ("conclusion to insight", 1)
    async with sessions() as session:
        evidence = (await session.exec(queries.evidence_of(insight.id))).all()
    assert {one.kind for one in evidence} == {
        EvidenceKind.EXPERIMENT,
        EvidenceKind.SNAPSHOT,
    }


@pytest.mark.parametrize("recommendation", ["KEEP_RUNNING", "INVALID"])
async def test_what_concludes_nothing_is_no_insight(
    sessions: Sessions, ruled: Tenant, recommendation: str
) -> None:
    assert await conclude(sessions, ruled, recommendation) is None


async def test_the_same_conclusion_again_changes_nothing(
    sessions: Sessions, ruled: Tenant
) -> None:
    await conclude(sessions, ruled, "DONT_SHIP", "DONT_SHIP", "DONT_SHIP")
    insights, _, _ = await everything(sessions)
    assert len(insights) == 1


async def test_many_workers_route_an_insight_to_one_item(
    sessions: Sessions, ruled: Tenant
) -> None:
    insight = await conclude(sessions, ruled, "DONT_SHIP")
    assert insight is not None

    async def work() -> None:
        async with sessions.begin() as session:
            again = await session.get_one(Insight, insight.id)
            await route(session, again)

    await asyncio.gather(*(work() for _ in range(12)))
    assert await route_all(sessions) == 0
    _, items, links = await everything(sessions)
    assert len(items) == len(links) == 1
    assert items[0].key == "BL-1"
    assert items[0].title == f"gate: {insight.statement}"


async def test_every_conclusion_about_one_experiment_is_linked_to_its_item(
    sessions: Sessions, ruled: Tenant
) -> None:
    await conclude(sessions, ruled, "NO_MEANINGFUL_DIFFERENCE", "DONT_SHIP", "SHIP")
    assert await route_all(sessions) == 3
    insights, items, links = await everything(sessions)
    assert (len(insights), len(items), len(links)) == (3, 1, 2)


async def test_numbers_run_in_each_project_under_many_workers(
    sessions: Sessions, ruled: Tenant
) -> None:
    made = []
    for number in range(6):
        async with sessions.begin() as session:
            facts = verdict()
            insight = await create_insight_from_verdict(
                session,
                project_id=ruled.project_id,
                environment_id=ruled.environment_id,
                facts=facts,
            )
            assert insight is not None
            insight.topic = f"experiment:{number}"
            session.add(insight)
            made.append(insight.id)

    async def work() -> None:
        async with sessions.begin() as session:
            for insight in await take_unrouted(session, limit=1):
                await route(session, insight)

    await asyncio.gather(*(work() for _ in range(6)))
    while await route_all(sessions):
        pass
    _, items, _ = await everything(sessions)
    assert sorted(item.number for item in items) == [1, 2, 3, 4, 5, 6]


async def test_a_tag_crosses_by_voices_and_not_by_noise(
    sessions: Sessions, ruled: Tenant
) -> None:
    async with sessions.begin() as session:
        tag = await cart_tag(session, ruled, accepts=True)
    loud = [(f"u{number}", "a1") for number in range(40)]
    nobody = [(None, None)] * 9
    await speak(sessions, ruled, [*loud, *nobody, ("b", "a2"), ("c", None)])
    async with sessions.begin() as session:
        assert await cross_thresholds(session, limit=100) == 51
        assert await cross_thresholds(session, limit=100) == 0
    assert (await everything(sessions))[0] == []
    await speak(sessions, ruled, [("d", "a3"), ("e", "a4")])
    async with sessions.begin() as session:
        await cross_thresholds(session, limit=100)
    (insight,), _, _ = await everything(sessions)
    assert insight.kind is InsightKind.TAG_THRESHOLD
    assert insight.facts["voices"] == 5
    assert insight.facts["accounts"] == 4
    assert insight.topic == "tag:cart"
    async with sessions() as session:
        evidence = (await session.exec(queries.evidence_of(insight.id))).all()
    assert len(evidence) == 26
    assert tag.id in {one.target_id for one in evidence}


async def test_many_workers_cross_a_threshold_once(
    sessions: Sessions, ruled: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, ruled, accepts=True)
    await speak(sessions, ruled, [(f"u{number}", None) for number in range(12)])

    async def work() -> None:
        async with sessions.begin() as session:
            await cross_thresholds(session, limit=2)

    await asyncio.gather(*(work() for _ in range(8)))
    await route_all(sessions)
    await speak(sessions, ruled, [("v", None)])
    async with sessions.begin() as session:
        await cross_thresholds(session, limit=50)
    await route_all(sessions)
    insights, items, links = await everything(sessions)
    assert (len(insights), len(items), len(links)) == (1, 1, 1)
    assert items[0].title == "Look into \u201cCannot find the cart\u201d"
    assert items[0].score is not None
    assert items[0].score["reach"] >= 5


async def test_a_threshold_of_one_tag_ignores_the_others(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant, accepts=True)
        scope: dict[str, Any] = {"project_id": tenant.project_id, "actor": tenant.actor}
        await create_threshold_rule(
            session, **scope, name="cart", tag="cart", minimum=2, window_days=7
        )
        with pytest.raises(NotFound):
            await create_threshold_rule(
                session, **scope, name="x", tag="nothing", minimum=2, window_days=7
            )
        with pytest.raises(RuleNameTaken):
            await create_threshold_rule(
                session, **scope, name="cart", tag=None, minimum=2, window_days=7
            )
    await speak(sessions, tenant, [("u", None), ("v", None)])
    async with sessions.begin() as session:
        await cross_thresholds(session, limit=10)
    (insight,), _, _ = await everything(sessions)
    assert insight.rule == "cart"


async def test_a_rule_of_higher_priority_decides(
    sessions: Sessions, ruled: Tenant
) -> None:
    async with sessions.begin() as session:
        await create_routing_rule(
            session,
            project_id=ruled.project_id,
            actor=ruled.actor,
            name="gates",
            condition={"experiment": "gate", "units": {"$gt": 10_000}},
            title="Gate ({recommendation})",
            owner="ann@example.org",
            priority=1,
        )
    await conclude(sessions, ruled, "DONT_SHIP")
    await route_all(sessions)
    _, (item,), _ = await everything(sessions)
    assert (item.title, item.owner) == ("Gate (DONT_SHIP)", "ann@example.org")


async def test_an_item_moves_on_and_leaves_a_trail(
    sessions: Sessions, ruled: Tenant
) -> None:
    await conclude(sessions, ruled, "DONT_SHIP")
    await route_all(sessions)
    _, (item,), _ = await everything(sessions)
    scope: dict[str, Any] = {
        "project_id": ruled.project_id,
        "item_id": item.id,
        "actor": ruled.actor,
    }
    async with sessions.begin() as session:
        with pytest.raises(IllegalTransition):
            await transition_item(
                session, **scope, expected_version=1, to=BacklogState.MEASURED
            )
        with pytest.raises(StaleVersion):
            await transition_item(
                session, **scope, expected_version=9, to=BacklogState.PLANNED
            )
        moved = await transition_item(
            session,
            **scope,
            expected_version=1,
            to=BacklogState.DECLINED,
            reason="The gate stays.",
        )
    assert (moved.state, moved.version) == (BacklogState.DECLINED, 2)
    async with sessions() as session:
        found = await session.exec(
            select(AuditRow).where(AuditRow.subject_id == item.id).order_by("id")
        )
        trail = found.all()
    assert [row.action for row in trail] == [
        "backlogItem.create",
        "backlogItem.transition",
    ]
    assert trail[1].reason == "The gate stays."


async def test_an_item_is_announced_once(sessions: Sessions, ruled: Tenant) -> None:
    await conclude(sessions, ruled, "DONT_SHIP")
    await route_all(sessions)
    async with sessions.begin() as session:
        (item,) = await take_unannounced(session, limit=10)
        told = await announcement(session, item)
        await mark_announced(session, [item.id])
    assert told["key"] == "BL-1"
    assert told["insights"][0]["statement"].startswith("Do not move the gate")
    async with sessions.begin() as session:
        assert await take_unannounced(session, limit=10) == []
