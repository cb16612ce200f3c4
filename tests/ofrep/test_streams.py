"""What a listener hears, how many may listen, and how streams end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from api.http import streams
from api.http.listening import StreamDoor
from api.http.ofrep_stream import DIALECT, refusal
from api.http.streams import Streams
from core import keys
from experiments.service.definitions import Silence
from experiments.service.publishing import touch_definitions
from experiments.service.snapshot_files import SnapshotFiles
from tests.api.conftest import Edge, served
from tests.ofrep.conftest import pause

FLAGS = "/ofrep/v1/evaluate/flags"


class Ear:
    """One open stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._blocks = response.aiter_text()
        self._heard = ""

    async def block(self) -> dict[str, str]:
        """The fields of the next block, within five seconds."""
        async with asyncio.timeout(5):
            while "\n\n" not in self._heard:
                self._heard += await anext(self._blocks)
        block, _, self._heard = self._heard.partition("\n\n")
        pairs = [line.partition(": ") for line in block.splitlines()]
        return {name: value for name, _, value in pairs}

    async def event(self) -> dict[str, str]:
        """The next block that carries data."""
        while not (found := await self.block()).get("data"):
            pass
        return found


@asynccontextmanager
async def listening(
    url: str, *, seen: str | None = None, page: str | None = None
) -> AsyncIterator[tuple[httpx.Response, Ear]]:
    """A stream, as a client opens it, in a page of this origin if one is named."""
    headers = {} if seen is None else {"last-event-id": seen}
    if page is not None:
        headers["origin"] = page
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        yield response, Ear(response)


