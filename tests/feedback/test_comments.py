"""Comments are kept once, redacted, and read by every rule."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import select

from core.database import Sessions
from core.ids import new_id
from core.problems import Invalid, NotFound
from core.subjects import SubjectContext
from feedback import queries
from feedback.errors import ExternalIdReused, SlugTaken, TextInvalid
from feedback.models import AppliedTag, Comment
from feedback.service import Recorded, Said, harvest, record_comment
from feedback.tagging import FeedbackSource, TagOrigin, TagState, TicketStatus
from feedback.tags import (
    create_tag,
    review_tags,
    suggest_tags,
    tag_comment,
    take_unread,
)
from tests.conftest import Tenant
from tests.feedback.builders import LOST, cart_tag, comment

pytestmark = pytest.mark.stores

TICKET = Said(
    body="Export fails, call +44 20 7946 0958",
    source=FeedbackSource.TICKET,
    external_id="T-1",
    ticket_status=TicketStatus.OPEN,
)


async def record(sessions: Sessions, tenant: Tenant, said: Said) -> Recorded:
    async with sessions.begin() as session:
        return await record_comment(session, project_id=tenant.project_id, said=said)


async def test_a_comment_is_redacted_before_it_is_kept(
    sessions: Sessions, tenant: Tenant
) -> None:
    recorded = await record(sessions, tenant, TICKET)
    assert recorded.comment.body == "Export fails, call [phone]"


async def test_an_external_id_names_one_comment(
    sessions: Sessions, tenant: Tenant
) -> None:
    sent = await asyncio.gather(*(record(sessions, tenant, TICKET) for _ in range(10)))
    assert sum(one.created for one in sent) == 1
    assert len({one.comment.id for one in sent}) == 1
    with pytest.raises(ExternalIdReused):
        await record(sessions, tenant, replace(TICKET, body="Something else"))


async def test_a_ticket_that_comes_again_is_brought_up_to_date(
    sessions: Sessions, tenant: Tenant
) -> None:
    await record(sessions, tenant, TICKET)
    closed_at = datetime(2026, 11, 1, tzinfo=UTC)
    closed = replace(TICKET, ticket_status=TicketStatus.CLOSED, closed_at=closed_at)
    recorded = await record(sessions, tenant, closed)
    assert recorded.comment.ticket_status is TicketStatus.CLOSED
    assert recorded.comment.closed_at == closed_at


@pytest.mark.parametrize("body", ["  ", "x" * 20_001, "a\0b"])
async def test_an_unreadable_text_is_refused(
    sessions: Sessions, tenant: Tenant, body: str
) -> None:
    with pytest.raises(TextInvalid):
        await record(sessions, tenant, replace(TICKET, body=body))


async def test_a_text_answer_becomes_one_comment_under_many_workers(
    sessions: Sessions, tenant: Tenant
) -> None:
    answer_id, response_id = new_id(), new_id()

    async def work() -> Comment:
        async with sessions.begin() as session:
            return await harvest(
                session,
                project_id=tenant.project_id,
                environment_id=tenant.environment_id,
                answer_id=answer_id,
                response_id=response_id,
                text=LOST,
                subject=SubjectContext(user_id="u1"),
                assignments_at={"gate": "forty"},
                said_at=datetime(2026, 11, 1, tzinfo=UTC),
            )

    made = await asyncio.gather(*(work() for _ in range(12)))
    assert len({one.id for one in made}) == 1
    async with sessions() as session:
        rows = (await session.exec(select(Comment).order_by("id"))).all()
    assert [row.source for row in rows] == [FeedbackSource.SURVEY]
    assert rows[0].assignments_at == {"gate": "forty"}


async def test_rules_read_each_comment_once_under_many_workers(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant)
        for number in range(8):
            await comment(session, tenant, f"{LOST} {number}")

    async def work() -> int:
        async with sessions.begin() as session:
            taken = await take_unread(session, limit=3)
            return sum([await suggest_tags(session, one) for one in taken])

    added = await asyncio.gather(*(work() for _ in range(6)))
    assert sum(added) == 8
    async with sessions() as session:
        applied = (await session.exec(select(AppliedTag).order_by("id"))).all()
    assert len({one.comment_id for one in applied}) == len(applied) == 8
    assert {(one.state, one.origin) for one in applied} == {
        (TagState.SUGGESTED, TagOrigin.RULE)
    }
    assert (applied[0].span_start, applied[0].span_end) == (9, 22)
    assert applied[0].reason == "The text says \u201cfind the cart\u201d."


async def test_a_new_rule_reads_what_came_before(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        said = await comment(session, tenant)
        await suggest_tags(session, said)
    async with sessions.begin() as session:
        assert await take_unread(session, limit=9) == []
        await cart_tag(session, tenant)
    async with sessions.begin() as session:
        assert [one.id for one in await take_unread(session, limit=9)] == [said.id]


async def test_suggestions_are_decided_all_or_none(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        tag = await cart_tag(session, tenant)
        for _ in range(3):
            await suggest_tags(session, await comment(session, tenant))
        found = await session.exec(
            queries.suggestions(tenant.project_id, TagState.SUGGESTED)
        )
        first, second, third = [one.id for one in found.all()]
    scope: dict[str, Any] = {"project_id": tenant.project_id, "actor": tenant.actor}
    for accept, reject, error in (
        ([first, new_id()], [], NotFound),
        ([first], [first], Invalid),
        ([], [], Invalid),
        ([new_id() for _ in range(201)], [], Invalid),
    ):
        async with sessions.begin() as session:
            with pytest.raises(error):
                await review_tags(session, **scope, accept=accept, reject=reject)
    async with sessions.begin() as session:
        decided = await review_tags(
            session, **scope, accept=[first, second], reject=[third]
        )
    assert {one.decided_by for one in decided} == {"ada"}
    async with sessions() as session:
        counts = (await queries.tag_counts(session, [tag.id]))[tag.id]
    assert (counts.suggested, counts.accepted, counts.rejected) == (0, 2, 1)


async def test_a_rejected_tag_stays_rejected_when_rules_read_again(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant, accepts=True)
        said = await comment(session, tenant)
        await suggest_tags(session, said)
        (applied,) = (await queries.applied_to(session, [said.id]))[said.id]
        assert applied.state is TagState.ACCEPTED
        await review_tags(
            session,
            project_id=tenant.project_id,
            actor=tenant.actor,
            accept=[],
            reject=[applied.id],
        )
        assert await suggest_tags(session, said) == 0
        (again,) = (await queries.applied_to(session, [said.id]))[said.id]
    assert again.state is TagState.REJECTED


async def test_a_tag_by_hand_is_accepted_at_once(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant)
        said = await comment(session, tenant, "No cart here")
        applied = await tag_comment(
            session,
            project_id=tenant.project_id,
            actor=tenant.actor,
            comment_id=said.id,
            tag="cart",
        )
        assert (applied.origin, applied.state) == (TagOrigin.HUMAN, TagState.ACCEPTED)
        with pytest.raises(NotFound):
            await tag_comment(
                session,
                project_id=tenant.project_id,
                actor=tenant.actor,
                comment_id=said.id,
                tag="basket",
            )


async def test_a_slug_is_used_once(sessions: Sessions, tenant: Tenant) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant)
        with pytest.raises(SlugTaken, match="cart"):
            await create_tag(
                session,
                project_id=tenant.project_id,
                actor=tenant.actor,
                slug="cart",
                name="Again",
            )


async def test_a_filter_narrows_and_stays_in_the_project(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await cart_tag(session, tenant, accepts=True)
        await suggest_tags(session, await comment(session, tenant))
        await comment(session, tenant, "100% slow_er")

    async def bodies(**narrowed: object) -> set[str]:
        asked = queries.CommentFilter(**narrowed)  # type: ignore[arg-type]
        async with sessions() as session:
            found = await session.exec(queries.comments(tenant.project_id, asked))
            return {one.body for one in found.all()}

    assert await bodies() == {LOST, "100% slow_er"}
    assert await bodies(tag_slugs=["cart"]) == {LOST}
    assert await bodies(untagged=True) == {"100% slow_er"}
    assert await bodies(search="%") == {"100% slow_er"}
    assert await bodies(search="W_E") == {"100% slow_er"}
    assert await bodies(search="x' OR 1=1--") == set()
    assert await bodies(sources=[FeedbackSource.TICKET]) == set()
    async with sessions() as session:
        other = queries.comments(new_id(), queries.CommentFilter())
        assert await queries.count(session, other) == 0
