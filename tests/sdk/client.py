"""Does with the SDK for Python what client.mjs does with the one for JavaScript."""

import asyncio
import json
import sys
from typing import Any

from growthbook import GrowthBook
from growthbook.common_types import FeatureRefreshStrategy, Options, UserContext
from growthbook.growthbook_client import GrowthBookClient


class Blocking:
    """The SDK's first interface: one instance for each subject, requests block."""

    def __init__(self, host: str, key: str, decryption_key: str) -> None:
        self._sdk = GrowthBook(
            api_host=host,
            client_key=key,
            decryption_key=decryption_key,
            streaming=True,
        )

    async def load(self) -> bool:
        """Fetch the features."""
        self._sdk.load_features()
        return bool(self._sdk.get_features())

    async def give(self, key: str, subject: dict[str, Any]) -> Any:
        """Evaluate one feature."""
        self._sdk.set_attributes(subject)
        return self._sdk.eval_feature(key)


class Concurrent:
    """The SDK's second interface: one client for all subjects, on an event loop."""

    def __init__(self, host: str, key: str, decryption_key: str) -> None:
        options = Options(
            api_host=host,
            client_key=key,
            decryption_key=decryption_key,
            refresh_strategy=FeatureRefreshStrategy.SERVER_SENT_EVENTS,
        )
        self._client = GrowthBookClient(options)

    async def load(self) -> bool:
        """Fetch the features."""
        return bool(await self._client.initialize())

    async def give(self, key: str, subject: dict[str, Any]) -> Any:
        """Evaluate one feature."""
        return await self._client.eval_feature(key, UserContext(attributes=subject))


def said(found: Any) -> dict[str, Any]:
    """One answer in the words of client.mjs."""
    result = found.experimentResult
    variant = result.key if result is not None and result.inExperiment else None
    return {"value": found.value, "source": found.source, "variant": variant}


async def main(how: str, host: str, key: str, decryption_key: str = "") -> None:
    """Answer until there is nothing more to answer."""
    kind = Blocking if how == "blocking" else Concurrent
    client = kind(host, key, decryption_key)
    say({"success": await client.load()})
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        if "until" in asked:
            subject = asked["subject"]
            found = await client.give(asked["until"], subject)
            while found.source != asked["source"]:
                await asyncio.sleep(0.02)
                found = await client.give(asked["until"], subject)
            say(said(found))
            continue
        given = [
            [await client.give(key, subject) for key in asked["keys"]]
            for subject in asked["subjects"]
        ]
        if asked.get("whole"):
            say([said(found) for found in given[0]])
        else:
            say([[found.value for found in row] for row in given])


def say(value: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
