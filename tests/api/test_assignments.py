"""Assignments through the edge: several in one query, without a write."""

from typing import Any

import pytest
from sqlalchemy import event

from core.subjects import SubjectKind, identify
from tests.api.conftest import Edge
from tests.api.experiments import DRAFT, make_metrics, mutate, started

pytestmark = pytest.mark.stores

ASSIGN = """
query ($subject: SubjectInput!, $keys: [String!], $etag: String) {
  assignments(subject: $subject, keys: $keys, ifNoneMatch: $etag) {
    etag
    assignments {
      experimentKey variant value reason cause inExperiment phase configVersion
      payload { __typename ... on FeatureTreatment { value } }
    }
  }
}
"""
EXPLAIN = """
query ($subject: SubjectInput!) {
  explainAssignment(subject: $subject, key: "short-form") {
    assignment { variant cause inExperiment configVersion phase }
    unitAttribute unitValue hashVersion seed bucket coverage phaseVersion
    ranges { variant start end }
    failed { attribute operator expected actual negated }
  }
}
"""


async def assign(edge: Edge, subject: dict[str, Any], **more: Any) -> Any:
    key = more.pop("key", edge.tenant.client)
    answer = await edge.ask(ASSIGN, key=key, subject=subject, **more)
    assert "errors" not in answer, answer
    return answer["data"]["assignments"]


async def explain(edge: Edge, subject: dict[str, Any], key: str | None = None) -> Any:
    return await edge.ask(EXPLAIN, key=key, subject=subject)


async def know(edge: Edge, user: str, traits: dict[str, Any]) -> None:
    async with edge.database.sessions.begin() as session:
        await identify(
            session,
            environment_id=edge.tenant.environment.id,
            kind=SubjectKind.USER,
            external_id=user,
            traits=traits,
        )


async def test_a_browser_gets_its_variant_typed_and_plain(edge: Edge) -> None:
    await started(edge)
    found = await assign(edge, {"userId": "u1"})
    (only,) = found["assignments"]
    assert only["experimentKey"] == "short-form"
    assert only["variant"] in {"long", "short"}
    assert only["value"] == {"fields": {"long": 9, "short": 3}[only["variant"]]}
    assert only["payload"] == {"__typename": "FeatureTreatment", "value": only["value"]}
    assert (only["reason"], only["cause"]) == ("SPLIT", "SPLIT")
    assert only["inExperiment"] is True
    assert (only["phase"], only["configVersion"]) == (1, 1)


async def test_both_variants_are_given_and_a_subject_keeps_its_own(edge: Edge) -> None:
    await started(edge)
    first = [
        (await assign(edge, {"userId": f"u{n}"}))["assignments"][0]["variant"]
        for n in range(30)
    ]
    again = [
        (await assign(edge, {"userId": f"u{n}"}))["assignments"][0]["variant"]
        for n in range(30)
    ]
    assert first == again
    assert set(first) == {"long", "short"}


async def test_several_experiments_come_in_one_answer_in_the_order_asked(
    edge: Edge,
) -> None:
    await started(edge)
    second = {**DRAFT, "key": "other", "idempotencyKey": "other"}
    await mutate(edge, "createExperiment", second)
    await mutate(
        edge,
        "startExperiment",
        {
            "idempotencyKey": "start-other",
            "experiment": {"key": "other"},
            "expectedVersion": 1,
        },
    )
    found = await assign(
        edge, {"userId": "u1"}, keys=["short-form", "nothing", "other"]
    )
    keys = [each["experimentKey"] for each in found["assignments"]]
    assert keys == ["short-form", "nothing", "other"]
    unknown = found["assignments"][1]
    assert (unknown["reason"], unknown["cause"]) == ("UNKNOWN", "UNKNOWN_EXPERIMENT")
    assert unknown["variant"] is None
    assert unknown["inExperiment"] is False


async def test_an_unchanged_set_is_answered_null(edge: Edge) -> None:
    await started(edge)
    found = await assign(edge, {"userId": "u1"})
    assert await assign(edge, {"userId": "u1"}, etag=found["etag"]) is None
    await mutate(
        edge,
        "stopExperiment",
        {
            "idempotencyKey": "stop",
            "experiment": {"key": "short-form"},
            "expectedVersion": 2,
            "reason": "Enough.",
        },
    )
    stopped = await assign(edge, {"userId": "u1"}, etag=found["etag"])
    (only,) = stopped["assignments"]
    assert (only["variant"], only["reason"]) == ("long", "DISABLED")
    assert (only["cause"], only["inExperiment"]) == ("STOPPED", False)


