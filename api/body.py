"""Reads a request's body: capped before parsing, cut when it comes too slowly."""

import asyncio
import re
from collections.abc import Awaitable, Coroutine, Generator
from types import CoroutineType
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from api.problems import Malformed

BODY_SECONDS = 10.0


async def read_body(
    headers: Headers, receive: Receive, *, limit: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body, uncompressed.

    Raises:
        Malformed: It is compressed (415), too large (413), or too slow (408).
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed(
            "UNSUPPORTED_ENCODING", "Send the body uncompressed.", status=415
        )
    too_large = Malformed(
        "BODY_TOO_LARGE", f"A body has at most {limit} bytes.", status=413
    )
    announced = headers.get("content-length", "0")
    if not re.fullmatch(r"\d{1,12}", announced, re.ASCII) or int(announced) > limit:
        raise too_large
    parts: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Malformed("BAD_REQUEST", "The body is incomplete.")
                parts.append(message.get("body", b""))
                total += len(parts[-1])
                if total > limit:
                    raise too_large
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Malformed(
            "BODY_TOO_SLOW", f"A body arrives within {seconds:g} seconds.", status=408
        ) from None


def arrived(receive: Receive) -> tuple[Message, Awaitable[Message] | None]:
    """The next message if it is here already; else what to wait for.

    A small body mostly comes with its headers: then no clock has to be set for it.
    """
    waiting = receive()
    if not isinstance(waiting, CoroutineType):
        return {}, waiting
    try:
        future = waiting.send(None)
    except StopIteration as done:
        return cast(Message, done.value), None
    return {}, _Begun(waiting, future)


class _Begun:
    """A coroutine that waits for something, to be awaited from there on."""

    def __init__(self, coroutine: Coroutine[Any, Any, Message], future: object) -> None:
        self._coroutine = coroutine
        self._future = future

    def __await__(self) -> Generator[Any, Any, Message]:
        try:
            yield self._future
        except BaseException:
            self._coroutine.close()
            raise
        return (yield from self._coroutine.__await__())
