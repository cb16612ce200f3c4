"""A real server with embedded stores, seeded through its API, and a real Chromium."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from api.auth import COOKIE

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = Path(__file__).parents[2] / ".hone" / "screenshots"
HONE = [sys.executable, "-c", "from api.cli import main; main()"]
START_SECONDS = 180.0
PATIENCE_MILLISECONDS = 20_000
UNFOLD = "() => document.querySelectorAll('details').forEach((d) => (d.open = true))"
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"
expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass(frozen=True, slots=True)
class Server:
    """A running Hone and the commands that an operator has beside it."""

    url: str
    environment: dict[str, str]

    def command(self, *arguments: str) -> dict[str, str]:
        """Run one of hone's commands; its report comes back."""
        done = subprocess.run(
            [*HONE, *arguments, "--json"],
            env=self.environment,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, str] = msgspec.json.decode(done.stdout)
        return report

    def sign_in_link(self) -> str:
        """A fresh link that works once."""
        return self.command("members", "link", "ada@example.com", "--project", "acme")[
            "signInLink"
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prepared(folder: Path, **settings: str) -> Server:
    """Where a server will listen, over embedded stores in a folder."""
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_URL")}
    environment = kept | {
        "HONE_DATA_DIR": str(folder),
        "HONE_PORT": str(port),
        "HONE_DEMO_ADMIN": "false",
        **settings,
    }
    return Server(f"http://127.0.0.1:{port}", environment)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Hone as `hone serve` starts it."""
    path = Path(server.environment["HONE_DATA_DIR"]) / "log"
    with path.open("wb") as log:
        process = subprocess.Popen([*HONE, "serve"], env=server.environment, stderr=log)
        try:
            answered(server.url, process, path)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one project and its administrator."""
    server = prepared(
        tmp_path_factory.mktemp("hone"),
        HONE_WATERMARK_LAG_SECONDS="0",
        HONE_SWEEP_SECONDS="0.2",
    )
    server.command("projects", "create", "acme", "--name", "Acme")
    who = ("ada@example.com", "--project", "acme", "--role", "ADMIN", "--name", "Ada")
    server.command("members", "invite", *who)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo company, whose administrator is whoever asks."""
    server = prepared(tmp_path_factory.mktemp("demo"), HONE_DEMO_ADMIN="true")
    server.command("demo")
    with running(server):
        yield server


def answered(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers; tell why it does not."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def key(server: Server) -> str:
    """A server key that may change everything."""
    wanted = ("--project", "acme", "--role", "ADMIN")
    return server.command("keys", "create", "tests", *wanted)["secret"]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without it these tests are skipped, but never in CI.

    It ends with its package: other tests cannot have an event loop beside its own.
    """
    if not CHROMIUM.exists():
        advice = f"no {CHROMIUM}: apt-get install chromium fonts-dejavu-core"
        if os.environ.get("CI") == "true":
            pytest.fail(advice)
        pytest.skip(advice)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS]
        )
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Watched:
    """A page with everything that it asked for and complained about."""

    page: Page
    asked: list[str]
    complaints: list[str]

    def picture(self, name: str) -> None:
        """Keep a screenshot for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def watched(server: Server, chromium: Browser) -> Iterator[Watched]:
    """A fresh profile. A page that leaves the site or errs fails its test."""
    with watching(server, chromium) as found:
        yield found


@contextmanager
def watching(server: Server, chromium: Browser) -> Iterator[Watched]:
    """The same, of one server."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.type == "error" else None
        ),
    )
    yield Watched(page, asked, complaints)
    context.close()
    own = (server.url, server.url.replace("http:", "ws:"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert complaints == []


@pytest.fixture(scope="session")
def session_cookie(server: Server) -> str:
    """A session of the administrator, opened once for all tests that only look."""
    token = server.sign_in_link().rsplit("/", 1)[1]
    response = httpx.post(f"{server.url}/console/sign-in", data={"token": token})
    return response.cookies[COOKIE]


@pytest.fixture
def signed_in(server: Server, watched: Watched, session_cookie: str) -> Watched:
    """The same, signed in as the administrator."""
    watched.page.context.add_cookies(
        [{"name": COOKIE, "value": session_cookie, "url": server.url}]
    )
    return watched


def visit(server: Server, page: Page, key: str) -> Locator:
    """An experiment's page, and the box that says what comes next."""
    page.goto(f"{server.url}/console/experiments/{key}")
    now = page.get_by_role("region", name="What now")
    expect(now).to_be_visible()
    return now


def press(place: Locator, name: str) -> None:
    """Press the button of exactly this name."""
    place.get_by_role("button", name=name, exact=True).click()
