"""Reads a request's body: capped before parsing, cut when it comes too slowly."""

import asyncio
import re

from starlette.datastructures import Headers
from starlette.types import Receive

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
