"""The SDK for JavaScript in Node, as it is published."""

from pathlib import Path

from tests.api.conftest import Edge
from tests.npm import running
from tests.ofrep.conftest import VALUES, pause
from tests.ofrep.test_ofrep import ask

SCRIPT = Path(__file__).parent / "client.mjs"
SUBJECT = {"id": "u1", "plan": "pro"}


async def test_it_loads_agrees_and_hears_of_a_change(flags: Edge, url: str) -> None:
    async with running(SCRIPT, f"{url}/", flags.tenant.client) as script:
        assert await script.line() == {"success": True, "source": "network"}
        keys = [*VALUES, "absent"]
        await script.say({"subjects": [SUBJECT], "keys": keys, "whole": True})
        *found, absent = await script.line()
        for key, given in zip(VALUES, found, strict=True):
            served = (await ask(flags, key, plan="pro")).json()
            assert given["source"] == "experiment"
            assert (given["value"], given["variant"]) == (
                served["value"],
                served["variant"],
            )
        assert absent["source"] == "unknownFeature"
        await pause(flags, "flag-int")
        await script.say({"until": "flag-int", "source": "force"})
        assert (await script.line())["value"] == 10


async def test_a_wrong_key_leaves_the_defaults(url: str) -> None:
    async with running(SCRIPT, url, "hk_c_wrong") as script:
        assert (await script.line())["success"] is False
        await script.say({"subjects": [SUBJECT], "keys": ["flag-int"]})
        assert await script.line() == [[None]]
