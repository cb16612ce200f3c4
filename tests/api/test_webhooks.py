"""Webhook receivers, their messages, and subjects' traits at the API."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlmodel import select

from core import delivery
from core.delivery import Delivery, DeliveryStatus, Endpoint
from tests.api.conftest import Edge, Tenant

pytestmark = pytest.mark.stores

CREATE = """
mutation ($url: String!, $kinds: [String!]!, $key: ID!) {
  createWebhookEndpoint(input: {idempotencyKey: $key, url: $url, kinds: $kinds}) {
    __typename
    ... on CreateWebhookEndpointPayload {
      secret replayed endpoint { id url kinds enabled }
    }
    ... on Error { code path }
  }
}
"""
ENABLE = """
mutation ($id: ID!, $enabled: Boolean!, $key: ID!) {
  setWebhookEndpointEnabled(input: {idempotencyKey: $key, id: $id, enabled: $enabled}) {
    __typename
    ... on SetWebhookEndpointEnabledPayload { endpoint { enabled } }
    ... on Error { code }
  }
}
"""
REPLAY = """
mutation ($id: ID!, $key: ID!) {
  replayWebhookDelivery(input: {idempotencyKey: $key, id: $id}) {
    __typename
    ... on ReplayWebhookDeliveryPayload { delivery { status nextAttemptAt } }
    ... on Error { code }
  }
}
"""
LIST = (
    "{ webhookEndpoints { id url } webhookDeliveries { edges { node { id status } } } }"
)
IDENTIFY = """
mutation ($subject: SubjectInput!, $key: ID!) {
  identify(input: {idempotencyKey: $key, subject: $subject}) {
    __typename
    ... on IdentifyPayload { traits replayed }
    ... on Error { code }
  }
}
"""
PUBLIC = "https://8.8.8.8/hooks"


async def _create(edge: Edge, url: str = PUBLIC, key: str = "k") -> dict[str, Any]:
    return await _do(
        edge,
        CREATE,
        {"url": url, "kinds": ["backlog_item.created"], "key": key},
        "createWebhookEndpoint",
    )


async def _do(
    edge: Edge,
    query: str,
    variables: dict[str, Any],
    field: str,
    *,
    key: str | None = None,
) -> dict[str, Any]:
    response = await edge.send({"query": query, "variables": variables}, key=key)
    answer: dict[str, Any] = response.json()["data"][field]
    return answer


async def test_a_secret_is_shown_once(edge: Edge) -> None:
    first, again = await _create(edge), await _create(edge)
    assert first["secret"].startswith("whsec_")
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["secret"] is None
    assert again["endpoint"] == first["endpoint"]
    listed = await edge.ask(LIST)
    assert [row["url"] for row in listed["data"]["webhookEndpoints"]] == [PUBLIC]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://8.8.8.8:6379/",
        "nonsense",
    ],
)
async def test_an_address_inside_is_refused(edge: Edge, url: str) -> None:
    refused = await _create(edge, url)
    assert refused["__typename"] == "ValidationError"
    assert refused["code"] == "ADDRESS_REFUSED"


async def test_only_what_there_is_can_be_told(edge: Edge) -> None:
    variables = {"url": PUBLIC, "kinds": ["everything"], "key": "k"}
    refused = await _do(edge, CREATE, variables, "createWebhookEndpoint")
    assert refused["path"] == ["kinds"]


async def test_a_receiver_of_another_project_is_not_found(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    created = await _create(edge)
    rival = await other_tenant()
    variables = {"id": created["endpoint"]["id"], "enabled": False, "key": "k"}
    field = "setWebhookEndpointEnabled"
    refused = await _do(edge, ENABLE, variables, field, key=rival.admin)
    assert refused["code"] == "NOT_FOUND"
    done = await _do(edge, ENABLE, variables, field)
    assert done["endpoint"] == {"enabled": False}


async def _dead(edge: Edge) -> None:
    async with edge.database.sessions.begin() as session:
        await delivery.enqueue(
            session,
            project_id=edge.tenant.project.id,
            kind="backlog_item.created",
            source_id=edge.tenant.project.id,
            payload={"n": 1},
        )
        row = (await session.exec(select(Delivery))).one()
        row.status, row.failures = DeliveryStatus.DEAD, 10
        session.add(row)


async def test_a_dead_message_is_replayed_once(edge: Edge) -> None:
    await _create(edge)
    await _dead(edge)
    listed = (await edge.ask(LIST))["data"]["webhookDeliveries"]["edges"]
    assert [row["node"]["status"] for row in listed] == ["DEAD"]
    answers = [
        await _do(
            edge,
            REPLAY,
            {"id": listed[0]["node"]["id"], "key": key},
            "replayWebhookDelivery",
        )
        for key in ("first", "second")
    ]
    assert answers[0]["delivery"]["status"] == "PENDING"
    assert answers[0]["delivery"]["nextAttemptAt"] is not None
    assert answers[1]["code"] == "NOT_DEAD"


async def test_a_viewer_adds_no_receiver(edge: Edge) -> None:
    body = {"query": CREATE, "variables": {"url": PUBLIC, "kinds": [], "key": "k"}}
    answer = (await edge.send(body, key=edge.tenant.viewer)).json()
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    async with edge.database.readers() as session:
        assert (await session.exec(select(Endpoint).order_by("id"))).all() == []


async def test_traits_are_kept_and_null_removes_one(edge: Edge) -> None:
    for count, attributes in enumerate([{"plan": "free", "role": "x"}, {"role": None}]):
        subject = {"userId": "u1", "attributes": attributes}
        variables = {"subject": subject, "key": str(count)}
        answer = await _do(edge, IDENTIFY, variables, "identify")
    assert answer["traits"] == {"plan": "free"}


async def test_a_client_key_identifies_nobody(edge: Edge) -> None:
    body = {
        "query": IDENTIFY,
        "variables": {"subject": {"userId": "u1", "attributes": {}}, "key": "k"},
    }
    answer = (await edge.send(body, key=edge.tenant.client)).json()
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
