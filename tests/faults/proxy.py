"""A database that can be taken away: a relay that refuses, or only listens."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Relay:
    """Passes bytes on between its own port and a server's, until told not to."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self.port = 0
        self.restore()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._run(self._cut())

    def freeze(self) -> None:
        """Take connections and bytes, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        self._run(self._listen())

    def restore(self) -> None:
        """Be as it was before."""
        self._loop.call_soon_threadsafe(self._flowing.set)
        self._run(self._listen())

    def close(self) -> None:
        """End all of it."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._relay, "127.0.0.1", self.port
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in tuple(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        writers = [writer]
        try:
            there, back = await asyncio.open_connection(*self._target)
            writers.append(back)
            ways = self._copy(reader, back), self._copy(there, writer)
            copying = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in copying:
                    task.cancel()
                await asyncio.gather(*copying, return_exceptions=True)
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            for each in writers:
                each.transport.abort()
            self._links.discard(link)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()


@contextmanager
def relaying(host: str, port: int) -> Iterator[Relay]:
    """A relay for the length of the block."""
    relay = Relay(host, port)
    try:
        yield relay
    finally:
        relay.close()
