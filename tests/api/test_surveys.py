"""Surveys through the edge: from a draft to a score."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.clock import now
from core.subjects import SubjectKind, identify
from surveys import queries
from surveys.models import Answer, Response
from surveys.questions import QuestionKind
from tests.api.conftest import Edge, Tenant
from tests.api.surveys import ANSWERS, SUBMIT, SURVEY, change, mutate, published

pytestmark = pytest.mark.stores

READ = """
query ($by: SurveyRefInput!) {
  survey(by: $by) {
    key status version draft { key } published { number questions { key highest } }
    responses { edges { node {
      submissionId revision version answers { questionKey kind value }
      assignmentsAt { experimentKey variantKey } survey { key } } } }
    summary {
      number responses partials completionRate
      nps { questionKey score ciLow ciHigh responses partials
            promoters passives detractors }
      npsByVariant(experimentKey: "gate") { variantKey score responses }
      ratings { questionKey counts { answer count } }
    }
  }
}
"""
OFFERS = "query ($s: SubjectInput!) { surveysFor(subject: $s) { surveyKey version } }"
EXPLAIN = """query ($s: SubjectInput!) { explainSurveys(subject: $s) {
  surveyKey reason attribute expected actual freeAt } }"""
CLAIM = """
mutation ($input: ClaimSurveyDisplayInput!) {
  claimSurveyDisplay(input: $input) {
    ... on ClaimSurveyDisplayPayload { claimed replayed }
    ... on Error { code }
  }
}
"""


async def read(edge: Edge) -> dict[str, Any]:
    answer = await edge.ask(READ, by={"key": "nps-why"})
    assert "errors" not in answer, answer
    survey: dict[str, Any] = answer["data"]["survey"]
    return survey


async def answered(edge: Edge, given: list[int], *, completed: bool) -> None:
    """Many responses to the survey, as they are kept."""
    async with edge.database.sessions.begin() as session:
        survey = await queries.survey_by_key(session, edge.tenant.project.id, "nps-why")
        assert survey is not None
        version = await queries.version_of(session, survey.id, 1)
        assert version is not None
        at = await now(session)
        responses = [
            Response(
                project_id=survey.project_id,
                environment_id=edge.tenant.environment.id,
                survey_id=survey.id,
                survey_version_id=version.id,
                submission_id=f"{completed}-{number}",
                revision=1,
                body_hash="",
                assignments_at={"gate": "forty"},
                submitted_at=at,
                updated_at=at,
                completed_at=at if completed else None,
            )
            for number in range(len(given))
        ]
        session.add_all(responses)
        await session.flush()
        session.add_all(
            Answer(
                response_id=response.id,
                survey_id=survey.id,
                question_key="score",
                kind=QuestionKind.NPS,
                number=number,
            )
            for response, number in zip(responses, given, strict=True)
        )


async def test_a_survey_is_drafted_published_and_closed(edge: Edge) -> None:
    live = await published(edge)
    assert (live["status"], live["publishedNumber"]) == ("LIVE", 1)
    stale = await change(
        edge, "pauseSurvey", {"id": live["id"], "expectedVersion": live["version"] - 1}
    )
    assert (stale["code"], stale["currentVersion"]) == ("STALE_VERSION", 2)
    closed = await change(
        edge, "closeSurvey", {"id": live["id"], "expectedVersion": live["version"]}
    )
    assert closed["survey"]["status"] == "CLOSED"


async def test_what_cannot_be_asked_is_refused_by_its_path(edge: Edge) -> None:
    twice = SURVEY["questions"] + SURVEY["questions"][:1]
    drafted = await change(edge, "createSurvey", SURVEY | {"questions": twice})
    refused = await change(
        edge, "publishSurvey", {"id": drafted["survey"]["id"], "expectedVersion": 1}
    )
    assert (refused["__typename"], refused["code"]) == (
        "ValidationError",
        "DUPLICATE_KEY",
    )
    assert refused["path"] == ["questions", "2", "key"]


async def test_a_browser_answers_without_a_name_and_reads_nothing(edge: Edge) -> None:
    await published(edge)
    client = edge.tenant.client
    first = await mutate(edge, SUBMIT, ANSWERS, key=client)
    again = await mutate(edge, SUBMIT, ANSWERS, key=client)
    assert (first["completed"], first["changed"], first["replayed"]) == (
        True,
        True,
        False,
    )
    assert again == first | {"replayed": True}
    named = await mutate(
        edge,
        SUBMIT,
        ANSWERS | {"idempotencyKey": "n", "subject": {"userId": "u1"}},
        key=client,
    )
    assert (named["__typename"], named["code"]) == ("ForbiddenError", "FORBIDDEN")
    hidden = await edge.ask(READ, key=client, by={"key": "nps-why"})
    assert hidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_server_names_who_answered(edge: Edge) -> None:
    await published(edge)
    subject = {"userId": "u1", "accountId": "a1"}
    await mutate(edge, SUBMIT, ANSWERS | {"subject": subject})
    (response,) = (await read(edge))["responses"]["edges"]
    assert response["node"] == {
        "submissionId": "s1",
        "revision": 1,
        "version": 1,
        "answers": [
            {"questionKey": "score", "kind": "NPS", "value": 9},
            {
                "questionKey": "why",
                "kind": "TEXT",
                "value": "I cannot find the cart, call [phone]",
            },
        ],
        "assignmentsAt": [],
        "survey": {"key": "nps-why"},
    }


async def test_an_answer_that_does_not_fit_is_named(edge: Edge) -> None:
    await published(edge)
    wrong = ANSWERS | {"answers": [{"questionKey": "score", "value": 11}]}
    refused = await mutate(edge, SUBMIT, wrong)
    assert (refused["code"], refused["path"]) == ("OUT_OF_RANGE", ["answers", "score"])
    unknown = await mutate(edge, SUBMIT, ANSWERS | {"surveyKey": "x"})
    assert unknown["code"] == "NOT_FOUND"


async def test_the_score_of_400_answers_with_partials_apart(edge: Edge) -> None:
    await published(edge)
    given = [10] * 180 + [7] * 140 + [2] * 80
    await answered(edge, given, completed=True)
    await answered(edge, [0] * 37, completed=False)
    summary = (await read(edge))["summary"]
    assert (summary["responses"], summary["partials"]) == (400, 37)
    nps = summary["nps"]
    assert nps["score"] == 25.0
    assert (nps["ciLow"], nps["ciHigh"]) == pytest.approx((17.5, 32.5), abs=0.3)
    assert [nps[part] for part in ("promoters", "passives", "detractors")] == [
        180,
        140,
        80,
    ]
    assert (nps["responses"], nps["partials"]) == (400, 37)
    assert summary["npsByVariant"] == [
        {"variantKey": "forty", "score": 25.0, "responses": 400}
    ]


async def test_a_browser_cannot_talk_itself_into_a_survey(edge: Edge) -> None:
    await published(edge, targeting={"plan": "paid"})
    subject = {"userId": "u1", "attributes": {"plan": "paid"}}
    client = edge.tenant.client
    offered = await edge.ask(OFFERS, key=client, s=subject)
    assert offered["data"]["surveysFor"] == [{"surveyKey": "nps-why", "version": 1}]
    async with edge.database.sessions.begin() as session:
        await identify(
            session,
            environment_id=edge.tenant.environment.id,
            kind=SubjectKind.USER,
            external_id="u1",
            traits={"plan": "free"},
        )
    assert (await edge.ask(OFFERS, key=client, s=subject))["data"]["surveysFor"] == []
    page_load = (
        "query ($s: SubjectInput!) { viewer(subject: $s) { surveys { title } } }"
    )
    viewer = (await edge.ask(page_load, key=client, s=subject))["data"]["viewer"]
    assert viewer["surveys"] == []
    trusted = await edge.ask(OFFERS, s=subject)
    assert len(trusted["data"]["surveysFor"]) == 1
    refused = await edge.ask(EXPLAIN, s={"userId": "u2"})
    assert refused["data"]["explainSurveys"] == [
        {
            "surveyKey": "nps-why",
            "reason": "NOT_TARGETED",
            "attribute": "plan",
            "expected": "paid",
            "actual": None,
            "freeAt": None,
        }
    ]


async def test_a_claimed_survey_rests(edge: Edge) -> None:
    await published(edge)
    given = {"surveyKey": "nps-why", "subject": {"anonymousId": "v1"}}
    client = edge.tenant.client
    first = await mutate(edge, CLAIM, given | {"idempotencyKey": "a"}, key=client)
    again = await mutate(edge, CLAIM, given | {"idempotencyKey": "a"}, key=client)
    other = await mutate(edge, CLAIM, given | {"idempotencyKey": "b"}, key=client)
    assert (first["claimed"], again["claimed"], other["claimed"]) == (True, True, False)
    explained = await edge.ask(EXPLAIN, s={"anonymousId": "v1"})
    assert explained["data"]["explainSurveys"][0]["reason"] == "SHOWN_RECENTLY"


async def test_another_projects_survey_is_as_absent_as_none(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    live = await published(edge)
    rival = await other_tenant()
    answer = await edge.ask(READ, key=rival.admin, by={"id": live["id"]})
    assert answer["data"]["survey"] is None
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    node = await edge.ask(
        "query ($id: ID!) { node(id: $id) { id } }", key=rival.admin, id=live["id"]
    )
    assert node["data"]["node"] is None


@pytest.mark.parametrize("key", ['a") or 1=1 --', "$.a", '"', "a'b"])
async def test_a_key_that_is_none_reaches_no_json_path(edge: Edge, key: str) -> None:
    await published(edge)
    answer = await edge.ask(
        """query ($experiment: String!) { survey(by: {key: "nps-why"}) {
          summary { npsByVariant(experimentKey: $experiment) { score } } } }""",
        experiment=key,
    )
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
