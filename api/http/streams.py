"""Server-sent events: every open stream of the process, counted and ended together."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from starlette.types import Receive, Send

from api.problems import Refused
from api.records import note
from experiments.assignment.definitions import Snapshot
from experiments.service.definitions import Definitions

MAX_STREAMS = 4_000
MAX_STREAMS_OF_A_KEY = 2_000
PING_SECONDS = 30.0
PATIENCE_SECONDS = 10.0
"""How long one event may take to leave; a slower reader is let go."""
RECENT_SECONDS = 60.0
"""A caller that says nothing of what it saw last may have missed what is as new."""
RETRY_SECONDS = 30

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "connection": "keep-alive",
    "x-accel-buffering": "no",
}


class StreamsFull(Refused):
    """As many streams are open as there may be."""

    def __init__(self, whose: str, status: int) -> None:
        super().__init__(
            "TOO_MANY_STREAMS", f"{whose} as many streams as it may.", status=status
        )
        self.retry_after = RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of clients is told of a change."""

    opening: bytes
    ping: bytes
    event: Callable[[Snapshot, int], bytes]
    """The lines of an event, without its id; it is told when the change was noticed,
    in seconds since 1970."""
    greets: bool = False
    """Whether who says nothing of what it saw last is told everything at once, as what
    it fetched before may come from a cache."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, to what, and what it saw last."""

    environment_id: UUID
    key_id: UUID | None
    dialect: Dialect
    last_event_id: str
    is_welcome: Callable[[], Awaitable[bool]]
    """Whether the key still opens anything; asked before each thing that is sent."""
    shared: Mapping[str, str]
    """The headers that say which pages may read."""


@dataclass(slots=True)
class _Moved:
    """When an environment's definitions changed last, as far as we noticed."""

    ticks: float = field(default_factory=time.monotonic)
    at: int = field(default_factory=lambda: int(time.time()))


@dataclass(slots=True, eq=False)
class _Stream:
    environment_id: UUID
    turned: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    async def turns(self) -> bool:
        """Wait until something is new; false if nothing was for a while."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self.turned.wait()
        except TimeoutError:
            return False
        self.turned.clear()
        return True

    def leave(self) -> None:
        """Have the stream end at its next step, which is now."""
        self.gone = True
        self.turned.set()


class Streams:
    """The streams that are open in this process.

    A stream holds no queue: it wakes up and sends what is served then, so a reader
    that is slow passes over versions and never makes memory grow.
    """

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._open: set[_Stream] = set()
        self._of_keys: Counter[UUID | None] = Counter()
        self._moved: dict[UUID, _Moved] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def has_room(self) -> bool:
        """Whether one more may be opened."""
        return not self._closed and len(self._open) < MAX_STREAMS

    def close(self) -> None:
        """End every stream and open no more: the server stops."""
        self._closed = True
        for stream in self._open:
            stream.leave()

    async def serve(self, listener: Listener, receive: Receive, send: Send) -> None:
        """Send what changes, until the reader leaves or lags, or the server stops.

        Raises:
            StreamsFull: Before anything is sent.
            Unreachable: Likewise; nothing is known of the environment.
        """
        await self._definitions.snapshot(listener.environment_id)
        self._follow(listener.environment_id)
        with self._entered(listener) as stream:
            watching = asyncio.create_task(_until_gone(receive, stream))
            try:
                await self._run(listener, stream, send)
            except TimeoutError:
                note("stream dropped", keyId=str(listener.key_id))
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    async def _run(self, listener: Listener, stream: _Stream, send: Send) -> None:
        sent, dialect = self._served(listener), listener.dialect
        await send(_start(listener))
        await _write(send, dialect.opening + self._greeting(listener, sent))
        while True:
            turned = await stream.turns()
            if stream.gone or not await listener.is_welcome():
                break
            snapshot = self._served(listener)
            if snapshot is not sent:
                sent = snapshot
                await _write(send, self._event(listener, snapshot))
            elif not turned:
                await _write(send, dialect.ping)
        await _write(send, b"", more=False)

    def _served(self, listener: Listener) -> Snapshot:
        snapshot = self._definitions.held(listener.environment_id)
        if snapshot is None:
            raise RuntimeError("The environment is followed, so it is in memory.")
        return snapshot

    def _greeting(self, listener: Listener, snapshot: Snapshot) -> bytes:
        """What the reader has missed, else only the id of what it has."""
        if self._has_missed(listener, snapshot.version):
            return self._event(listener, snapshot)
        return b"id: %d\n\n" % snapshot.version

    def _event(self, listener: Listener, snapshot: Snapshot) -> bytes:
        noticed = self._moved[listener.environment_id].at
        said = listener.dialect.event(snapshot, noticed)
        return b"id: %d\n%b\n\n" % (snapshot.version, said)

    def _has_missed(self, listener: Listener, version: int) -> bool:
        if listener.last_event_id:
            return listener.last_event_id != str(version)
        if listener.dialect.greets:
            return True
        age = time.monotonic() - self._moved[listener.environment_id].ticks
        return age < RECENT_SECONDS

    def _follow(self, environment_id: UUID) -> None:
        """Wake this environment's streams at every change, from the first one on."""
        if environment_id not in self._moved:
            self._moved[environment_id] = _Moved()
            self._definitions.subscribe(
                environment_id, lambda _: self._turn(environment_id)
            )

    def _turn(self, environment_id: UUID) -> None:
        self._moved[environment_id] = _Moved()
        for stream in self._open:
            if stream.environment_id == environment_id:
                stream.turned.set()

    @contextmanager
    def _entered(self, listener: Listener) -> Iterator[_Stream]:
        if not self.has_room:
            raise StreamsFull("This process has", 503)
        if self._of_keys[listener.key_id] >= MAX_STREAMS_OF_A_KEY:
            raise StreamsFull("This key has", 429)
        stream = _Stream(listener.environment_id)
        self._open.add(stream)
        self._of_keys[listener.key_id] += 1
        try:
            yield stream
        finally:
            self._open.discard(stream)
            self._of_keys[listener.key_id] -= 1
            if not self._of_keys[listener.key_id]:
                del self._of_keys[listener.key_id]


def _start(listener: Listener) -> dict[str, object]:
    headers = {**_HEADERS, **listener.shared}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}


async def _until_gone(receive: Receive, stream: _Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.leave()


async def _write(send: Send, chunk: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})
