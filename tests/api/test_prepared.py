"""Prepared documents: the same bytes as the executor, for whoever may have them."""

import httpx
import pytest

from tests.api.conftest import Edge
from tests.api.experiments import started

pytestmark = pytest.mark.stores

DAY_ONE = """
query Assignments($subject: SubjectInput!) {
  assignments(subject: $subject) {
    etag
    assignments { experimentKey variant value reason inExperiment }
  }
}
"""


async def send(edge: Edge, body: object, *, key: str, **headers: str) -> httpx.Response:
    return await edge.client.post(
        "/graphql", json=body, headers={"authorization": f"Bearer {key}", **headers}
    )


def prepared(edge: Edge) -> float:
    """How many requests were answered from a plan."""
    registry = edge.app.state.services.measures.registry
    found = registry.get_sample_value("hone_prepared_documents_total", {"by": "text"})
    return found or 0.0


async def test_a_document_that_repeats_is_prepared_and_answers_the_same(
    edge: Edge,
) -> None:
    await started(edge)
    body = {"query": DAY_ONE, "variables": {"subject": {"userId": "u1"}}}
    answers = [await send(edge, body, key=edge.tenant.client) for _ in range(6)]
    assert prepared(edge) > 0
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["content-type"] for answer in answers}) == 1
    assert answers[0].json()["data"]["assignments"]["assignments"]
    for name in ("vary", "x-content-type-options", "access-control-allow-origin"):
        assert answers[0].headers[name] == answers[-1].headers[name]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 6
