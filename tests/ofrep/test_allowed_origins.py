"""The doors of flag clients: listed pages read what a key is answered, no others."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import Edge
from tests.api.opened import allow
from tests.ofrep.test_ofrep import FLAGS
from tests.ofrep.test_streams import listening, settle

PAGE = "https://app.example.com"
OTHER = "https://app.example.com.evil.com"
CHILD = "https://a.example.org"
HEADER = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"
PAGES = {
    PAGE: PAGE,
    OTHER: None,
    CHILD: CHILD,
    "https://b.example.org": "https://b.example.org",
    "https://evil-example.org": None,
    "null": None,
    None: None,
}
DOORS = {
    "bulk": ("POST", FLAGS),
    "one": ("POST", f"{FLAGS}/flag-bool"),
    "missing": ("POST", f"{FLAGS}/absent"),
    "wrong": ("GET", FLAGS),
    "features": ("GET", "/api/features/{key}"),
    "head": ("HEAD", "/api/features/{key}"),
    "wrong-features": ("POST", "/api/features/{key}"),
    "prefixed": ("GET", "/gb/api/features/{key}"),
    "eval": ("POST", "/api/eval/{key}"),
    "wrong-eval": ("GET", "/api/eval/{key}"),
    "wrong-sub": ("POST", "/sub/{key}"),
    "wrong-stream": ("POST", "/ofrep/v1/streams/{key}"),
}
STREAMS = ("/sub/{key}", "/ofrep/v1/streams/{key}")
PREFLIGHTS = ("/api/features/{key}", "/api/eval/{key}")


@pytest.fixture(params=["router", "wire"])
async def client(
    flags: Edge, url: str, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    """With and without the doors on the wire."""
    if request.param == "router":
        yield flags.client
        return
    async with httpx.AsyncClient(base_url=url) as client:
        yield client


async def ask(
    client: httpx.AsyncClient, edge: Edge, door: str, page: str | None, **headers: str
) -> httpx.Response:
    """One request, as a page sends it."""
    method, path = DOORS[door]
    body: dict[str, Any] = {"context": {"targetingKey": "u1"}}
    if "eval" in door:
        body = {"attributes": {"id": "u1"}}
    if page is not None:
        headers["origin"] = page
    if not path.endswith("{key}"):
        headers["x-api-key"] = edge.tenant.client
    return await client.request(
        method,
        path.format(key=edge.tenant.client),
        json=body if method == "POST" else None,
        headers=headers,
    )


async def test_only_listed_pages_read(flags: Edge, client: httpx.AsyncClient) -> None:
    await allow(flags, PAGE, "https://*.example.org")
    for door in [*DOORS] * 3:
        for page, allowed in PAGES.items():
            answer = await ask(client, flags, door, page)
            assert answer.headers.get(HEADER) == allowed, door
            assert "origin" in answer.headers["vary"], door
            assert CREDENTIALS not in answer.headers, door


@pytest.mark.parametrize("door", ["bulk", "features"])
async def test_what_still_holds_is_said_to_listed_pages_only(
    flags: Edge, client: httpx.AsyncClient, door: str
) -> None:
    await allow(flags, PAGE, "https://*.example.org")
    etag = (await ask(client, flags, door, PAGE)).headers["etag"]
    for _ in range(3):
        for page, allowed in PAGES.items():
            known = {"if-none-match": etag}
            answer = await ask(client, flags, door, page, **known)
            assert answer.status_code == 304
            assert answer.headers.get(HEADER) == allowed
            assert "origin" in answer.headers["vary"]


async def test_without_a_list_any_page_reads(
    flags: Edge, client: httpx.AsyncClient
) -> None:
    for door in DOORS:
        for page in PAGES:
            answer = await ask(client, flags, door, page)
            assert answer.headers[HEADER] == "*", door
            assert CREDENTIALS not in answer.headers, door


@pytest.mark.parametrize("path", PREFLIGHTS)
async def test_a_preflight_with_the_key_is_held_to_the_list(
    flags: Edge, path: str
) -> None:
    address = path.format(key=flags.tenant.client)
    await allow(flags, PAGE)
    for page, allowed in ((PAGE, PAGE), (OTHER, None)):
        asked = await flags.client.options(address, headers={"origin": page})
        assert (asked.status_code, asked.headers.get(HEADER)) == (204, allowed)
        assert asked.headers["access-control-allow-headers"] == "*"
    # Nobody's key: the page is told so by the answer, which it may read.
    unknown = await flags.client.options(
        path.format(key="hk_c_wrong"), headers={"origin": OTHER}
    )
    assert (unknown.status_code, unknown.headers[HEADER]) == (204, "*")


async def test_a_preflight_without_the_key_is_open(flags: Edge) -> None:
    await allow(flags, PAGE)
    for path in (FLAGS, "/graphql", "/v1/events"):
        asked = await flags.client.options(path, headers={"origin": OTHER})
        assert (asked.status_code, asked.headers[HEADER]) == (204, "*")


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_is_held_to_the_list_and_ends_with_its_page(
    flags: Edge, url: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.streams.PING_SECONDS", 0.05)
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    address = url + path.format(key=flags.tenant.client)
    await allow(flags, PAGE)
    for page, allowed in ((PAGE, PAGE), (OTHER, None)):
        async with listening(address, page=page) as (answer, _):
            assert answer.headers.get(HEADER) == allowed
            assert answer.headers["vary"] == "origin"
    await settle(flags, 0)
    async with listening(address, page=PAGE) as (answer, ear):
        await settle(flags, 1)
        await allow(flags, PAGE, CHILD)
        for _ in range(10):
            await ear.block()
        await allow(flags, CHILD)
        await settle(flags, 0)
        await answer.aclose()
    async with listening(address) as (answer, ear):
        assert HEADER not in answer.headers
        await ear.block()
    await allow(flags)
    async with listening(address, page=OTHER) as (answer, _):
        assert answer.headers[HEADER] == "*"
