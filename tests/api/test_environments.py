"""Environments: made by administrators, and blind to one another."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from api.graphql.ids import global_id
from core import keys, tenancy
from core.clock import now
from core.keys import KeyKind
from core.tenancy import Role
from feedback.insights import EvidenceKind, InsightKind
from feedback.models import Comment, Evidence, Insight
from feedback.tagging import FeedbackSource
from surveys import queries
from surveys.models import Response
from tests.api.conftest import Edge
from tests.api.experiments import CHANGE, mutate, started
from tests.api.surveys import published
from tests.api.test_auth import sign_in
from tests.api.test_results import ACCEPT, BROKEN, WIN, cookie, shown, stored
from tests.api.test_websocket import talking

pytestmark = pytest.mark.stores

CREATE = """mutation ($input: CreateEnvironmentInput!) {
  createEnvironment(input: $input) {
    __typename
    ... on CreateEnvironmentPayload { environment { key name production } replayed }
    ... on Error { code path }
  }
}"""
NODES = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"""
NODE = """query ($id: ID!) { node(id: $id) { __typename id } }"""
EXPERIMENT = """{ experiment(by: {key: "reports-limit"}) {
  phases { id } results { id } resultsHistory(first: 5) { edges { node { id } } }
} }"""
LISTED = """{ experiments { edges { node { phases { id } results { id } } } } }"""
SURVEY = """{ survey(by: {key: "nps-why"}) {
  responses { edges { node { id } } } summary { responses partials }
} }"""
FEEDBACK = "{ feedback { edges { node { response { id } } } } }"
EVIDENCE = """{ insights { edges { node { evidence { edges { node {
  kind target { __typename } } } } } } } }"""
FOLLOW = """subscription { resultsUpdated(by: {key: "reports-limit"}) {
  snapshot { number } } }"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What production holds, and a key of another environment."""

    snapshot: UUID
    response: UUID
    dev: str


async def rows(edge: Edge, found: Any = WIN[1]) -> Rows:
    """A snapshot and a response in production, each with what leads to it."""
    place = await stored(edge)
    snapshot = await shown(edge, place, found)
    await published(edge)
    response = await responded(edge)
    await led_to(edge, snapshot.id, response)
    return Rows(snapshot.id, response, await dev_key(edge))


async def responded(edge: Edge) -> UUID:
    """A completed response in production."""
    async with edge.database.sessions.begin() as session:
        survey = await queries.survey_by_key(session, edge.tenant.project.id, "nps-why")
        assert survey is not None
        version = await queries.version_of(session, survey.id, 1)
        assert version is not None
        at = await now(session)
        response = Response(
            project_id=survey.project_id,
            environment_id=edge.tenant.environment.id,
            survey_id=survey.id,
            survey_version_id=version.id,
            submission_id="s1",
            revision=1,
            body_hash="",
            submitted_at=at,
            updated_at=at,
            completed_at=at,
        )
        session.add(response)
    return response.id


async def led_to(edge: Edge, snapshot_id: UUID, response_id: UUID) -> None:
    """A comment of the response's, and an insight that rests on both."""
    project_id = edge.tenant.project.id
    async with edge.database.sessions.begin() as session:
        at = await now(session)
        insight = Insight(
            project_id=project_id,
            kind=InsightKind.MANUAL,
            topic="manual",
            statement="Slow.",
            dedupe_key="manual",
            author="ada",
            created_at=at,
        )
        session.add(insight)
        session.add(
            Comment(
                project_id=project_id,
                environment_id=edge.tenant.environment.id,
                source=FeedbackSource.SURVEY,
                body="Slow.",
                origin_response_id=response_id,
                said_at=at,
                received_at=at,
            )
        )
        await session.flush()
        session.add_all(
            Evidence(
                insight_id=insight.id,
                kind=kind,
                target_id=target,
                added_by="ada",
                added_at=at,
            )
            for kind, target in (
                (EvidenceKind.SNAPSHOT, snapshot_id),
                (EvidenceKind.RESPONSE, response_id),
            )
        )


