"""While every attack runs, health answers and the memory stays where it was.

What an attack may cost is counted in the server's own processor time, which bounds how
long anybody else waits; the latency of health is printed, for it is the machine's too.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.api.test_document_attacks import ATTACKS
from tests.api.test_transport_attacks import BODIES

ROUNDS = 5
ABREAST = 4
MOST_SECONDS = 0.25
MEMORY_BYTES = 100 * 1024 * 1024


def memory(process: int) -> int:
    """Resident bytes of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = [row for row in status.splitlines() if row.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def busy(process: int) -> float:
    """Processor seconds that a process has used."""
    numbers = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    user, system = numbers.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[list[float]]:
    """Fills the list with what health took, once the block is over."""
    seconds: list[float] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.api.watcher",
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield seconds
    finally:
        output, _ = await process.communicate(b"")
        seconds.extend(json.loads(output))


@asynccontextmanager
async def victim(folder: Path) -> AsyncIterator[tuple[str, str, int]]:
    """A served process: its address, a key and its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.api.attacked",
        str(folder),
        str(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        key = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while True:
                with suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/healthz")
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", key, process.pid
    finally:
        process.terminate()
        await process.wait()


async def attack(client: httpx.AsyncClient, body: bytes) -> None:
    """Send one, which must not crash anything."""
    # A server that has refused a large body may hang up while it still comes.
    with suppress(httpx.TransportError):
        response = await client.post("/graphql", content=body)
        assert response.status_code < 500


@pytest.mark.slow
async def test_health_answers_while_every_attack_runs(tmp_path: Path) -> None:
    bodies = [json.dumps({"query": query}).encode() for query, _ in ATTACKS.values()]
    bodies += [body for body, _, _ in BODIES.values()]
    dearest = 0.0
    async with victim(tmp_path) as (url, key, process):
        headers = {"x-api-key": key, "content-type": "application/json"}
        async with httpx.AsyncClient(
            base_url=url, timeout=30, headers=headers
        ) as client:
            for body in bodies:
                used = busy(process)
                await attack(client, body)
                dearest = max(dearest, busy(process) - used)
            before = memory(process)
            async with watched(url) as seconds:
                for start in range(0, len(bodies) * ROUNDS, ABREAST):
                    abreast = [
                        bodies[n % len(bodies)] for n in range(start, start + ABREAST)
                    ]
                    await asyncio.gather(*(attack(client, body) for body in abreast))
            grown = memory(process) - before
    p99 = sorted(seconds)[int(len(seconds) * 0.99)]
    figures = (
        f"{(ROUNDS + 1) * len(bodies)} attacks: the dearest {dearest * 1000:.0f} ms, "
        f"health p99 {p99 * 1000:.0f} ms of {len(seconds)} looks, "
        f"memory {grown / 1024 / 1024:+.1f} MiB"
    )
    sys.stdout.write(figures)
    assert dearest < MOST_SECONDS, figures
    assert grown < MEMORY_BYTES, figures
