"""Clients run beside the server; those from npm in an ignored folder of packages."""

import asyncio
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

INSTALL_SECONDS = 120
ANSWER_SECONDS = 20


def absent(reason: str) -> None:
    """Skip with the reason; in CI the clients have to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def installed(folder: Path) -> str:
    """Where node is, with the packages of a folder's lock installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("node and npm are not installed")
        return ""
    guard = Path(tempfile.gettempdir()) / f"hone-npm-{folder.name}.lock"
    with guard.open("w") as held:
        # Another test process may be installing the same; it takes one to do so.
        await asyncio.to_thread(fcntl.flock, held, fcntl.LOCK_EX)
        await _install(npm, folder)
    return node


async def _install(npm: str, folder: Path) -> None:
    lock = folder / "package-lock.json"
    done = folder / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    process = await asyncio.create_subprocess_exec(
        *(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(INSTALL_SECONDS):
        if await process.wait():
            absent(f"the packages of {folder.name} cannot be installed")


class Script:
    """A running script that answers in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        """The next line; what it said instead fails the test."""
        assert self._process.stdout is not None
        async with asyncio.timeout(ANSWER_SECONDS):
            said = await self._process.stdout.readline()
        assert said, await self.complaint()
        return json.loads(said)

    async def complaint(self) -> str:
        """What it wrote to its standard error."""
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()[-2000:]

    async def say(self, value: object) -> None:
        """Give it a line of JSON."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def running(script: Path, *arguments: str) -> AsyncIterator[Script]:
    """A script for node or Python; it is ended with the block."""
    own = script.suffix == ".py"
    program = sys.executable if own else await installed(script.parent)
    process = await asyncio.create_subprocess_exec(
        *(program, script.name, *arguments),
        cwd=script.parent,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=16_777_216,
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
