"""More writers at once than the facts store has connections."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.conftest import Edge
from tests.api.experiments import started
from tests.api.surveys import ANSWERS, RECORD, SUBMIT, mutate, published

pytestmark = pytest.mark.stores

CROWD = 40
TARGETING = {"plan": "pro"}
INSIGHT = """
mutation ($input: CreateInsightInput!) {
  createInsight(input: $input) {
    __typename
    ... on InsightPayload { replayed }
    ... on Error { code message path }
  }
}
"""


@pytest.fixture
def greedy(edge: Edge) -> Iterator[list[str]]:
    """The tasks that took a second connection while they held one."""
    held: Counter[asyncio.Task[Any] | None] = Counter()
    holders: dict[object, asyncio.Task[Any] | None] = {}
    found: list[str] = []

    def taken(_connection: object, record: object, _proxy: object) -> None:
        task = asyncio.current_task()
        holders[record] = task
        held[task] += 1
        if held[task] > 1:
            found.append(str(task))

    def returned(_connection: object, record: object) -> None:
        held[holders.pop(record, None)] -= 1

    pool = edge.database.engine.sync_engine.pool
    event.listen(pool, "checkout", taken)
    event.listen(pool, "checkin", returned)
    yield found
    event.remove(pool, "checkout", taken)
    event.remove(pool, "checkin", returned)


async def crowd(edge: Edge, document: str, given: list[dict[str, Any]]) -> list[str]:
    """All at once; what each came to."""
    answers = await asyncio.gather(*(mutate(edge, document, one) for one in given))
    return [answer["__typename"] for answer in answers]


async def test_a_crowd_of_responses_waits_for_no_connection(
    edge: Edge, greedy: list[str]
) -> None:
    await started(edge, targeting=TARGETING)
    await published(edge)
    given = [
        ANSWERS
        | {"idempotencyKey": f"k{n}", "submissionId": f"s{n}"}
        | {"subject": {"userId": f"u{n}"}}
        for n in range(CROWD)
    ]
    assert set(await crowd(edge, SUBMIT, given)) == {"SubmitResponsePayload"}
    assert greedy == []


async def test_a_crowd_of_comments_waits_for_no_connection(
    edge: Edge, greedy: list[str]
) -> None:
    await started(edge, targeting=TARGETING)
    given = [
        {"idempotencyKey": f"k{n}", "body": "Slow", "subject": {"userId": f"u{n}"}}
        for n in range(CROWD)
    ]
    assert set(await crowd(edge, RECORD, given)) == {"RecordFeedbackPayload"}
    assert greedy == []


async def test_a_crowd_of_insights_waits_for_no_connection(
    edge: Edge, greedy: list[str]
) -> None:
    said = await mutate(edge, RECORD, {"idempotencyKey": "c", "body": "Slow"})
    given = [
        {
            "idempotencyKey": f"k{n}",
            "statement": f"Reports are slow, {n}",
            "evidenceIds": [said["feedbackId"]],
        }
        for n in range(CROWD)
    ]
    assert set(await crowd(edge, INSIGHT, given)) == {"InsightPayload"}
    assert greedy == []
