"""POST /graphql with one noun: keys, pages, repeats and refusals."""

import json
from collections.abc import Awaitable, Callable

import pytest
from graphql import build_client_schema, get_introspection_query

from api.graphql.schema import GRAPHQL
from tests.api.conftest import Edge, Tenant

pytestmark = pytest.mark.stores

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload { apiKey { id prefix role } secret replayed }
    ... on Error { code message path }
  }
}
"""
INPUT = {"idempotencyKey": "k1", "name": "build", "kind": "SERVER", "role": "EDITOR"}


async def test_a_key_is_made_once_and_shown_once(edge: Edge) -> None:
    first = (await edge.ask(CREATE, input=INPUT))["data"]["createApiKey"]
    again = (await edge.ask(CREATE, input=INPUT))["data"]["createApiKey"]
    assert first["secret"].startswith(first["apiKey"]["prefix"])
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["apiKey"] == first["apiKey"]
    assert again["secret"] is None
    listed = await edge.ask("{ project { apiKeys { id } } }")
    assert len(listed["data"]["project"]["apiKeys"]) == 4


async def test_the_same_key_with_another_input_is_a_conflict(edge: Edge) -> None:
    await edge.ask(CREATE, input=INPUT)
    other = await edge.ask(CREATE, input={**INPUT, "name": "deploy"})
    assert other["data"]["createApiKey"]["__typename"] == "IdempotencyError"
    assert other["data"]["createApiKey"]["code"] == "IDEMPOTENCY_CONFLICT"


async def test_a_viewer_makes_no_key(edge: Edge) -> None:
    answer = await edge.ask(CREATE, key=edge.tenant.viewer, input=INPUT)
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_page_names_the_next_one(edge: Edge) -> None:
    for name in ("a", "b", "c"):
        await edge.ask(CREATE, input={**INPUT, "idempotencyKey": name, "name": name})
    query = """query ($after: String) { auditLog(first: 2, after: $after) {
      edges { node { id action subjectId } } pageInfo { hasNextPage endCursor } } }"""
    page = (await edge.ask(query))["data"]["auditLog"]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = await edge.ask(query, after=page["pageInfo"]["endCursor"])
    rest = rest["data"]["auditLog"]
    ids = [e["node"]["id"] for e in page["edges"] + rest["edges"]]
    assert len(set(ids)) == 3
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_another_projects_key_is_as_absent_as_none(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    rival = await other_tenant()
    made = await edge.ask(CREATE, input=INPUT, key=rival.admin)
    stolen = made["data"]["createApiKey"]["apiKey"]["id"]
    revoke = """mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) {
      __typename ... on Error { code message } } }"""
    answers = [
        await edge.ask(revoke, input={"idempotencyKey": f"r{n}", "id": id_})
        for n, id_ in enumerate((stolen, stolen[:-4] + "AAA=", "Vk9JRA=="))
    ]
    refused = {answer["data"]["revokeApiKey"]["__typename"] for answer in answers}
    assert refused == {"NotFoundError"}


@pytest.mark.parametrize(
    "by",
    [{}, {"key": "a", "id": "b"}, {"key": None}, {"key": "a", "id": None}, {"x": "a"}],
)
async def test_a_reference_has_exactly_one_way(edge: Edge, by: object) -> None:
    query = "query ($by: ExperimentRef!) { experiment(by: $by) { id } }"
    by_variable = await edge.post(query, by=by)
    assert by_variable.status_code == 400
    written = json.dumps(by).replace('"key":', "key:").replace('"id":', "id:")
    literal = await edge.post(
        "{ experiment(by: %s) { id } }" % written.replace('"x":', "x:")  # noqa: UP031
    )
    assert literal.status_code == 400


async def test_a_reference_to_nothing_is_null_and_not_found(edge: Edge) -> None:
    answer = await edge.ask('{ experiment(by: {key: "absent"}) { id } }')
    assert answer["data"] == {"experiment": None}
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_the_standard_introspection_is_answered(edge: Edge) -> None:
    query = get_introspection_query(
        specified_by_url=True, input_value_deprecation=True, one_of=True
    )
    answer = await edge.ask(query, key=edge.tenant.viewer)
    rebuilt = build_client_schema(answer["data"])
    assert set(rebuilt.type_map) == set(GRAPHQL.type_map)


@pytest.mark.parametrize("page", [1, 5])
async def test_lists_without_pages_are_charged_too(edge: Edge, page: int) -> None:
    inner = "id"
    for _ in range(7):
        inner = f"tags {{ feedback {{ {inner} }} }}"
    query = f"{{ feedback(first: {page}) {{ edges {{ node {{ {inner} }} }} }} }}"
    answer = await edge.ask(query)
    assert answer["errors"][0]["extensions"]["code"] in (
        "QUERY_TOO_EXPENSIVE",
        "QUERY_TOO_DEEP",
    )
