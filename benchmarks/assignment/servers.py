"""The servers that are measured, each started on core 0 and stopped at the end."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    url: str
    process: int


@contextmanager
def hone(folder: Path) -> Iterator[Running]:
    """Hone as it is served by default, on the embedded stores."""
    environment = {
        **os.environ,
        "HONE_DATA_DIR": str(folder),
        "HONE_LOG_LEVEL": "INFO",
        "DATABASE_URL": "",
        "EVENTS_URL": "",
        "REDIS_URL": "",
    }
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port)]
    with started(command, port, environment, "/healthz") as running:
        yield running


@contextmanager
def floor() -> Iterator[Running]:
    """The HTTP server with an application that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.assignment.floor:app"]
    command += ["--port", str(port), "--log-level", "error", "--no-server-header"]
    command += ["--no-access-log"]
    with started(command, port, dict(os.environ), "/") as running:
        yield running


@contextmanager
def started(
    command: Sequence[str], port: int, environment: dict[str, str], ready: str
) -> Iterator[Running]:
    """A command on core 0 that answers at its port.

    Raises:
        RuntimeError: It does not.
    """
    pinned = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    process = subprocess.Popen(
        [*pinned, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{url}{ready}")
        yield Running(url, process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode} before {url}")
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer in {PATIENCE_SECONDS:g} s")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