async def test_asking_writes_nothing_and_reads_no_experiment(edge: Edge) -> None:
    await started(edge)
    await assign(edge, {"userId": "u1"})
    statements: list[str] = []
    event.listen(
        edge.database.engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    for number in range(5):
        await assign(edge, {"userId": f"u{number}"})
    # Who asks may be looked up again meanwhile, in the tables of keys.
    assert [
        each
        for each in statements
        if "api_key" not in each and "environment" not in each
    ] == []


async def test_a_stored_trait_completes_what_was_sent(edge: Edge) -> None:
    await started(edge, targeting={"plan": "free"})
    await know(edge, "u1", {"plan": "free"})
    for subject, cause in (
        ({"userId": "u1"}, "SPLIT"),
        ({"userId": "u1", "attributes": {"plan": "paid"}}, "NOT_TARGETED"),
        ({"userId": "u2"}, "NOT_TARGETED"),
        ({"userId": "u2", "attributes": {"plan": "free"}}, "SPLIT"),
    ):
        (only,) = (await assign(edge, subject))["assignments"]
        assert only["cause"] == cause, subject


async def test_a_browser_cannot_talk_itself_into_another_limit(edge: Edge) -> None:
    limit = {
        "meter": "reports",
        "kind": "STOCK",
        "disclosure": {"text": "Some are free."},
    }
    await started(
        edge,
        treatment="FREEMIUM_LIMIT",
        targeting={"plan": "free"},
        variants=[
            {
                "key": f"of-{value}",
                "weight": 0.5,
                "isControl": value == 100,
                "payload": {"limit": {**limit, "value": value}},
            }
            for value in (100, 60)
        ],
    )
    await know(edge, "u1", {"plan": "paid"})
    sent = {"userId": "u1", "attributes": {"plan": "free"}}
    (browser,) = (await assign(edge, sent))["assignments"]
    (server,) = (await assign(edge, sent, key=edge.tenant.admin))["assignments"]
    assert browser["cause"] == "NOT_TARGETED"
    assert server["cause"] == "SPLIT"


async def test_an_explanation_shows_the_bucket_the_slices_and_what_failed(
    edge: Edge,
) -> None:
    await started(edge, targeting={"plan": "free"}, coverage=0.5)
    subject = {"userId": "u1", "attributes": {"plan": "paid"}}
    answer = await explain(edge, subject)
    found = answer["data"]["explainAssignment"]
    assert found["assignment"]["cause"] == "NOT_TARGETED"
    assert (found["unitAttribute"], found["unitValue"]) == ("id", "u1")
    assert (found["hashVersion"], len(found["seed"])) == (2, 16)
    assert 0 <= found["bucket"] < 1
    assert found["ranges"] == [
        {"variant": "long", "start": 0.0, "end": 0.25},
        {"variant": "short", "start": 0.5, "end": 0.75},
    ]
    assert found["failed"] == {
        "attribute": "plan",
        "operator": "$eq",
        "expected": "free",
        "actual": "paid",
        "negated": False,
    }


async def test_a_browser_is_not_told_how_others_are_assigned(edge: Edge) -> None:
    await started(edge)
    answer = await explain(edge, {"userId": "u1"}, key=edge.tenant.client)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_explaining_what_is_not_served_is_not_found(edge: Edge) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", DRAFT)
    answer = await explain(edge, {"userId": "u1"})
    assert answer["data"] == {"explainAssignment": None}
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_page_load_has_its_assignments_beside_the_rest(edge: Edge) -> None:
    await started(edge)
    query = """query ($subject: SubjectInput!) { viewer(subject: $subject) {
      userId assignments(keys: ["short-form"]) { assignments { variant } } } }"""
    answer = await edge.ask(query, key=edge.tenant.client, subject={"userId": "u1"})
    alone = await assign(edge, {"userId": "u1"})
    (given,) = answer["data"]["viewer"]["assignments"]["assignments"]
    assert given["variant"] == alone["assignments"][0]["variant"]


@pytest.mark.parametrize(
    "subject", [{}, {"userId": ""}, {"userId": "u1", "attributes": [1]}]
)
async def test_a_subject_without_an_id_is_refused(
    edge: Edge, subject: dict[str, Any]
) -> None:
    answer = await edge.ask(ASSIGN, key=edge.tenant.client, subject=subject)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"


@pytest.mark.parametrize("kept", [False, True], ids=["sent", "stored"])
async def test_an_attribute_never_takes_the_place_of_an_id(
    edge: Edge, kept: bool
) -> None:
    await started(edge, targeting={"plan": "pro"})
    claims = {"id": "another", "accountId": "theirs", "plan": "pro"}
    for key, role in ((edge.tenant.client, "page"), (edge.tenant.admin, "server")):
        subject: dict[str, Any] = {"anonymousId": f"visitor-{role}"}
        async with edge.database.sessions.begin() as session:
            await identify(
                session,
                environment_id=edge.tenant.environment.id,
                kind=SubjectKind.ANONYMOUS,
                external_id=subject["anonymousId"],
                traits=claims if kept else {"plan": "pro"},
            )
        if not kept:
            subject["attributes"] = claims
        answer = await explain(edge, subject, edge.tenant.admin)
        explained = answer["data"]["explainAssignment"]
        assert explained["unitAttribute"] == "anonymousId"
        found = await assign(edge, subject, key=key)
        plain = {**subject, "attributes": {"plan": "pro"}}
        alone = await assign(edge, plain, key=key)
        assert found["assignments"] == alone["assignments"]
        assert found["assignments"][0]["cause"] == "SPLIT"
