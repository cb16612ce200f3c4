"""The SDKs for JavaScript and for Python (both interfaces), as they are published."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.api.conftest import Edge
from tests.npm import Script, running
from tests.ofrep.conftest import VALUES, pause
from tests.ofrep.test_ofrep import ask

HERE = Path(__file__).parent
SUBJECT = {"id": "u1", "plan": "pro"}
CLIENTS = {
    "javascript": ("client.mjs",),
    "python": ("client.py", "blocking"),
    "python-async": ("client.py", "concurrent"),
}
every_client = pytest.mark.parametrize("client", CLIENTS)


def start(
    client: str, url: str, key: str, *more: str
) -> AbstractAsyncContextManager[Script]:
    """A client that knows a host and a client key, and maybe what decrypts."""
    script, *how = CLIENTS[client]
    return running(HERE / script, *how, url, key, *more)


@every_client
async def test_it_loads_agrees_and_hears_of_a_change(
    flags: Edge, url: str, client: str
) -> None:
    async with start(client, f"{url}/", flags.tenant.client) as script:
        assert await script.line() == {"success": True}
        keys = [*VALUES, "absent"]
        await script.say({"subjects": [SUBJECT], "keys": keys, "whole": True})
        *found, absent = await script.line()
        for key, given in zip(VALUES, found, strict=True):
            served = (await ask(flags, key, plan="pro")).json()
            assert given["source"] == "experiment"
            told = (given["value"], given["variant"])
            assert told == (served["value"], served["variant"])
        assert absent["source"] == "unknownFeature"
        await pause(flags, "flag-int")
        until = {"until": "flag-int", "source": "force", "subject": SUBJECT}
        await script.say(until)
        assert (await script.line())["value"] == 10


@every_client
async def test_a_wrong_key_leaves_the_defaults(url: str, client: str) -> None:
    async with start(client, url, "hk_c_wrong") as script:
        assert await script.line() == {"success": False}
        if client != "python-async":
            await script.say({"subjects": [SUBJECT], "keys": ["flag-int"]})
            assert await script.line() == [[None]]
