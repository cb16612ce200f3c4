"""What goes before and after a prepared body: the headers that every answer has."""

from functools import lru_cache

from api.envelope import SAFE_HEADERS
from api.graphql.http import accepted
from api.problems import Malformed

Headers = list[tuple[bytes, bytes]]


@lru_cache(maxsize=64)
def media_of(accept: bytes) -> str | None:
    """The media type to answer with, or None where none will do."""
    try:
        return accepted(accept.decode("latin-1"))
    except Malformed:
        return None


@lru_cache(maxsize=16)
def _fixed(media: str, *, public: bool) -> Headers:
    found = [
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"vary", b"accept, origin"),
        *((name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()),
    ]
    if public:
        found.append((b"access-control-allow-origin", b"*"))
    return found


def headers_of(media: str, size: int, request_id: str, *, public: bool) -> Headers:
    """The headers of one answer."""
    return [
        *_fixed(media, public=public),
        (b"content-length", b"%d" % size),
        (b"x-request-id", request_id.encode()),
    ]