async def dev_key(edge: Edge, role: Role = Role.ADMIN) -> str:
    """A server key of the environment dev."""
    async with edge.database.sessions.begin() as session:
        dev = await tenancy.create_environment(
            session,
            project_id=edge.tenant.project.id,
            key="dev",
            name="Dev",
            secret=secrets.token_urlsafe(32),
        )
        issued = await keys.issue(
            session, environment_id=dev.id, kind=KeyKind.SERVER, role=role, name="dev"
        )
    return issued.text


READS: dict[str, tuple[str, Any, Any]] = {
    "an experiment": (
        EXPERIMENT,
        {"phases": 1, "results": 1, "resultsHistory": 1},
        {"phases": 0, "results": 0, "resultsHistory": 0},
    ),
    "a list of experiments": (
        LISTED,
        {"experiments": [{"phases": 1, "results": 1}]},
        {"experiments": [{"phases": 0, "results": 0}]},
    ),
    "a survey": (
        SURVEY,
        {"responses": 1, "summary": {"responses": 1, "partials": 0}},
        {"responses": 0, "summary": {"responses": 0, "partials": 0}},
    ),
    "feedback": (
        FEEDBACK,
        {"feedback": [{"response": 1}]},
        {"feedback": [{"response": 0}]},
    ),
    "evidence": (
        EVIDENCE,
        {"SNAPSHOT": "ExperimentResults", "RESPONSE": "SurveyResponse"},
        {"SNAPSHOT": None, "RESPONSE": None},
    ),
}


def gist(name: str, data: dict[str, Any]) -> Any:
    """An answer in the form that READS writes it down in."""

    def many(found: Any) -> int:
        if isinstance(found, list):
            return len(found)
        return 0 if found is None else len(found.get("edges", [found]))

    if name == "an experiment":
        return {field: many(found) for field, found in data["experiment"].items()}
    if name == "a survey":
        survey = data["survey"]
        return survey | {"responses": many(survey["responses"])}
    if name == "evidence":
        (insight,) = data["insights"]["edges"]
        return {
            edge["node"]["kind"]: (edge["node"]["target"] or {}).get("__typename")
            for edge in insight["node"]["evidence"]["edges"]
        }
    return {
        field: [
            {inner: many(found) for inner, found in edge["node"].items()}
            for edge in listed["edges"]
        ]
        for field, listed in data.items()
    }


@pytest.mark.parametrize("name", READS)
async def test_a_key_of_one_environment_sees_nothing_of_another(
    edge: Edge, name: str
) -> None:
    dev = (await rows(edge)).dev
    query, inside, outside = READS[name]
    own, other = [await edge.ask(query, key=key) for key in (None, dev)]
    assert gist(name, own["data"]) == inside
    assert gist(name, other["data"]) == outside


