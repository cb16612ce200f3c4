"""The public audit of GraphQL over HTTP finds nothing to say about this server."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.api.conftest import Edge, served

HERE = Path(__file__).parent
AUDITS = 61


def absent(reason: str) -> None:
    """Skip with the reason; in CI the audit has to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def run(*command: str) -> tuple[int, bytes]:
    """Run a program in this folder; its exit code and standard output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    return process.returncode or 0, output


async def test_every_audit_is_ok(edge: Edge) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("node and npm are not installed")
        return
    if not (HERE / "node_modules" / "graphql-http").is_dir():
        code, _ = await run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        if code:
            absent("the audit's packages cannot be installed")
    async with served(edge) as url:
        code, output = await run(node, "audit.mjs", f"{url}/graphql", edge.tenant.admin)
    assert code == 0
    results = json.loads(output)
    assert [found for found in results if found["status"] != "ok"] == []
    assert len(results) == AUDITS
