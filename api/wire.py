"""HTTP as uvicorn speaks it, with doors for what can be answered on the spot.

A request that is here whole, for a path that has a door, is offered to it as soon as
its last byte is parsed: no task, no messages, one write. The door answers or declines;
a declined request, and every other one, goes to the application as it came. Nothing
that a door answers waits for anything, and nothing about a connection is decided here:
keeping it alive, back pressure, pipelining and shutdown are uvicorn's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_BODY = 65_536
_METHODS = frozenset({b"GET", b"POST"})
_UNUSUAL = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Reply:
    """A whole response. Its headers hold its length, and nothing of a caller's."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


Door: TypeAlias = Callable[[Scope, bytes], Reply | None]
"""Answers a request that is here whole, or declines: without waiting or raising."""


class Doors:
    """Which door a path has: one of its own, or that of all that begins with it."""

    def __init__(self, exact: Mapping[str, Door], below: Mapping[str, Door]) -> None:
        self._exact = {path.encode(): door for path, door in exact.items()}
        self._below = tuple((path.encode(), door) for path, door in below.items())

    def of(self, path: bytes) -> Door | None:
        """The door of a path as it was sent."""
        found = self._exact.get(path)
        if found is None:
            for start, door in self._below:
                if path.startswith(start):
                    return door
        return found


class Wire(HttpToolsProtocol):
    """uvicorn's protocol, which looks for a door before it makes a task."""

    doors = Doors({}, {})

    _door: Door | None = None
    _body = b""

    def on_message_begin(self) -> None:
        """Begin a request; what only the application needs is made for it alone."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Hold a request that has a door until its last byte is there."""
        path = self.url.partition(b"?")[0]
        door = self.doors.of(path)
        if door is not None and self._is_usual():
            self._door, self._body = door, b""
            return
        self._pass_on()

    def on_body(self, body: bytes) -> None:
        """Keep what came of a body that is held."""
        if self._door is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > MAX_BODY:
            self._decline()

    def on_message_complete(self) -> None:
        """Answer what is here whole."""
        door = self._door
        if door is None:
            super().on_message_complete()
            return
        path, _, query = self.url.partition(b"?")
        scope: dict[str, Any] = {
            "type": "http",
            "method": self.parser.get_method().decode("ascii"),
            "path": path.decode("ascii", "replace"),
            "query_string": query,
            "headers": self.headers,
        }
        reply = door(scope, self._body)
        if reply is None:
            self._decline(scope)
            super().on_message_complete()
            return
        self._door = None
        self.transport.write(self._written(reply))
        self.on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Parse; a request whose rest is yet to come waits in the application."""
        super().data_received(data)
        if self._door is not None and self.parser is not None:
            self._decline()

    def _is_usual(self) -> bool:
        """Whether it is a request that nothing but its answer is to be decided of."""
        parser = self.parser
        return (
            (self.cycle is None or self.cycle.response_complete)
            and parser.get_method() in _METHODS
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and self.limit_concurrency is None
            and _UNUSUAL.isdisjoint([name for name, _ in self.headers])
        )

    def _decline(self, seen: Mapping[str, Any] | None = None) -> None:
        """Let the application have it, with what is here of its body."""
        body, self._door, self._body = self._body, None, b""
        self._pass_on(seen)
        if body:
            super().on_body(body)

    def _pass_on(self, seen: Mapping[str, Any] | None = None) -> None:
        """What uvicorn does with a request, from its beginning on."""
        url, headers, expecting = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expecting
        self.headers.extend(headers)
        if seen is not None:
            marks = {name: seen[name] for name in seen if name.startswith("hone.")}
            self.scope.update(marks)  # type: ignore[typeddict-item]
        super().on_headers_complete()

    def _written(self, reply: Reply) -> bytes:
        parts = [STATUS_LINE[reply.status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in reply.headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n")
        if reply.status not in _BODILESS:
            parts.append(reply.body)
        return b"".join(parts)


def wire(doors: Doors) -> type[Wire]:
    """The protocol with these doors."""
    return type("Wire", (Wire,), {"doors": doors})
