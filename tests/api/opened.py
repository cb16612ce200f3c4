"""What an administrator sets of an environment and of its client keys."""

from typing import Any
from uuid import uuid4

from tests.api.conftest import Edge

UPDATE = """mutation ($input: UpdateEnvironmentInput!) {
  updateEnvironment(input: $input) {
    __typename
    ... on UpdateEnvironmentPayload {
      environment { name allowedOrigins version } replayed
    }
    ... on Error { code path message }
  }
}"""
ISSUE = """mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload { apiKey { id payloadKey remoteOnly } secret }
    ... on Error { code path }
  }
}"""
HERE = "{ environment { id version allowedOrigins } }"


async def update(edge: Edge, **changes: Any) -> dict[str, Any]:
    """One change of the environment as it is now."""
    found = (await edge.ask(HERE))["data"]["environment"]
    given = {
        "idempotencyKey": str(uuid4()),
        "id": found["id"],
        "expectedVersion": found["version"],
    }
    answer = await edge.ask(UPDATE, input={**given, **changes})
    done: dict[str, Any] = answer["data"]["updateEnvironment"]
    return done


async def allow(edge: Edge, *origins: str) -> None:
    """Whose pages may read; nobody named, anybody's."""
    done = await update(edge, allowedOrigins=list(origins))
    assert done["__typename"] == "UpdateEnvironmentPayload", done
    assert done["environment"]["allowedOrigins"] == list(origins)


async def issued(edge: Edge, **options: Any) -> dict[str, Any]:
    """A new client key: its row and its text, or why there is none."""
    given = {"idempotencyKey": str(uuid4()), "name": "web", "kind": "CLIENT"}
    answer = await edge.ask(ISSUE, input={**given, **options})
    made: dict[str, Any] = answer["data"]["createApiKey"]
    return made
