"""An open loop: requests leave on time, however late the answers to others are."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks.assignment.load import CONNECTIONS, SUBJECTS, Target

CORE = 1


def p99_milliseconds(target: Target, rate: float, seconds: float) -> float:
    """The 99th percentile at a rate, from when a request should have left.

    So the time that it waited for one of the connections counts, and so does what this
    client takes to read the answer.
    """
    before = os.sched_getaffinity(0)
    if CORE in before:
        os.sched_setaffinity(0, {CORE})
    try:
        took = sorted(asyncio.run(_run(target, rate, seconds)))
    finally:
        os.sched_setaffinity(0, before)
    return took[int(len(took) * 0.99)] * 1000


async def _run(target: Target, rate: float, seconds: float) -> list[float]:
    begin = asyncio.get_running_loop().time() + 0.2
    due = (begin + number / rate for number in range(max(1, int(rate * seconds))))
    asked = zip(due, itertools.cycle(_requests(target)), strict=False)
    took: list[float] = []
    await asyncio.gather(*(_ask(target, asked, took) for _ in range(CONNECTIONS)))
    return took


async def _ask(
    target: Target, asked: Iterator[tuple[float, bytes]], took: list[float]
) -> None:
    clock = asyncio.get_running_loop().time
    where = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        for due, request in asked:
            await asyncio.sleep(max(0.0, due - clock()))
            writer.write(request)
            await _read(reader)
            took.append(clock() - due)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1]
    if status != b"200":
        raise RuntimeError(f"answered {status.decode()}")
    size = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(size))


def _requests(target: Target) -> list[bytes]:
    where = urlsplit(target.url)
    place = f"{where.path or '/'}?{where.query}" if where.query else where.path or "/"
    headers = {"host": where.netloc, **target.headers}
    found = []
    for number in range(SUBJECTS):
        subject = f"user-{number}"
        body = target.body.replace("%s", subject)
        lines = [f"{target.method} {place.replace('%s', subject)} HTTP/1.1"]
        sent = {**headers, "content-length": str(len(body))} if body else headers
        lines += [f"{name}: {value}" for name, value in sent.items()]
        found.append(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    return found
