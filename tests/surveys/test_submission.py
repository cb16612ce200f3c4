"""A response is kept once, grows by revision, and is final when it is complete."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.audit import AuditRow
from core.clock import now
from core.database import Database, Sessions
from core.problems import IllegalTransition, NotFound, Problem, StaleVersion
from core.subjects import SubjectContext
from surveys import handoff, queries
from surveys.errors import (
    NothingToPublish,
    ResponseCompleted,
    RevisionReused,
    SurveyKeyTaken,
    SurveyNotOpen,
)
from surveys.models import Answer, Response, Survey, SurveyStatus
from surveys.questions import QuestionKind
from surveys.scoring import score
from surveys.service import draft, move, publish, update
from surveys.submission import (
    MAX_CONTEXT_BYTES,
    SETTLED_AFTER,
    Submission,
    Submitted,
    submit,
)
from tests.conftest import Tenant
from tests.surveys.builders import SCORE, change, published

pytestmark = pytest.mark.stores

HAPPY = Submission(
    submission_id="s1",
    revision=1,
    answers={"score": 10, "why": "Mail me at ann@example.org"},
    completed=True,
    subject=SubjectContext(user_id="u1", account_id="a1"),
    assignments_at={"reports-limit": "sixty"},
)
BEGUN = replace(HAPPY, answers={"score": 3}, completed=False)


@pytest.fixture
async def survey(sessions: Sessions, tenant: Tenant) -> Survey:
    async with sessions.begin() as session:
        return await published(session, tenant)


async def send(sessions: Sessions, tenant: Tenant, submission: Submission) -> Submitted:
    async with sessions.begin() as session:
        return await submit(
            session,
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            survey_key="nps-why",
            submission=submission,
        )


async def refusal(
    sessions: Sessions, tenant: Tenant, submission: Submission
) -> Problem:
    with pytest.raises(Problem) as refused:
        await send(sessions, tenant, submission)
    return refused.value


async def answers(sessions: Sessions) -> dict[str, Answer]:
    async with sessions() as session:
        found = await session.exec(select(Answer).order_by("id"))
        return {answer.question_key: answer for answer in found.all()}


async def test_a_text_is_redacted_before_it_is_kept(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(sessions, tenant, HAPPY)
    assert (await answers(sessions))["why"].text == "Mail me at [email]"


async def test_the_same_submission_again_changes_nothing(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    first = await send(sessions, tenant, HAPPY)
    again = await send(sessions, tenant, HAPPY)
    assert (first.changed, again.changed) == (True, False)
    assert first.response.id == again.response.id


async def test_a_completed_response_is_final(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(sessions, tenant, HAPPY)
    later = replace(HAPPY, revision=2, answers={"score": 0})
    assert isinstance(await refusal(sessions, tenant, later), ResponseCompleted)


async def test_a_later_revision_replaces_the_answers(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(
        sessions, tenant, replace(BEGUN, answers={"score": 3, "reason": "price"})
    )
    kept = (await answers(sessions))["score"].id
    done = await send(sessions, tenant, replace(HAPPY, revision=2))
    now_given = await answers(sessions)
    assert done.response.completed_at is not None
    assert (now_given["score"].id, now_given["score"].number) == (kept, 10)
    assert set(now_given) == {"score", "why"}


async def test_an_older_revision_that_comes_late_changes_nothing(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(sessions, tenant, replace(HAPPY, revision=3))
    late = await send(sessions, tenant, replace(BEGUN, revision=2))
    assert (late.changed, late.response.revision) == (False, 3)


async def test_a_revision_number_names_one_content(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(sessions, tenant, BEGUN)
    other = replace(BEGUN, answers={"score": 4})
    assert isinstance(await refusal(sessions, tenant, other), RevisionReused)


async def test_a_partial_response_settles_by_itself(
    database: Database, tenant: Tenant, survey: Survey
) -> None:
    await send(database.sessions, tenant, replace(BEGUN, answers=HAPPY.answers))
    async with database.readers() as session:
        at = await now(session)
        assert await handoff.take_unharvested(session, limit=10) == []
    later = Database(
        database.url.render_as_string(hide_password=False),
        clock=lambda: at + SETTLED_AFTER + timedelta(hours=1),
    )
    try:
        assert isinstance(
            await refusal(later.sessions, tenant, replace(HAPPY, revision=2)),
            ResponseCompleted,
        )
        async with later.sessions.begin() as session:
            taken = await handoff.take_unharvested(session, limit=10)
    finally:
        await later.dispose()
    assert [answer.text for answer in taken] == ["Mail me at [email]"]


async def test_one_of_many_first_submissions_is_kept(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    sent = await asyncio.gather(*(send(sessions, tenant, HAPPY) for _ in range(12)))
    assert len({one.response.id for one in sent}) == 1
    assert sum(one.changed for one in sent) == 1
    async with sessions() as session:
        assert len((await session.exec(select(Response).order_by("id"))).all()) == 1
        assert len((await session.exec(select(Answer).order_by("id"))).all()) == 2


async def test_a_response_stays_with_the_version_it_began(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    begun = await send(sessions, tenant, BEGUN)
    async with sessions.begin() as session:
        written = await update(
            session,
            project_id=tenant.project_id,
            survey_id=survey.id,
            actor=tenant.actor,
            expected_version=2,
            change=change(SCORE),
        )
        version = await publish(
            session,
            project_id=tenant.project_id,
            survey_id=survey.id,
            actor=tenant.actor,
            expected_version=written.version,
        )
    assert version.number == 2
    done = await send(sessions, tenant, replace(HAPPY, revision=2))
    assert done.response.survey_version_id == begun.response.survey_version_id
    fresh = await refusal(sessions, tenant, replace(HAPPY, submission_id="s2"))
    assert fresh.code == "UNKNOWN_QUESTION"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (SurveyStatus.PAUSED, {"new": False, "begun": True}),
        (SurveyStatus.CLOSED, {"new": False, "begun": False}),
    ],
)
async def test_a_paused_survey_takes_only_what_was_begun(
    sessions: Sessions,
    tenant: Tenant,
    survey: Survey,
    status: SurveyStatus,
    expected: dict[str, bool],
) -> None:
    await send(sessions, tenant, BEGUN)
    async with sessions.begin() as session:
        await move(
            session,
            project_id=tenant.project_id,
            survey_id=survey.id,
            actor=tenant.actor,
            expected_version=2,
            to=status,
        )
    taken = {}
    for name, submission in (
        ("new", replace(HAPPY, submission_id="s2")),
        ("begun", replace(HAPPY, revision=2)),
    ):
        try:
            taken[name] = (await send(sessions, tenant, submission)).changed
        except SurveyNotOpen:
            taken[name] = False
    assert taken == expected


async def test_another_project_cannot_answer(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    async with sessions.begin() as session:
        with pytest.raises(NotFound):
            await submit(
                session,
                project_id=tenant.environment_id,
                environment_id=tenant.environment_id,
                survey_key="nps-why",
                submission=HAPPY,
            )


async def test_partials_are_counted_apart_and_never_scored(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    given = [10] * 18 + [8] * 14 + [0] * 8
    for number, answer in enumerate(given):
        submission = replace(
            HAPPY, submission_id=f"c{number}", answers={"score": answer}
        )
        await send(sessions, tenant, submission)
    for number in range(4):
        await send(sessions, tenant, replace(BEGUN, submission_id=f"p{number}"))
    scope: dict[str, Any] = {
        "environment_id": tenant.environment_id,
        "survey_id": survey.id,
    }
    async with sessions() as session:
        (counts,) = await queries.response_counts(session, **scope)
        (tally,) = await queries.tallies(session, **scope, kind=QuestionKind.NPS)
    assert (counts.completed, counts.partial) == (40, 4)
    assert counts.completion_rate == pytest.approx(40 / 44)
    groups = score(tally.counts).groups
    assert (groups.promoters, groups.passives, groups.detractors) == (18, 14, 8)


async def test_answers_count_for_the_variant_at_answer_time(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    for number, (answer, variant) in enumerate(
        [(10, "sixty"), (9, "sixty"), (0, "hundred"), (7, None)]
    ):
        arms = {} if variant is None else {"reports-limit": variant}
        submission = replace(
            HAPPY,
            submission_id=f"v{number}",
            answers={"score": answer},
            assignments_at=arms,
        )
        await send(sessions, tenant, submission)
    async with sessions() as session:
        version = await queries.version_of(session, survey.id, 1)
        assert version is not None
        counted = await queries.variant_tallies(
            session,
            version_id=version.id,
            environment_id=tenant.environment_id,
            question_key="score",
            experiment_key="reports-limit",
        )
    assert counted == {"hundred": [(0, 1)], "sixty": [(9, 1), (10, 1)]}


def test_nps_of_the_published_example() -> None:
    found = score([(10, 100), (9, 80), (8, 70), (7, 70), (6, 50), (0, 30)]).points
    assert found is not None
    assert found.value == 25.0
    assert (found.low, found.high) == pytest.approx((17.5, 32.5), abs=0.3)


def test_no_answer_has_no_score() -> None:
    assert score([]).points is None


async def test_a_key_is_used_once(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    async with sessions.begin() as session:
        with pytest.raises(SurveyKeyTaken, match="nps-why"):
            await draft(
                session,
                project_id=tenant.project_id,
                actor=tenant.actor,
                key="nps-why",
                change=change(),
            )


async def test_a_survey_moves_by_its_rules_and_leaves_a_trail(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    scope: dict[str, Any] = {
        "project_id": tenant.project_id,
        "survey_id": survey.id,
        "actor": tenant.actor,
    }
    async with sessions.begin() as session:
        with pytest.raises(StaleVersion):
            await publish(session, **scope, expected_version=1)
        with pytest.raises(NothingToPublish):
            await publish(session, **scope, expected_version=2)
        closed = await move(
            session, **scope, expected_version=2, to=SurveyStatus.CLOSED, reason="Over"
        )
        with pytest.raises(IllegalTransition):
            await move(session, **scope, expected_version=3, to=SurveyStatus.LIVE)
        with pytest.raises(IllegalTransition):
            await publish(session, **scope, expected_version=closed.version)
    async with sessions() as session:
        trail = (await session.exec(select(AuditRow).order_by(col(AuditRow.id)))).all()
    assert [row.action for row in trail] == [
        "survey.draft",
        "survey.publish",
        "survey.closed",
    ]
    assert trail[-1].reason == "Over"


async def test_final_answers_are_handed_on_once(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    await send(sessions, tenant, HAPPY)
    await send(sessions, tenant, replace(BEGUN, submission_id="s2"))
    async with sessions.begin() as session:
        texts = await handoff.take_unharvested(session, limit=10)
        unlogged = await handoff.take_unlogged(session, limit=10)
        assert [answer.question_key for answer in texts] == ["why"]
        assert {answer.question_key for answer in unlogged} == {"score", "why"}
        assert texts[0].assignments_at == {"reports-limit": "sixty"}
        assert (texts[0].user_id, texts[0].account_id) == ("u1", "a1")
        await handoff.mark_harvested(session, [one.answer_id for one in texts])
        await handoff.mark_logged(session, [one.answer_id for one in unlogged])
    async with sessions.begin() as session:
        assert await handoff.take_unharvested(session, limit=10) == []
        assert await handoff.take_unlogged(session, limit=10) == []


async def test_a_context_is_redacted_before_it_is_kept(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    context = {
        "page": "/cart",
        "typed": ["ann@example.org", {"call": "+44 20 7946 0958", "seats": 3}],
    }
    kept = await send(sessions, tenant, replace(HAPPY, context=context))
    assert kept.response.context == {
        "page": "/cart",
        "typed": ["[email]", {"call": "[phone]", "seats": 3}],
    }
    again = await send(sessions, tenant, replace(HAPPY, context=context))
    assert not again.changed


async def test_a_context_does_not_outgrow_its_bound_by_revisions(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    half = "x" * (MAX_CONTEXT_BYTES // 2)
    await send(sessions, tenant, replace(BEGUN, context={"a": half}))
    more = replace(BEGUN, revision=2, context={"b": half})
    refused = await refusal(sessions, tenant, more)
    assert (refused.code, refused.path) == ("INVALID", ("context",))
    instead = replace(more, context={"a": "y" * (MAX_CONTEXT_BYTES // 2)})
    assert (await send(sessions, tenant, instead)).changed


async def test_a_context_that_redaction_lengthens_stays_within_its_bound(
    sessions: Sessions, tenant: Tenant, survey: Survey
) -> None:
    addresses = "a@b.c " * ((MAX_CONTEXT_BYTES - 20) // 6)
    grown = replace(HAPPY, context={"typed": addresses})
    assert (await refusal(sessions, tenant, grown)).path == ("context",)
