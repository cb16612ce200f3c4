"""The way out leads to public addresses and to nothing behind our own doors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from core.outbound import AddressRefused, Outbound

ATTACKS = [
    "http://127.0.0.1",
    "http://[::1]",
    "http://0/",
    "http://2130706433",
    "http://0x7f.1",
    "http://0177.0.0.1/",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:169.254.169.254]",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1%25lo]/",
    "http://[ff02::1]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost.",
    "http://localhost",
    "http://u@127.0.0.1",
    "http://user:password@93.184.215.14/",
    "http://10.0.0.8/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "ftp://93.184.215.14/",
    "http://93.184.215.14:6379/",
    "http://93.184.215.14:22/",
    "http:///nothing",
    "not a url",
    "http://" + "a" * 3000,
]


@pytest.mark.parametrize("url", ATTACKS)
async def test_an_address_inside_is_refused(url: str) -> None:
    async with Outbound() as http:
        with pytest.raises(AddressRefused):
            await http.check(url)


@pytest.mark.parametrize("url", ATTACKS)
async def test_sending_refuses_what_checking_refuses(url: str) -> None:
    async with Outbound() as http:
        with pytest.raises(AddressRefused):
            await http.post(url, body=b"{}", headers={})


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://0.0.0.0/"]
)
async def test_metadata_is_refused_even_where_everything_is_allowed(url: str) -> None:
    async with Outbound(allowed=("0.0.0.0/0", "::/0")) as http:
        with pytest.raises(AddressRefused):
            await http.check(url)


@pytest.mark.parametrize(
    "url", ["https://93.184.215.14/hook", "http://[2606:2800:21f::1]:8443/hook"]
)
async def test_a_public_address_is_reachable(url: str) -> None:
    async with Outbound() as http:
        assert str((await http.check(url)).address) in url


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", "10.0.0.8"]

    async with Outbound(resolver=both) as http:
        with pytest.raises(AddressRefused):
            await http.check("https://hooks.example/")


async def test_a_name_that_changes_its_answer_is_asked_once() -> None:
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    async with (
        receiver("HTTP/1.1 204 No Content\r\n\r\n", host="127.0.0.2") as (port, seen),
        Outbound(allowed=("127.0.0.2/32",), resolver=rebinding) as http,
    ):
        answer = await http.post(f"http://hooks.example:{port}/", body=b"", headers={})
    assert answer.status == 204
    assert asked == ["hooks.example"]
    assert f"host: hooks.example:{port}" in seen[0].lower()


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"
    async with receiver(head) as (port, seen), allowing_loopback() as http:
        answer = await http.post(f"http://127.0.0.1:{port}/", body=b"", headers={})
    assert answer.status == 302
    assert len(seen) == 1


async def test_the_tls_greeting_names_the_host_and_not_the_pinned_address() -> None:
    async def loopback(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with (
        receiver("", bytes_wanted=300) as (port, seen),
        Outbound(allowed=("127.0.0.0/8",), resolver=loopback) as http,
    ):
        with pytest.raises(httpx.HTTPError):
            await http.post(f"https://hooks.example:{port}/", body=b"", headers={})
    assert "hooks.example" in seen[0]


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        serving(silent) as port,
        Outbound(allowed=("127.0.0.0/8",), timeout=0.1) as http,
    ):
        with pytest.raises((TimeoutError, httpx.TimeoutException)):
            await http.post(f"http://127.0.0.1:{port}/", body=b"", headers={})


async def test_an_endless_body_is_not_read() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with (
        serving(endless) as port,
        allowing_loopback() as http,
        asyncio.timeout(5),
    ):
        answer = await http.post(f"http://127.0.0.1:{port}/", body=b"", headers={})
    assert answer.status == 200


def allowing_loopback() -> Outbound:
    """A way out for which this machine is an allowed network."""
    return Outbound(allowed=("127.0.0.0/8",))


@asynccontextmanager
async def receiver(
    answer: str, *, host: str = "127.0.0.1", bytes_wanted: int = 0
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server with one fixed answer; yields its port and what it was sent."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if bytes_wanted:
            head = await reader.read(4096)
        else:
            head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head.decode("latin-1"))
        writer.write(answer.encode())

    async with serving(serve, host=host) as port:
        yield port, seen


@asynccontextmanager
async def serving(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    host: str = "127.0.0.1",
) -> AsyncIterator[int]:
    """A server on a free port; every connection is over when the block ends."""
    open_now: set[asyncio.Task[None]] = set()

    async def attend(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        with suppress(ConnectionError):
            await handler(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        open_now.discard(task)

    server = await asyncio.start_server(attend, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        if open_now:
            await asyncio.wait(open_now, timeout=5)
