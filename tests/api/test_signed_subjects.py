"""With a client key, a person is named only by a token of the customer's server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.subject_token import SignedSubject, sign
from tests.api.conftest import Edge
from tests.api.surveys import published

pytestmark = pytest.mark.stores

ROTATE = """
mutation ($key: ID!) {
  rotateSubjectSecret(input: {idempotencyKey: $key}) {
    ... on RotateSubjectSecretPayload { secret replayed }
  }
}
"""
RECORD = """
mutation ($subject: SubjectInput!, $key: ID!) {
  recordFeedback(
    input: {idempotencyKey: $key, body: "Slow.", source: WIDGET, subject: $subject}
  ) {
    __typename
    ... on Error { code message }
  }
}
"""


CLAIM = """
mutation ($subject: SubjectInput!, $key: ID!) {
  claimSurveyDisplay(
    input: {idempotencyKey: $key, surveyKey: "nps-why", subject: $subject}
  ) {
    ... on ClaimSurveyDisplayPayload { claimed }
    ... on Error { code }
  }
}
"""


async def _rotated(edge: Edge, key: str = "r") -> dict[str, Any]:
    body = {"query": ROTATE, "variables": {"key": key}}
    answer: dict[str, Any] = (await edge.send(body)).json()["data"]
    return dict(answer["rotateSubjectSecret"])


def _token(secret: str, user: str | None = "u1", account: str | None = None) -> str:
    soon = datetime.now(UTC) + timedelta(hours=1)
    return sign(secret, SignedSubject(user, account, soon))


async def _record(edge: Edge, subject: dict[str, str], token: str, key: str) -> str:
    response: httpx.Response = await edge.client.post(
        "/graphql",
        json={"query": RECORD, "variables": {"subject": subject, "key": key}},
        headers={
            "authorization": f"Bearer {edge.tenant.client}",
            "x-hone-subject": token,
        },
    )
    result = response.json()["data"]["recordFeedback"]
    code: str = result.get("code", result["__typename"])
    return code


async def test_a_token_lets_a_page_name_its_own_person(edge: Edge) -> None:
    secret = (await _rotated(edge))["secret"]
    token = _token(secret, "u1", "a1")
    assert await _record(edge, {"userId": "u1"}, token, "1") == "RecordFeedbackPayload"
    both = {"userId": "u1", "accountId": "a1"}
    assert await _record(edge, both, token, "2") == "RecordFeedbackPayload"
    nobody = {"anonymousId": "visitor"}
    assert await _record(edge, nobody, "", "3") == "RecordFeedbackPayload"


async def test_nobody_else_is_named(edge: Edge) -> None:
    secret = (await _rotated(edge))["secret"]
    assert await _record(edge, {"userId": "u1"}, "", "1") == "FORBIDDEN"
    assert await _record(edge, {"userId": "u2"}, _token(secret), "2") == "FORBIDDEN"
    account = {"userId": "u1", "accountId": "a1"}
    assert await _record(edge, account, _token(secret), "3") == "FORBIDDEN"
    forged = _token("x" * 32)
    assert await _record(edge, {"userId": "u1"}, forged, "4") == "SUBJECT_TOKEN_INVALID"


async def test_a_new_secret_ends_old_tokens_and_is_shown_once(edge: Edge) -> None:
    first = await _rotated(edge)
    assert await _rotated(edge) == {"secret": None, "replayed": True}
    token = _token(first["secret"])
    second = await _rotated(edge, "again")
    assert second["secret"] != first["secret"]
    assert await _record(edge, {"userId": "u1"}, token, "1") == "SUBJECT_TOKEN_INVALID"


async def _claim(edge: Edge, subject: dict[str, str], key: str, **headers: str) -> Any:
    """Whether a showing was claimed, or why not; with a browser's key unless told."""
    response = await edge.client.post(
        "/graphql",
        json={"query": CLAIM, "variables": {"subject": subject, "key": key}},
        headers={"x-api-key": edge.tenant.client} | headers,
    )
    (found,) = response.json()["data"]["claimSurveyDisplay"].values()
    return found


async def test_nobody_starts_another_persons_rest(edge: Edge) -> None:
    await published(edge)
    token = _token((await _rotated(edge))["secret"], "u1", "a1")
    signed = {"x-hone-subject": token}
    server = {"x-api-key": edge.tenant.admin}
    assert await _claim(edge, {"userId": "u1"}, "1") == "FORBIDDEN"
    assert await _claim(edge, {"userId": "u2"}, "2", **signed) == "FORBIDDEN"
    assert await _claim(edge, {"userId": "u1"}, "3", **signed) is True
    assert await _claim(edge, {"userId": "u2"}, "4", **server) is True
    assert await _claim(edge, {"anonymousId": "visitor"}, "5") is True
