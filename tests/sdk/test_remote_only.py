"""Keys for remote evaluation only: values to whoever asks, definitions to nobody."""

import json

import httpx
import pytest

from tests.api.conftest import Edge
from tests.api.opened import issued
from tests.npm import running
from tests.ofrep.conftest import VALUES
from tests.ofrep.test_ofrep import FLAGS
from tests.ofrep.test_streams import listening
from tests.sdk.test_clients import start
from tests.sdk.test_remote import REMOTE, evaluate


@pytest.fixture
async def key(flags: Edge) -> str:
    """The text of such a key."""
    made = await issued(flags, remoteOnly=True)
    assert made["apiKey"]["remoteOnly"] is True
    assert made["apiKey"]["payloadKey"] is None
    return str(made["secret"])


@pytest.mark.parametrize("wired", [False, True])
async def test_the_definitions_are_refused_in_words(
    flags: Edge, url: str, key: str, *, wired: bool
) -> None:
    async with httpx.AsyncClient(base_url=url) as wire:
        client = wire if wired else flags.client
        for path in ("/api/features", "/gb/api/features"):
            for _ in range(2):
                refused = await client.get(f"{path}/{key}")
                assert refused.status_code == 403
                answer = refused.json()
                assert (answer["status"], answer["code"]) == (403, "REMOTE_ONLY")
                assert "/api/eval" in answer["error"]
                assert key not in refused.text
                assert refused.headers["access-control-allow-origin"] == "*"
                assert refused.headers["x-unrecoverable"] == "1"
                assert "etag" not in refused.headers
    async with listening(f"{url}/sub/{key}") as (refused, _):
        assert refused.status_code == 403
        said = json.loads(await refused.aread())
        assert (said["status"], said["code"]) == (403, "REMOTE_ONLY")


async def test_it_evaluates_at_the_other_doors(flags: Edge, url: str, key: str) -> None:
    asked = {"attributes": {"id": "u1", "plan": "pro"}}
    expected = (await evaluate(flags, asked)).json()
    assert (await evaluate(flags, asked, key)).json() == expected
    headers = {"x-api-key": key}
    context = {"context": {"targetingKey": "u1"}}
    bulk = await flags.client.post(FLAGS, json=context, headers=headers)
    assert {flag["key"] for flag in bulk.json()["flags"]} == set(VALUES)
    (stream,) = bulk.json()["eventStreams"]
    async with listening(url + stream["endpoint"]["requestUri"]) as (opened, ear):
        assert opened.status_code == 200
        assert "refetchEvaluation" in (await ear.event())["data"]
    query = '{ assignments(subject: {userId: "u1"}) { assignments { variant } } }'
    given = (await flags.ask(query, key=key))["data"]["assignments"]["assignments"]
    assert len(given) == len(VALUES)


async def test_an_sdk_evaluates_with_it_and_loads_nothing_otherwise(
    flags: Edge, url: str, key: str
) -> None:
    async with running(REMOTE, url, key) as sdk:
        assert await sdk.line() == {"success": True}
        await sdk.say({"attributes": {"id": "u1", "plan": "pro"}, "keys": [*VALUES]})
        given = await sdk.line()
        assert {each["key"] for each in given["tracked"]} == set(VALUES)
    async with start("javascript", url, key) as sdk:
        assert await sdk.line() == {"success": False}
