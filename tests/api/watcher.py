"""Asks a server for its health, from a process of its own, until the input ends."""

import asyncio
import json
import sys
import time

import httpx


async def watch(url: str) -> list[float]:
    """Seconds that each answer took."""
    seconds: list[float] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        while not ended.done():
            started = time.perf_counter()
            response = await client.get("/healthz")
            seconds.append(time.perf_counter() - started)
            response.raise_for_status()
            await asyncio.sleep(0.01)
    return seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(watch(sys.argv[1]))))
