"""Prepared documents: the same bytes as the executor, for whoever may have them."""

import httpx
import pytest

from api.prepared.plans import MAX_SHAPES
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


async def test_a_document_of_many_conditions_is_prepared_for_some_of_their_values(
    edge: Edge,
) -> None:
    await started(edge)
    names = [f"f{number}" for number in range(6)]
    conditions = ", ".join(f"${name}: Boolean!" for name in names)
    fields = ("experimentKey", "variant", "value", "reason", "cause", "phase")
    chosen = " ".join(
        f"{field} @include(if: ${name})"
        for field, name in zip(fields, names, strict=True)
    )
    query = f"""query Many($subject: SubjectInput!, {conditions}) {{
      assignments(subject: $subject) {{ etag assignments {{ inExperiment {chosen} }} }}
    }}"""

    async def asked(number: int) -> httpx.Response:
        flags = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        variables = {"subject": {"userId": "u1"}, **flags}
        body = {"query": query, "variables": variables}
        return await send(edge, body, key=edge.tenant.client)

    for _ in range(3):
        await asked(0)
    before = prepared(edge)
    for number in range(2 ** len(names)):
        found = (await asked(number)).json()["data"]["assignments"]["assignments"]
        shown = {field for at, field in enumerate(fields) if number >> at & 1}
        assert all(set(each) == shown | {"inExperiment"} for each in found)
    assert prepared(edge) - before == MAX_SHAPES
