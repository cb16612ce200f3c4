"""The OpenFeature SDK for Python, with its OFREP provider, as it is published."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason

from tests.api.conftest import Edge
from tests.ofrep.conftest import VALUES, pause

SUBJECT = EvaluationContext("u1", {"plan": "pro"})
DEFAULTS: dict[str, Any] = {
    "boolean": False,
    "string": "none",
    "integer": 0,
    "float": 0.0,
    "object": {},
}
TYPES = dict(zip(DEFAULTS, VALUES, strict=True))


@pytest.fixture
def client(flags: Edge, url: str) -> Iterator[OpenFeatureClient]:
    """A client that knows an address and a client key."""
    key = flags.tenant.client
    provider = OFREPProvider(
        url, headers_factory=lambda: {"Authorization": f"Bearer {key}"}
    )
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


async def ask(
    client: OpenFeatureClient,
    key: str,
    kind: str,
    subject: EvaluationContext = SUBJECT,
) -> FlagEvaluationDetails[Any]:
    """One evaluation; the client blocks, so it has a thread of its own."""
    method = getattr(client, f"get_{kind}_details")
    found: FlagEvaluationDetails[Any] = await asyncio.to_thread(
        method, key, DEFAULTS[kind], subject
    )
    return found


async def test_every_type_is_read(client: OpenFeatureClient) -> None:
    for kind, key in TYPES.items():
        found = await ask(client, key, kind)
        assert found.error_code is None, found
        assert found.reason == Reason.SPLIT
        assert found.value == VALUES[key][found.variant == "treatment"]
        assert found.flag_metadata["experimentKey"] == key


async def test_arms_are_those_of_the_server(
    flags: Edge, client: OpenFeatureClient
) -> None:
    for n in range(20):
        found = await ask(client, "flag-bool", "boolean", EvaluationContext(f"u{n}"))
        answer = await flags.ask(
            "query ($s: SubjectInput!) { assignments(subject: $s, keys: "
            '["flag-bool"]) { assignments { variant } } }',
            s={"userId": f"u{n}"},
        )
        (assignment,) = answer["data"]["assignments"]["assignments"]
        assert found.variant == assignment["variant"]


async def test_errors_are_typed(flags: Edge, client: OpenFeatureClient) -> None:
    missing = await ask(client, "absent", "boolean")
    assert missing.error_code is ErrorCode.FLAG_NOT_FOUND
    nobody = await ask(
        client, "flag-bool", "boolean", EvaluationContext(None, {"a": 1})
    )
    assert nobody.error_code is ErrorCode.TARGETING_KEY_MISSING
    other = await ask(client, "flag-bool", "string")
    assert other.error_code is ErrorCode.TYPE_MISMATCH
    long = await ask(client, "flag-bool", "boolean", EvaluationContext("u" * 201))
    assert long.error_code is ErrorCode.INVALID_CONTEXT


async def test_a_paused_flag_is_disabled_with_a_value(
    flags: Edge, client: OpenFeatureClient
) -> None:
    await pause(flags, "flag-int")
    found = await ask(client, "flag-int", "integer")
    assert (found.value, found.reason) == (10, Reason.DISABLED)


async def test_a_wrong_key_is_a_general_error(flags: Edge, url: str) -> None:
    provider = OFREPProvider(url, headers_factory=lambda: {"X-API-Key": "wrong"})
    api.set_provider(provider, "strangers")
    found = await ask(api.get_client("strangers"), "flag-bool", "boolean")
    assert found.error_code is ErrorCode.GENERAL
    assert found.error_message == "unauthorized"
    api.clear_providers()
    provider.session.close()
