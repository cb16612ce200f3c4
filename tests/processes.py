"""Hone as its users run it: real processes over real stores, to be killed at will."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
HONE = [sys.executable, "-m", "api.cli"]
PATIENCE_SECONDS = 60.0


class Process:
    """One running command with what it printed."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [*HONE, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> str:
        """The first group of the first line that matches."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if match := re.search(pattern, line):
                    return match.group(1)
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(self.lines[-40:]))

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self._process.terminate()
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def _read(self) -> None:
        if self._process.stdout is not None:
            with suppress(ValueError):
                self.lines.extend(line.rstrip() for line in self._process.stdout)


@dataclass
class Installation:
    """Settings of one Hone, and the processes that run on it."""

    settings: dict[str, str]
    running: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes see."""
        mine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("HONE_")
            and name not in {"DATABASE_URL", "EVENTS_URL", "REDIS_URL"}
        }
        return {**mine, **self.settings}

    def command(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command to its end; its JSON."""
        done = self.attempt(*arguments)
        assert done.returncode == code, "\n".join((done.stderr, *self.traces()))
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def traces(self) -> list[str]:
        """What running processes said of crashes."""
        said = [line for process in self.running for line in process.lines]
        return [line for line in said if '"trace"' in line or "Traceback" in line]

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever it is."""
        return subprocess.run(
            [*HONE, *arguments, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=10 * PATIENCE_SECONDS,
        )

    def start(self, *arguments: str) -> Process:
        """Start a command and leave it running."""
        process = Process(arguments, self.environment)
        self.running.append(process)
        return process

    def serve(self, *, port: int = 0) -> tuple[Process, str]:
        """Start a server; the process and its address, once it is healthy."""
        process = self.start("serve", "--port", str(port))
        url = process.wait_for(r"^GraphQL\s+(http\S+)/graphql$")
        until(lambda: healthy(url))
        return process, url

    def close(self) -> None:
        """End what still runs."""
        for process in self.running:
            if process.is_running:
                process.kill()


@dataclass(frozen=True, slots=True)
class Api:
    """The interface of a running Hone, asked with one key."""

    url: str
    key: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that a document answers."""
        response = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        answer = response.json()
        assert "errors" not in answer, answer
        return answer["data"]

    def do(self, mutation: str, values: dict[str, Any], answer: str = "") -> Any:
        """The payload of a mutation; a refusal fails the test.

        `answer` is a type with its fields, such as `SurveyPayload { survey { id } }`.
        """
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        shape = f"... on {answer}" if answer else ""
        payload = self.ask(
            f"mutation($input: {kind}!) {{ {mutation}(input: $input) "
            f"{{ __typename ... on Error {{ code message path }} {shape} }} }}",
            input=values,
        )[mutation]
        assert "code" not in payload, payload
        return payload


class Receiver(ThreadingHTTPServer):
    """A webhook receiver that keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.received: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the length of the block."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def healthy(url: str) -> bool:
    """Whether both stores answer."""
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    return False


def until(happened: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait for something to be true; what it was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing in {seconds:.0f} s")
