"""Feedback, its tags and the backlog through the edge."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.subjects import SubjectContext
from feedback import backlog, distillation, rules, tags
from feedback.insights import VerdictFacts
from feedback.service import harvest
from surveys.handoff import mark_harvested, take_unharvested
from tests.api.conftest import Edge, Tenant
from tests.api.surveys import ANSWERS, RECORD, SUBMIT, mutate, published

pytestmark = pytest.mark.stores

COMMENT = {"idempotencyKey": "c1", "body": "I cannot find the cart", "source": "API"}
TAG = """
mutation ($input: CreateTagInput!) { createTag(input: $input) {
  ... on TagPayload { tag { id slug } } ... on Error { code } } }
"""
RULE = """
mutation ($input: CreateTagRuleInput!) { createTagRule(input: $input) {
  ... on TagRulePayload { ruleId } ... on Error { code path } } }
"""
REVIEW = """
mutation ($input: ReviewTagSuggestionsInput!) { reviewTagSuggestions(input: $input) {
  ... on AppliedTagsPayload { applied { id state decidedBy } }
  ... on Error { code path } } }
"""
HAND = """
mutation ($input: TagFeedbackInput!) { tagFeedback(input: $input) {
  ... on AppliedTagsPayload { applied { state origin } } ... on Error { code path } } }
"""
IMPORT = """
mutation ($input: ImportFeedbackInput!) { importFeedback(input: $input) {
  ... on ImportFeedbackPayload {
    created unchanged dryRun rejected { line code message } }
  ... on Error { code path } } }
"""
LIST = """
query ($filter: FeedbackFilterInput, $first: Int, $after: String) {
  feedback(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { id body source userId
      tags { state reason span { start end } tag { slug } }
      response { submissionId } } }
  }
}
"""
SUGGESTIONS = """{ tagSuggestions { edges { node {
  id reason tag { slug counts { suggested accepted } } feedback { body } } } } }"""
INSIGHT = """
mutation ($input: CreateInsightInput!) { createInsight(input: $input) {
  ... on InsightPayload { insight { id kind author producedBy { rule } } }
  ... on Error { code path } } }
"""
MOVE = """
mutation ($input: TransitionBacklogItemInput!) { transitionBacklogItem(input: $input) {
  ... on BacklogItemPayload { item { state version allowedTransitions } }
  ... on Error { code path } ... on TransitionError { from to } } }
"""
ROUTING = """
mutation ($input: CreateRoutingRuleInput!) { createRoutingRule(input: $input) {
  ... on RoutingRulePayload { rule { name } wouldRoute { title insight { kind } } }
  ... on Error { code path } } }