async def stream_of(edge: Edge, url: str) -> str:
    """Where the bulk answer says that the stream is."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}{FLAGS}",
            json={"context": {"targetingKey": "u1"}},
            headers={"x-api-key": edge.tenant.client},
        )
    (stream,) = answer.json()["eventStreams"]
    assert stream["type"] == "sse"
    assert stream["inactivityDelaySec"] == 120
    return url + str(stream["endpoint"]["requestUri"])


async def settle(edge: Edge, count: int) -> None:
    """Wait until as many streams are open."""
    hub: Streams = edge.app.state.streams
    for _ in range(1000):
        if len(hub) == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(hub)} streams are open, not {count}")


async def test_a_publication_is_heard(flags: Edge, url: str) -> None:
    async with listening(await stream_of(flags, url), seen="none") as (response, ear):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "no-cache" in response.headers["cache-control"]
        assert "retry" in await ear.block()
        before = json.loads((await ear.event())["data"])
        await pause(flags, "flag-bool")
        event = await ear.event()
    told = json.loads(event["data"])
    assert event["event"] == "message"
    assert told["type"] == "refetchEvaluation"
    assert int(told["etag"]) > int(before["etag"])
    assert event["id"] == told["etag"]
    assert told["lastModified"] > 1_700_000_000


async def test_a_listener_that_missed_something_is_told_at_once(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await stream_of(flags, url)
    async with listening(address) as (_, ear):
        version = (await ear.event())["id"]
    async with listening(address, seen=version) as (_, ear):
        assert "retry" in await ear.block()
        assert await ear.block() == {"id": version}
    monkeypatch.setattr(streams, "RECENT_SECONDS", 0.0)
    async with listening(address) as (_, ear):
        await ear.block()
        assert await ear.block() == {"id": version}
    async with listening(address, seen="1") as (_, ear):
        assert (await ear.event())["id"] == version


async def test_a_refetch_may_say_anything_of_what_it_was_told(flags: Edge) -> None:
    for told in ("7", "x", "-1", "9" * 30, "%00", ""):
        answer = await flags.client.post(
            f"{FLAGS}?flagConfigEtag={told}&flagConfigLastModified=1",
            json={"context": {"targetingKey": "u1"}},
            headers={"x-api-key": flags.tenant.client},
        )
        assert answer.status_code == 200


class Loud(Silence):
    """A channel that counts what is announced on it."""

    def __init__(self) -> None:
        self.announced = 0

    def announce(self) -> None:
        self.announced += 1


async def test_a_refetch_is_served_what_another_process_published(
    flags: Edge, tmp_path: Path
) -> None:
    channel = Loud()
    definitions = flags.app.state.services.definitions
    definitions.connect(channel, SnapshotFiles(tmp_path))
    ask = partial(
        flags.client.post,
        json={"context": {"targetingKey": "u1"}},
        headers={"x-api-key": flags.tenant.client},
    )
    before = (await ask(FLAGS)).json()["metadata"]["configVersion"]
    async with flags.database.sessions.begin() as session:
        await touch_definitions(session, flags.tenant.environment.id)
    assert (await ask(FLAGS)).json()["metadata"]["configVersion"] == before
    after = await ask(f"{FLAGS}?flagConfigEtag={before + 1}")
    assert after.json()["metadata"]["configVersion"] == before + 1
    assert channel.announced == 0


async def test_silence_is_broken_by_pings(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    async with listening(await stream_of(flags, url)) as (_, ear):
        await ear.event()
        assert await ear.block() == {"": ""}
        assert await ear.block() == {"": ""}


async def test_a_stream_ends_with_its_reader_or_its_key(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await stream_of(flags, url)
    async with listening(address):
        await settle(flags, 1)
    await settle(flags, 0)
    monkeypatch.setattr(streams, "PING_SECONDS", 0.1)
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    async with listening(address) as (response, _):
        await settle(flags, 1)
        async with flags.database.sessions.begin() as session:
            key = await keys.find(session, flags.tenant.client)
            assert key is not None
            await keys.revoke(
                session, project_id=flags.tenant.project.id, key_id=key.id
            )
        await settle(flags, 0)
        async with asyncio.timeout(5):
            await response.aclose()


async def test_streams_are_bounded(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await stream_of(flags, url)
    monkeypatch.setattr(streams, "MAX_STREAMS_OF_A_KEY", 1)
    async with listening(address):
        await settle(flags, 1)
        async with listening(address) as (refused, _):
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0
            assert json.loads(await refused.aread())["errorDetails"]
        monkeypatch.setattr(streams, "MAX_STREAMS", 1)
        async with listening(address) as (refused, _):
            assert refused.status_code == 503


async def test_a_reader_that_lags_is_let_go(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.01)
    monkeypatch.setattr(streams, "PATIENCE_SECONDS", 0.3)
    loud = replace(DIALECT, ping=b": %b\n\n" % (b"x" * 1_000_000))
    state = flags.app.state
    door = StreamDoor(
        state.gate, state.services.rates, state.streams, lambda _: loud, refusal
    )
    flags.app.router.routes.insert(0, Route("/loud/{key}", door))
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    path = f"/loud/{flags.tenant.client}"
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert await reader.read(12) == b"HTTP/1.1 200"
    await settle(flags, 1)
    await settle(flags, 0)
    writer.close()


@pytest.mark.parametrize("which", ["admin", "viewer", "unknown", "short"])
async def test_only_a_client_key_opens_a_stream(
    flags: Edge, url: str, which: str
) -> None:
    texts = {"unknown": f"hk_c_{'0' * 8}_{'a' * 43}", "short": "x"}
    text = texts.get(which) or getattr(flags.tenant, which)
    async with listening(f"{url}/ofrep/v1/streams/{text}") as (refused, _):
        assert refused.status_code == 400
        assert text not in json.loads(await refused.aread())["errorDetails"]
    answer = await flags.client.post(
        FLAGS,
        json={"context": {"targetingKey": "u1"}},
        headers={"x-api-key": flags.tenant.admin},
    )
    assert "eventStreams" not in answer.json()


async def test_a_server_stops_though_somebody_listens(flags: Edge) -> None:
    async with asyncio.timeout(5):
        async with served(flags) as url:
            address = await stream_of(flags, url)
            task = asyncio.create_task(_drain(address))
            await settle(flags, 1)
        await task


async def _drain(address: str) -> None:
    async with listening(address) as (response, _):
        await response.aread()
