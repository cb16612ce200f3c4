"""What goes before and after a prepared body: the headers that every answer has."""

from functools import lru_cache

from api.ahead import Heads
from api.auth import Caller, CallerKind
from api.envelope import SAFE_HEADERS
from api.graphql.http import KEPT, accepted, etag_of, is_json, still_holds
from api.pages import open_to
from api.problems import Malformed

Headers = list[tuple[bytes, bytes]]


@lru_cache(maxsize=64)
def media_of(accept: bytes) -> str | None:
    """The media type to answer with, or None where none will do."""
    try:
        return accepted(accept.decode("latin-1"))
    except Malformed:
        return None


@lru_cache(maxsize=64)
def is_plain(content_type: bytes) -> bool:
    """Whether a content type is JSON in UTF-8."""
    return is_json(content_type.decode("latin-1"))


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


class Answer:
    """A body on its way out."""

    __slots__ = ("content", "headers", "status")

    def __init__(
        self, content: bytes, media: str, caller: Caller, heads: Heads
    ) -> None:
        self.status = 200
        self.content = content
        listed = caller.origins is not None
        public = caller.kind is CallerKind.CLIENT and not listed
        self.headers = [
            *_fixed(media, public=public),
            (b"content-length", b"%d" % len(content)),
        ]
        if listed:
            origin = heads.get(b"origin", b"").decode("latin-1")
            shared = open_to(caller, origin)
            self.headers += [(k.encode(), v.encode()) for k, v in shared.items()]

    def keep(self, if_none_match: bytes) -> None:
        """Let the client keep it; if it has these bytes already, they stay here."""
        etag = etag_of(self.content)
        kept = {**KEPT, "etag": etag}
        if if_none_match and still_holds(if_none_match.decode("latin-1"), etag):
            self.status, self.content = 304, b""
        left_out = _OF_CONTENT if self.status == 304 else _VARY
        self.headers = [
            *(pair for pair in self.headers if pair[0] not in left_out),
            *((name.encode(), value.encode()) for name, value in kept.items()),
        ]


_VARY = frozenset({b"vary"})
_OF_CONTENT = _VARY | {b"content-length", b"content-type"}