async def test_an_id_of_another_environment_finds_nothing(edge: Edge) -> None:
    found = await rows(edge)
    ids = [
        global_id("ExperimentResults", found.snapshot),
        global_id("SurveyResponse", found.response),
    ]
    own, other = [await edge.ask(NODES, key=key, ids=ids) for key in (None, found.dev)]
    assert [node["id"] for node in own["data"]["nodes"]] == ids
    assert other["data"]["nodes"] == [None, None]
    for one in ids:
        answer = await edge.ask(NODE, key=found.dev, id=one)
        assert answer["data"]["node"] is None
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_what_is_followed_in_one_environment_is_not_told_in_another(
    edge: Edge,
) -> None:
    dev = (await rows(edge)).dev
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.viewer)
        await talk.subscribe("a", FOLLOW)
        assert (await talk.hear())["type"] == "next"
    async with talking(edge) as talk:
        await talk.begin(dev)
        await talk.subscribe("a", FOLLOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await talk.hear()


async def test_a_reviewer_accepts_in_the_environment_that_they_look_at(
    edge: Edge,
) -> None:
    found = await rows(edge, BROKEN[1])
    given = {
        "idempotencyKey": "a",
        "snapshotId": global_id("ExperimentResults", found.snapshot),
        "reason": "Bots.",
    }
    session = await cookie(edge, Role.REVIEWER)
    answers = []
    for environment in ("dev", "production"):
        response = await edge.client.post(
            "/graphql",
            json={"query": ACCEPT, "variables": {"input": given}},
            headers=session | {"x-hone-environment": environment},
        )
        answers.append(response.json()["data"]["acknowledgeInvalidResults"])
    assert (answers[0]["code"], answers[0]["path"]) == ("NOT_FOUND", ["snapshotId"])
    assert answers[1]["__typename"] == "ResultsPayload"


async def test_what_runs_in_one_environment_is_changed_from_nowhere_else(
    edge: Edge,
) -> None:
    begun = await started(edge)
    dev = await dev_key(edge)
    step = {
        "experiment": {"key": begun["key"]},
        "expectedVersion": begun["version"],
        "idempotencyKey": "x",
    }
    reasoned = step | {"reason": "Slow."}
    for name, given in (
        ("pauseExperiment", reasoned | {"mode": "PAUSE_SERVING"}),
        ("stopExperiment", reasoned),
        ("updateExperiment", step | {"coverage": 1.0}),
    ):
        document = CHANGE % (name[0].upper() + name[1:], name, "")
        answer = await edge.ask(document, key=dev, input=given)
        refused = answer["data"][name]
        assert (refused["__typename"], refused["code"]) == (
            "ForbiddenError",
            "OTHER_ENVIRONMENT",
        )
    assert (await mutate(edge, "stopExperiment", reasoned))["experiment"]["status"]


async def test_a_member_looks_at_one_environment_at_a_time(edge: Edge) -> None:
    await rows(edge)
    _, token = await sign_in(edge.database, edge.tenant.project.id, Role.VIEWER)
    seen = []
    for header in ({}, {"x-hone-environment": "dev"}):
        response = await edge.client.post(
            "/graphql",
            json={"query": EXPERIMENT},
            headers={"cookie": f"hone_session={token}", **header},
        )
        seen.append(gist("an experiment", response.json()["data"]))
    assert seen == list(READS["an experiment"][1:])


async def test_an_environment_is_made_once_and_is_not_production(edge: Edge) -> None:
    given = {"idempotencyKey": "e", "key": "dev", "name": "Development"}
    answers = [
        (await edge.ask(CREATE, input=each))["data"]["createEnvironment"]
        for each in (given, given, given | {"idempotencyKey": "f"})
    ]
    assert answers[0]["environment"] == {
        "key": "dev",
        "name": "Development",
        "production": False,
    }
    assert [answer.get("replayed") for answer in answers] == [False, True, None]
    assert (answers[2]["code"], answers[2]["path"]) == ("KEY_TAKEN", ["key"])
    listed = await edge.ask("{ project { environments { key } } }")
    found = [one["key"] for one in listed["data"]["project"]["environments"]]
    assert found == ["production", "dev"]


@pytest.mark.parametrize("key", ["", "Dev", "1dev", "d v", "d" * 65, "dév"])
async def test_an_environments_key_is_plain(edge: Edge, key: str) -> None:
    given = {"idempotencyKey": "e", "key": key, "name": "Development"}
    answer = (await edge.ask(CREATE, input=given))["data"]["createEnvironment"]
    assert (answer["__typename"], answer["path"]) == ("ValidationError", ["key"])


async def test_a_project_has_a_bounded_number_of_environments(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "MAX_ENVIRONMENTS", 2)
    codes = []
    for key in ("dev", "staging"):
        given = {"idempotencyKey": key, "key": key, "name": key}
        answer = (await edge.ask(CREATE, input=given))["data"]["createEnvironment"]
        codes.append(answer["__typename"])
    assert codes == ["CreateEnvironmentPayload", "ValidationError"]


async def test_only_an_administrator_makes_an_environment(edge: Edge) -> None:
    given = {"idempotencyKey": "e", "key": "dev", "name": "Dev"}
    answer = await edge.ask(CREATE, key=edge.tenant.viewer, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
