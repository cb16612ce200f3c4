"""One poll for each thing watched, and an end to it when nobody listens."""

import asyncio
from contextlib import aclosing

import pytest

from api import watching
from api.watching import Watches


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.005)


async def test_a_listener_hears_once_at_first_and_then_of_changes() -> None:
    found = ["a", "a", "b", "b", "c"]
    reads = 0

    async def read() -> object:
        nonlocal reads
        reads += 1
        return found[min(reads, len(found)) - 1]

    heard = []
    async with aclosing(Watches().changes("x", read)) as changes:
        async for _ in changes:
            heard.append(found[min(reads, len(found)) - 1])
            if heard[-1] == "c":
                break
    assert heard == ["a", "b", "c"]


async def test_listeners_share_one_poll_and_the_last_one_ends_it() -> None:
    watches, reads = Watches(), 0

    async def read() -> object:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)
        return reads

    first, second = (watches.changes("x", read) for _ in range(2))
    await anext(first)
    await anext(second)
    assert len(watches) == 1
    await first.aclose()
    await anext(second)
    assert len(watches) == 1
    await second.aclose()
    assert len(watches) == 0
    before = reads
    await asyncio.sleep(0.03)
    assert reads == before


async def test_a_late_listener_hears_at_once_without_a_read_of_its_own() -> None:
    watches = Watches()

    async def read() -> object:
        return "same"

    async with aclosing(watches.changes("x", read)) as first:
        await anext(first)
        async with aclosing(watches.changes("x", read)) as late:
            async with asyncio.timeout(1):
                await anext(late)


async def test_a_read_that_fails_ends_every_stream_and_the_next_begins_anew() -> None:
    watches, broken = Watches(), True

    async def read() -> object:
        if broken:
            raise ConnectionError("gone")
        return 1

    streams = [watches.changes("x", read) for _ in range(2)]
    heard = await asyncio.gather(*map(anext, streams), return_exceptions=True)
    assert [type(each) for each in heard] == [ConnectionError, ConnectionError]
    assert len(watches) == 0
    broken = False
    async with aclosing(watches.changes("x", read)) as again:
        await anext(again)
