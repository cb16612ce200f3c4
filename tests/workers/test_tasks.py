"""Each arrow does its work once, however many workers run it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import func
from sqlmodel import SQLModel, select

from core import delivery, idempotency, signin
from core.database import Database
from core.delivery import Delivery
from core.idempotency import ClaimKey, IdempotencyClaim
from core.subjects import SubjectContext
from core.tenancy import Member, Role
from experiments.events.log import EventLog, NewEvent, Verdict
from feedback import tags
from feedback.models import AppliedTag, BacklogItem, Comment, Insight
from feedback.tags import NewRule
from surveys import service as surveys
from surveys.handoff import take_unlogged
from surveys.questions import Question, QuestionKind
from surveys.service import SurveyChange
from surveys.submission import Submission, submit
from tests.conftest import StoreUrls, Tenant
from workers.context import TaskContext
from workers.settling import run_round
from workers.tasks import (
    announce_items,
    distil_tags,
    fold_events,
    harvest_answers,
    log_answers,
    route_insights,
    seal_audit,
    suggest_tags,
    sweep_expired,
)

pytestmark = pytest.mark.stores

ANSWERS = 24
WORKERS = 4
Run = Callable[[TaskContext], Awaitable[int]]


async def at_once(context: TaskContext, run: Run) -> int:
    """Run a task in several workers until none finds anything; rows handled in all."""

    async def work() -> int:
        total = 0
        while handled := await run(context):
            total += handled
        return total

    return sum(await asyncio.gather(*(work() for _ in range(WORKERS))))


async def count(context: TaskContext, table: type[SQLModel]) -> int:
    async with context.database.readers() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


@pytest.fixture
async def answered(context: TaskContext, tenant: Tenant) -> TaskContext:
    """A survey with answers, a tag whose rule they match, and a receiver."""
    questions = (
        Question("score", QuestionKind.NPS, "Would you recommend us?"),
        Question("why", QuestionKind.TEXT, "Why?"),
    )
    project_id, actor = tenant.project_id, tenant.actor
    async with context.database.sessions.begin() as session:
        change = SurveyChange("Why?", questions, None, 90)
        survey = await surveys.draft(
            session, project_id=project_id, actor=actor, key="why", change=change
        )
        await surveys.publish(
            session,
            project_id=project_id,
            survey_id=survey.id,
            actor=actor,
            expected_version=survey.version,
        )
        await tags.create_tag(
            session, project_id=project_id, actor=actor, slug="export", name="Export"
        )
        await tags.create_tag_rule(
            session,
            project_id=project_id,
            actor=actor,
            slug="export",
            rule=NewRule(phrases=("export*",), accepts=True),
        )
        await delivery.register(
            session,
            project_id=project_id,
            url="http://127.0.0.1:1/",
            kinds=["backlog_item.created"],
        )
        for number in range(ANSWERS):
            await submit(
                session,
                project_id=project_id,
                environment_id=tenant.environment_id,
                survey_key="why",
                submission=Submission(
                    submission_id=f"s{number}",
                    revision=1,
                    answers={"score": 5, "why": "The export is slow."},
                    completed=True,
                    subject=SubjectContext(f"u{number}", None, f"a{number}"),
                ),
            )
    return context


async def test_every_text_answer_becomes_one_comment(answered: TaskContext) -> None:
    assert await at_once(answered, harvest_answers.run) == ANSWERS
    assert await count(answered, Comment) == ANSWERS


async def test_every_answer_becomes_one_event(
    answered: TaskContext, tenant: Tenant
) -> None:
    assert await at_once(answered, log_answers.run) == 2 * ANSWERS
    assert await answered.log.count(tenant.environment_id) == 2 * ANSWERS


class Onlooker:
    """An event log that says how many answers nobody holds while it appends."""

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self.free = 0

    async def append(
        self, environment_id: UUID, events: list[NewEvent], *, batch_id: str
    ) -> list[Verdict]:
        async with self._context.database.sessions.begin() as session:
            self.free = len(await take_unlogged(session, limit=1_000))
        return await self._context.log.append(environment_id, events, batch_id=batch_id)


async def test_no_transaction_of_the_facts_waits_for_the_log(
    answered: TaskContext,
) -> None:
    onlooker = Onlooker(answered)
    async with asyncio.timeout(5):
        await log_answers.run(replace(answered, log=cast(EventLog, onlooker)))
    assert onlooker.free == 2 * ANSWERS
    assert await log_answers.run(answered) == 0


async def test_what_expired_is_swept_in_batches(
    answered: TaskContext, store_urls: StoreUrls, tenant: Tenant
) -> None:
    async with answered.database.sessions.begin() as session:
        member = Member(
            project_id=tenant.project_id,
            email="ada@acme.test",
            name="Ada",
            role=Role.ADMIN,
            created_at=datetime.now(UTC),
        )
        session.add(member)
        await session.flush()
        token = await signin.make_link(session, member_id=member.id, minutes=5)
        await signin.use_link(session, token=token, days=1)
        await signin.make_link(session, member_id=member.id, minutes=5)
        for key in ("one", "two", "three"):
            claim = ClaimKey(tenant.environment_id, "ada", "createTag", key)
            await idempotency.claim(session, claim, "0" * 64)
    assert await sweep_expired.run(answered) == 0
    later = datetime.now(UTC) + timedelta(days=36)
    database = Database(store_urls.facts, clock=lambda: later)
    async with database.sessions.begin() as session:
        assert await idempotency.forget_old(session, limit=2) == 2
    assert await sweep_expired.run(replace(answered, database=database)) == 4
    await database.dispose()
    for table in (signin.SignInLink, signin.MemberSession, IdempotencyClaim):
        assert await count(answered, table) == 0


async def test_words_of_an_answer_stay_out_of_the_log(answered: TaskContext) -> None:
    async with answered.database.sessions.begin() as session:
        answers = await take_unlogged(session, limit=1_000)
    events = [log_answers.event_of(answer) for answer in answers]
    assert any(answer.text == "The export is slow." for answer in answers)
    assert {event.name for event in events} == {"survey:why/score", "survey:why/why"}
    assert {event.value for event in events} == {Decimal(5), None}
    assert "slow" not in repr(events)


def test_a_long_survey_key_still_has_a_name_of_its_own() -> None:
    names = {log_answers.event_name("s" * 64, f"q{n}" * 30) for n in range(9)}
    assert len(names) == 9
    assert all(len(name) <= 64 for name in names)


async def test_many_voices_become_one_insight_one_item_and_one_message(
    answered: TaskContext,
) -> None:
    await at_once(answered, harvest_answers.run)
    assert await at_once(answered, suggest_tags.run) == ANSWERS
    assert await count(answered, AppliedTag) == ANSWERS
    assert await at_once(answered, distil_tags.run) == ANSWERS
    assert await count(answered, Insight) == 1
    assert await at_once(answered, route_insights.run) == 1
    assert await count(answered, BacklogItem) == 1
    assert await at_once(answered, announce_items.run) == 1
    assert await count(answered, Delivery) == 1


async def test_a_step_that_fails_half_way_leaves_nothing_behind(
    answered: TaskContext, store_urls: StoreUrls
) -> None:
    asked = 0

    def failing() -> datetime:
        nonlocal asked
        asked += 1
        if asked > 10:
            raise RuntimeError("the clock is gone")
        return datetime.now(UTC)

    database = Database(store_urls.facts, clock=failing)
    with pytest.raises(RuntimeError):
        await harvest_answers.run(replace(answered, database=database))
    await database.dispose()
    assert await count(answered, Comment) == 0
    assert await at_once(answered, harvest_answers.run) == ANSWERS


async def test_everything_settles_and_stays_settled(answered: TaskContext) -> None:
    while await run_round(answered):
        pass
    before = [await count(answered, t) for t in (Comment, Insight, BacklogItem)]
    assert await run_round(answered) == 0
    assert before == [ANSWERS, 1, 1]


async def test_nothing_undone_is_nothing_to_do(context: TaskContext) -> None:
    for run in (
        fold_events.run,
        log_answers.run,
        harvest_answers.run,
        sweep_expired.run,
    ):
        assert await run(context) == 0


async def test_the_audit_trail_is_sealed_in_one_chain(answered: TaskContext) -> None:
    assert await seal_audit.run(answered) > 0
    assert await seal_audit.run(answered) == 0
