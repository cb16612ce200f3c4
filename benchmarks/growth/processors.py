"""CPU time of this process and of a database server's processes that work for it."""

import os
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

_PIDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
_TICKS = os.sysconf("SC_CLK_TCK")


class Processors:
    """What work costs, on whichever side of the connection.

    A server's share is known where it runs on this machine; the database has to be the
    benchmark's own.
    """

    def __init__(self, server: asyncpg.Connection | None) -> None:
        self._server = server

    @classmethod
    @asynccontextmanager
    async def of(cls, url: str) -> AsyncIterator["Processors"]:
        """For a log at this address."""
        if url.startswith("duckdb:"):
            yield cls(None)
            return
        server = await asyncpg.connect(url)
        yield cls(server)
        await server.close()

    async def spent(self, work: Awaitable[object]) -> tuple[float, float]:
        """Seconds of processors, and of the clock on the wall."""
        server, own, began = (
            await self._used(),
            time.process_time(),
            time.perf_counter(),
        )
        await work
        wall, own = time.perf_counter() - began, time.process_time() - own
        after = await self._used()
        more = sum(after[pid] - server.get(pid, 0.0) for pid in after)
        return own + more, wall

    async def _used(self) -> dict[int, float]:
        if self._server is None:
            return {}
        pids = [row[0] for row in await self._server.fetch(_PIDS)]
        return {pid: _seconds(pid) for pid in pids}


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
