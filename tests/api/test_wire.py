"""The wire: what a door answers, what it declines; nobody sees a difference."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from api.wire import Doors, Reply, Wire, wire

Ask = Callable[..., Awaitable[bytes]]
SLOW = 0.05


class Listening:
    """An application that says what it was asked, behind a door that may answer."""

    def __init__(self) -> None:
        self.offered: list[tuple[dict[str, Any], bytes]] = []
        self.declines = False

    def door(self, scope: Any, body: bytes) -> Reply | None:
        """Say what was offered, or decline."""
        self.offered.append((dict(scope), body))
        if self.declines:
            scope["hone.seen"] = "yes"
            return None
        said = b"door:" + body
        return Reply(200, [(b"content-length", b"%d" % len(said))], said)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Say what came, a little later."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await asyncio.sleep(SLOW)
        seen = scope.get("hone.seen", "no")
        said = f"app:{scope['method']} {scope['path']} {seen}:".encode() + body
        headers = [(b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def listening(answering: Listening) -> AsyncIterator[Ask]:
    """Serve it; what is asked is sent in parts, and answered with all that came."""
    doors = Doors({"/door": answering.door}, {"/below/": answering.door})
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            answering.app,
            http=wire(doors),
            interface="asgi3",
            log_config=None,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def ask(*parts: bytes, answers: int = 1) -> bytes:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(SLOW)
            said = b""
            async with asyncio.timeout(5):
                while said.count(b"HTTP/1.1 ") < answers or not said.endswith(b"."):
                    part = await reader.read(65_536)
                    if not part:
                        break
                    said += part
            writer.close()
            return said

        try:
            yield ask
        finally:
            server.should_exit = True
            await serving


def request(path: str = "/door", body: bytes = b".", *lines: str) -> bytes:
    """A request as a client writes it."""
    head = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines, "", ""]).encode() + body


@pytest.mark.parametrize("path", ["/door", "/door?q=1", "/below/key"])
async def test_what_is_here_whole_is_answered_by_the_door(path: str) -> None:
    answering = Listening()
    async with listening(answering) as ask:
        said = await ask(request(path, b"hello.", "X-Name: value"))
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\ndoor:hello.")
    assert b"date: " in said
    ((scope, body),) = answering.offered
    assert body == b"hello."
    assert scope["path"] == path.partition("?")[0]
    assert scope["query_string"] == path.partition("?")[2].encode()
    assert (b"x-name", b"value") in scope["headers"]


async def test_what_the_door_declines_is_the_applications_as_it_came() -> None:
    answering = Listening()
    answering.declines = True
    async with listening(answering) as ask:
        said = await ask(request(body=b"hello."))
    assert said.endswith(b"app:POST /door yes:hello.")


@pytest.mark.parametrize(
    "line", ["Connection: close", "Expect: 100-continue", "Upgrade: other"]
)
async def test_what_is_unusual_is_the_applications(line: str) -> None:
    answering = Listening()
    async with listening(answering) as ask:
        said = await ask(request("/door", b"hello.", line))
    assert said.endswith(b"app:POST /door no:hello.")
    assert answering.offered == []


async def test_a_body_in_chunks_is_the_applications() -> None:
    answering = Listening()
    head = b"POST /door HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with listening(answering) as ask:
        said = await ask(head + b"6\r\nhello.\r\n0\r\n\r\n")
    assert said.endswith(b"app:POST /door no:hello.")


async def test_a_request_that_comes_in_pieces_is_the_applications() -> None:
    answering = Listening()
    whole = request(body=b"hello, world.")
    async with listening(answering) as ask:
        said = await ask(whole[:30], whole[30:-8], whole[-8:])
    assert said.endswith(b"app:POST /door no:hello, world.")
    assert answering.offered == []


async def test_other_paths_and_methods_have_no_door() -> None:
    answering = Listening()
    async with listening(answering) as ask:
        other = await ask(request("/elsewhere"))
        put = await ask(request().replace(b"POST", b"PUT"))
    assert other.endswith(b"app:POST /elsewhere no:.")
    assert put.endswith(b"app:PUT /door no:.")


async def test_answers_keep_the_order_of_the_requests() -> None:
    answering = Listening()
    async with listening(answering) as ask:
        said = await ask(
            request(body=b"1.") + request("/slow", b"2.") + request(body=b"3."),
            answers=3,
        )
    assert [part.rpartition(b"\r\n")[2] for part in said.split(b"HTTP/1.1 ")[1:]] == [
        b"door:1.",
        b"app:POST /slow no:2.",
        b"app:POST /door no:3.",
    ]


async def test_a_connection_goes_on_after_the_door() -> None:
    answering = Listening()
    async with listening(answering) as ask:
        said = await ask(
            request(body=b"1."), request(body=b"2."), request("/s"), answers=3
        )
    assert said.count(b"door:") == 2
    assert said.endswith(b"app:POST /s no:.")


async def test_a_body_past_the_limit_is_the_applications() -> None:
    answering = Listening()
    body = b"x" * 70_000 + b"."
    async with listening(answering) as ask:
        said = await ask(request(body=body))
    assert said.endswith(body)
    assert b"app:POST /door no:" in said
    assert answering.offered == []


def test_a_path_without_a_door_has_none() -> None:
    assert Wire.doors.of(b"/graphql") is None
