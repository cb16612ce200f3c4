"""Documents and inputs that the tests of surveys and feedback share."""

from typing import Any

from tests.api.conftest import Edge

QUESTIONS: list[dict[str, Any]] = [
    {"key": "score", "kind": "NPS", "prompt": "Would you recommend us?"},
    {"key": "why", "kind": "TEXT", "prompt": "Why?"},
]
SURVEY: dict[str, Any] = {
    "idempotencyKey": "draft",
    "key": "nps-why",
    "title": "Why that score",
    "questions": QUESTIONS,
}
CHANGE = """
mutation ($input: %sInput!) {
  %s(input: $input) {
    __typename
    ... on SurveyPayload { replayed survey { id key status version publishedNumber } }
    ... on Error { code message path }
    ... on ConflictError { currentVersion }
  }
}
"""
SUBMIT = """
mutation ($input: SubmitResponseInput!) {
  submitResponse(input: $input) {
    __typename
    ... on SubmitResponsePayload { responseId revision completed changed replayed }
    ... on Error { code message path }
  }
}
"""
RECORD = """
mutation ($input: RecordFeedbackInput!) {
  recordFeedback(input: $input) {
    __typename
    ... on RecordFeedbackPayload { feedbackId created replayed }
    ... on Error { code message path }
  }
}
"""
ANSWERS: dict[str, Any] = {
    "idempotencyKey": "s1",
    "surveyKey": "nps-why",
    "submissionId": "s1",
    "answers": [
        {"questionKey": "score", "value": 9},
        {
            "questionKey": "why",
            "value": "I cannot find the cart, call +44 20 7946 0958",
        },
    ],
}


async def mutate(
    edge: Edge, document: str, given: dict[str, Any], *, key: str | None = None
) -> dict[str, Any]:
    """The one field of a mutation's answer."""
    answer = await edge.ask(document, key=key, input=given)
    assert "errors" not in answer, answer
    (field,) = answer["data"].values()
    found: dict[str, Any] = field
    return found


async def change(edge: Edge, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """One of the mutations of a survey."""
    document = CHANGE % (name[0].upper() + name[1:], name)
    return await mutate(edge, document, {"idempotencyKey": name, **given})


async def published(edge: Edge, **definition: Any) -> dict[str, Any]:
    """A live survey."""
    drafted = (await change(edge, "createSurvey", SURVEY | definition))["survey"]
    answer = await change(
        edge,
        "publishSurvey",
        {"id": drafted["id"], "expectedVersion": drafted["version"]},
    )
    survey: dict[str, Any] = answer["survey"]
    return survey