"""
CHAIN = """
query Chain($id: ID!) {
  backlogItem(id: $id) {
    key title state score { value accounts impact confidence effort }
    insights(first: 5) { edges { node {
      kind statement confidence producedBy { rule version inputsHash }
      evidence(first: 25) { totalCount edges { node {
        kind quote addedBy addedAt
        target {
          __typename
          ... on Feedback { source accountId tags { state tag { slug } } }
          ... on SurveyResponse { version survey { key } answeredAt }
          ... on Tag { slug }
          ... on Experiment { key }
          ... on ExperimentResults { headline }
        } } } } } } }
    experiments { key decision { outcome } }
  }
}
"""


async def listed(edge: Edge, **variables: Any) -> dict[str, Any]:
    answer = await edge.ask(LIST, **variables)
    assert "errors" not in answer, answer
    page: dict[str, Any] = answer["data"]["feedback"]
    return page


async def with_cart_rule(edge: Edge, *, accepts: bool = False) -> None:
    await mutate(
        edge, TAG, {"idempotencyKey": "t", "slug": "cart", "name": "Lost cart"}
    )
    rule = {"tag": "cart", "phrases": ["find the cart"], "accepts": accepts}
    await mutate(edge, RULE, {"idempotencyKey": "r", **rule})


async def read_by_rules(edge: Edge) -> None:
    """What the worker does."""
    async with edge.database.sessions.begin() as session:
        for answer in await take_unharvested(session, limit=50):
            await harvest(
                session,
                project_id=answer.project_id,
                environment_id=answer.environment_id,
                answer_id=answer.answer_id,
                response_id=answer.response_id,
                text=answer.text or "",
                subject=SubjectContext(answer.user_id, None, answer.account_id),
                assignments_at=answer.assignments_at,
                said_at=answer.answered_at,
            )
            await mark_harvested(session, [answer.answer_id])
        for comment in await tags.take_unread(session, limit=50):
            await tags.suggest_tags(session, comment)
        await distillation.cross_thresholds(session, limit=50)
        for insight in await backlog.take_unrouted(session, limit=50):
            await backlog.route(session, insight)


async def test_a_comment_is_kept_once_without_its_phone_number(edge: Edge) -> None:
    given = COMMENT | {"body": "Call +44 20 7946 0958", "externalId": "x1"}
    first = await mutate(edge, RECORD, given)
    again = await mutate(edge, RECORD, given)
    other_key = await mutate(edge, RECORD, given | {"idempotencyKey": "c2"})
    assert first["created"] is True
    assert again == first | {"replayed": True}
    assert (other_key["feedbackId"], other_key["created"]) == (
        first["feedbackId"],
        False,
    )
    page = await listed(edge)
    assert page["totalCount"] == 1
    assert page["edges"][0]["node"]["body"] == "Call [phone]"


async def test_a_browser_sends_only_nameless_widget_feedback(edge: Edge) -> None:
    client = edge.tenant.client
    for extra in (
        {"source": "API"},
        {"source": "WIDGET", "subject": {"userId": "u1"}},
    ):
        refused = await mutate(edge, RECORD, COMMENT | extra, key=client)
        assert refused["code"] == "FORBIDDEN"
    kept = await mutate(edge, RECORD, COMMENT | {"source": "WIDGET"}, key=client)
    assert kept["created"] is True
    hidden = await edge.ask(LIST, key=client)
    assert hidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_import_names_its_bad_lines_and_adds_nothing_twice(edge: Edge) -> None:
    items = [
        {"body": f"Ticket {n}", "externalId": f"T-{n}", "source": "TICKET"}
        for n in range(5)
    ]
    items[1]["body"] = "  "
    items[3]["externalUrl"] = "javascript:alert(1)"
    scope = {"items": items, "idempotencyKey": "dry", "dryRun": True}
    dry = await mutate(edge, IMPORT, scope)
    assert (dry["created"], dry["dryRun"]) == (3, True)
    assert [one["line"] for one in dry["rejected"]] == [2, 4]
    assert (await listed(edge))["totalCount"] == 0
    real = await mutate(edge, IMPORT, {"items": items, "idempotencyKey": "one"})
    assert (real["created"], real["unchanged"]) == (3, 0)
    again = await mutate(edge, IMPORT, {"items": items, "idempotencyKey": "two"})
    assert (again["created"], again["unchanged"]) == (0, 3)
    assert (await listed(edge))["totalCount"] == 3


async def test_suggestions_are_reviewed_in_one_step(edge: Edge) -> None:
    await with_cart_rule(edge)
    for number in range(3):
        await mutate(edge, RECORD, COMMENT | {"idempotencyKey": f"c{number}"})
    await read_by_rules(edge)
    found = await edge.ask(SUGGESTIONS)
    nodes = [one["node"] for one in found["data"]["tagSuggestions"]["edges"]]
    assert {one["reason"] for one in nodes} == {"The text says “find the cart”."}
    assert nodes[0]["tag"]["counts"] == {"suggested": 3, "accepted": 0}
    ids = [one["id"] for one in nodes]
    decided = await mutate(
        edge,
        REVIEW,
        {"idempotencyKey": "v", "accept": ids[:2], "reject": ids[2:]},
    )
    assert sorted(one["state"] for one in decided["applied"]) == [
        "ACCEPTED",
        "ACCEPTED",
        "REJECTED",
    ]
    assert (await listed(edge, filter={"tags": ["cart"]}))["totalCount"] == 2
    assert (await listed(edge, filter={"untagged": True}))["totalCount"] == 1
    wrong = {"idempotencyKey": "w", "accept": [nodes[0]["id"][:-4] + "AAA="]}
    assert (await mutate(edge, REVIEW, wrong))["code"] == "NOT_FOUND"


async def test_a_tag_is_put_on_by_hand(edge: Edge) -> None:
    await with_cart_rule(edge)
    kept = await mutate(edge, RECORD, COMMENT)
    given = {"idempotencyKey": "h", "feedbackId": kept["feedbackId"], "tag": "cart"}
    tagged = await mutate(edge, HAND, given)
    assert tagged["applied"] == [{"state": "ACCEPTED", "origin": "HUMAN"}]
    missing = await mutate(edge, HAND, given | {"idempotencyKey": "i", "tag": "x"})
    assert (missing["code"], missing["path"]) == ("NOT_FOUND", ["tag"])


async def test_feedback_is_paged_without_gaps(edge: Edge) -> None:
    for number in range(5):
        await mutate(edge, RECORD, COMMENT | {"idempotencyKey": f"c{number}"})
    seen: list[str] = []
    after = None
    while True:
        page = await listed(edge, first=2, after=after)
        seen += [one["node"]["id"] for one in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 5


async def test_themes_are_an_empty_page_until_they_are_built(edge: Edge) -> None:
    answer = await edge.ask("{ themes { edges { node { title } } } }")
    assert answer["data"]["themes"]["edges"] == []


async def test_one_query_tells_the_whole_chain(edge: Edge) -> None:
    async with edge.database.sessions.begin() as session:
        await rules.bootstrap(session, edge.tenant.project.id)
    await with_cart_rule(edge, accepts=True)
    await published(edge)
    await mutate(edge, SUBMIT, ANSWERS | {"subject": {"userId": "u", "accountId": "a"}})
    for number in range(5):
        said = {"idempotencyKey": f"c{number}", "subject": {"accountId": f"a{number}"}}
        await mutate(edge, RECORD, COMMENT | said)
    await read_by_rules(edge)
    await read_by_rules(edge)
    items = await edge.ask("{ backlogItems { edges { node { id key } } } }")
    ((item,),) = [items["data"]["backlogItems"]["edges"]]
    answer = await edge.ask(CHAIN, id=item["node"]["id"])
    assert "errors" not in answer, answer
    chain = answer["data"]["backlogItem"]
    assert (chain["key"], chain["title"], chain["state"]) == (
        "BL-1",
        "Look into “Lost cart”",
        "PROPOSED",
    )
    assert chain["score"]["accounts"] == 6
    (insight,) = [one["node"] for one in chain["insights"]["edges"]]
    assert insight["statement"] == (
        "6 accounts spoke of “Lost cart” in 14 days (6 comments)."
    )
    assert insight["producedBy"]["rule"] == "many voices to insight"
    assert insight["evidence"]["totalCount"] == 7
    quotes = {one["node"]["quote"] for one in insight["evidence"]["edges"]}
    assert quotes == {
        None,
        "I cannot find the cart",
        "I cannot find the cart, call [phone]",
    }
    kinds = {
        one["node"]["target"]["__typename"] for one in insight["evidence"]["edges"]
    }
    assert kinds == {"Feedback", "Tag"}


async def test_a_person_writes_an_insight_on_evidence_of_the_project(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    kept = await mutate(edge, RECORD, COMMENT)
    given = {
        "idempotencyKey": "i",
        "statement": "The cart is hidden.",
        "evidenceIds": [kept["feedbackId"]],
    }
    written = await mutate(edge, INSIGHT, given)
    assert (written["insight"]["kind"], written["insight"]["producedBy"]) == (
        "MANUAL",
        None,
    )
    rival = await other_tenant()
    stolen = await mutate(edge, INSIGHT, given, key=rival.admin)
    assert (stolen["code"], stolen["path"]) == ("NOT_FOUND", ["evidenceIds"])


async def test_an_item_moves_and_a_rule_is_tried_on_history(edge: Edge) -> None:
    project, environment = edge.tenant.project, edge.tenant.environment
    async with edge.database.sessions.begin() as session:
        await rules.bootstrap(session, project.id)
        await distillation.create_insight_from_verdict(
            session,
            project_id=project.id,
            environment_id=environment.id,
            facts=VerdictFacts(
                experiment_id=project.id,
                experiment_key="gate",
                phase=1,
                snapshot_id=environment.id,
                inputs_hash="0" * 64,
                verdict="LOSS",
                recommendation="DONT_SHIP",
                headline="Do not move the gate.",
                metric="retention-7",
            ),
        )
    await read_by_rules(edge)
    trial = {
        "idempotencyKey": "d",
        "name": "gates",
        "condition": {"experiment": "gate"},
        "title": "Gate: {recommendation}",
        "dryRun": True,
    }
    tried = await mutate(edge, ROUTING, trial)
    assert tried == {
        "rule": None,
        "wouldRoute": [{"title": "Gate: DONT_SHIP", "insight": {"kind": "VERDICT"}}],
    }
    bad = await mutate(edge, ROUTING, trial | {"idempotencyKey": "b", "condition": 3})
    assert bad["code"] == "CONDITION_INVALID"
    kept = await mutate(edge, ROUTING, trial | {"idempotencyKey": "k", "dryRun": False})
    for dry in (True, False):
        again = {"idempotencyKey": f"again-{dry}", "dryRun": dry}
        taken = await mutate(edge, ROUTING, trial | again)
        assert (taken["code"], taken["path"]) == ("RULE_NAME_TAKEN", ["name"])
    assert kept["rule"] == {"name": "gates"}
    query = "{ backlogItems { edges { node { id title } } } routingRules { name } }"
    found = (await edge.ask(query))["data"]
    (item,) = [one["node"] for one in found["backlogItems"]["edges"]]
    assert item["title"] == "gate: Do not move the gate."
    assert [rule["name"] for rule in found["routingRules"]] == [
        "verdict to backlog",
        "tag threshold to backlog",
        "gates",
    ]
    step = {"id": item["id"], "expectedVersion": 1}
    illegal = await mutate(
        edge, MOVE, step | {"idempotencyKey": "1", "to": "CLOSED_LOOP"}
    )
    assert (illegal["from"], illegal["to"]) == ("PROPOSED", "CLOSED_LOOP")
    silent = await mutate(edge, MOVE, step | {"idempotencyKey": "2", "to": "DECLINED"})
    assert silent["code"] == "REASON_REQUIRED"
    moved = await mutate(edge, MOVE, step | {"idempotencyKey": "3", "to": "PLANNED"})
    assert (moved["item"]["state"], moved["item"]["version"]) == ("PLANNED", 2)
