"""OpenFeature's SDK for browsers, with its OFREP provider, in a real Chromium.

The page comes from another origin than the server, as a customer's does.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, Request, Response, async_playwright

from tests.api.conftest import Edge
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.npm import absent, installed
from tests.ofrep.conftest import VALUES, pause

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
READ = "([key, kind, other]) => window.client[`get${kind}Details`](key, other)"
KINDS = {
    "flag-bool": ("Boolean", False),
    "flag-string": ("String", "none"),
    "flag-int": ("Number", 0),
    "flag-float": ("Number", 0),
    "flag-object": ("Object", {}),
}


@dataclass(slots=True)
class Tab:
    """A page of a customer's site, with what it asked of the server."""

    page: Page
    url: str
    site: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    async def open(self, key: str, *, subject: str = "u1") -> None:
        """Load the site and wait for its flags."""
        asked = urlencode({"url": self.url, "key": key, "subject": subject})
        await self.page.goto(f"{self.site}/page.html?{asked}")
        await self.page.wait_for_function("window.ready === true")

    async def told(self, key: str, kind: str, other: object) -> dict[str, object]:
        """One evaluation, from what the page holds."""
        found: dict[str, object] = await self.page.evaluate(READ, [key, kind, other])
        return found


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """A site of a customer's, by another name than the server's."""
    files = partial(_Files, directory=str(HERE))
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def tab(url: str, site: str) -> AsyncIterator[Tab]:
    """An empty tab of a fresh profile."""
    if not CHROMIUM.exists():
        absent(f"no {CHROMIUM}: apt-get install chromium fonts-dejavu-core")
    await installed(HERE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS]
        )
        page = await browser.new_page()
        tab = Tab(page, url, site)

        def request(sent: Request) -> None:
            if sent.url.startswith(url):
                tab.asked.append((sent.method, sent.url.removeprefix(url)))

        def response(got: Response) -> None:
            if got.url.startswith(url) and got.request.method == "POST":
                tab.answered.append(got.status)

        page.on("request", request)
        page.on("response", response)
        yield tab
        await browser.close()


async def test_a_page_reads_follows_and_remembers_its_flags(
    flags: Edge, tab: Tab
) -> None:
    key = flags.tenant.client
    await tab.open(key)
    assert await tab.page.evaluate("window.failure") is None
    for flag, (kind, other) in KINDS.items():
        found = await tab.told(flag, kind, other)
        assert "errorCode" not in found, found
        assert found["value"] == VALUES[flag][found["variant"] == "treatment"]
        assert found["reason"] == "SPLIT"
    missing = await tab.told("absent", "Boolean", True)
    assert missing["errorCode"] == "FLAG_NOT_FOUND"
    mismatch = await tab.told("flag-bool", "String", "none")
    assert mismatch["errorCode"] == "TYPE_MISMATCH"
    await tab.page.evaluate("window.changes.length = 0")

    await pause(flags, "flag-int")
    await tab.page.wait_for_function("window.changes.length > 0", timeout=5_000)
    changed = await tab.page.evaluate("window.changes")
    assert [flag for each in changed for flag in each] == ["flag-int"]
    paused = await tab.told("flag-int", "Number", 0)
    assert (paused["reason"], paused["value"]) == ("DISABLED", 10)
    refetches = [path for method, path in tab.asked if "flagConfigEtag=" in path]
    assert refetches, tab.asked

    tab.answered.clear()
    await tab.page.reload()
    async with asyncio.timeout(10):
        await tab.page.wait_for_function("window.ready === true")
        while not tab.answered:
            await tab.page.wait_for_timeout(20)
    assert set(tab.answered) == {304}


async def test_a_page_is_told_what_is_wrong(flags: Edge, tab: Tab) -> None:
    await tab.open("wrong")
    assert await tab.page.evaluate("window.failure")
    await tab.open(flags.tenant.client, subject="")
    assert await tab.page.evaluate("window.failure")
    found = await tab.told("flag-bool", "Boolean", True)
    assert found["value"] is True
