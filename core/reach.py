"""Whether the facts database can be reached, and what to do while it cannot."""

import asyncio
import errno
import math
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

PATIENCE_SECONDS = 5.0
"""How long a look-up waits for a database that answers nobody."""

BUSY_SECONDS = 25.0
"""How long one waits for a database that answers others meanwhile."""

CONNECT_SECONDS = 2.0
"""How long a PostgreSQL may take to let us in before it counts as away."""

_AWAY_SECONDS = 5.0
"""Believed this long after a failure, unless somebody gets through before."""

_NETWORK = frozenset(
    {
        None,  # several addresses were tried, and each failed in its own way
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENOENT,  # the socket file of a server on this machine
    }
)
_POSTGRES = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_CLOSED = ("connection is closed", "connection was closed", "pool is clos")
_SQLITE = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
)


class Unreachable(Exception):
    """The database does not answer, and memory has nothing to say instead."""


def is_unreachable(error: BaseException) -> bool:
    """Whether a failure means that a database is away, not that a statement is bad.

    SQLite's is away when its file cannot be opened, or somebody keeps it locked.
    """
    return any(_says_away(cause) for cause in _causes(error))


def _says_away(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        named = error.filename is not None
        unknown = isinstance(error, socket.gaierror)
        return unknown or (error.errno in _NETWORK and not named)
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in _CLOSED)
    return isinstance(error, (Unreachable, TimeoutError, PoolTimeout, *_POSTGRES))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what the driver said of it, and what each of these came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [
                getattr(found, "orig", None),
                getattr(found, "original_error", None),
                found.__cause__,
            ]


class Reach:
    """What this process knows of its way to the database.

    After one failure nobody else waits for the same: look-ups that have another
    answer skip the database until somebody got through, or for five seconds.
    """

    def __init__(self) -> None:
        self._lost_at: float | None = None
        self._away_since: float | None = None
        self._answered_at = -math.inf

    @property
    def is_away(self) -> bool:
        """Whether the database failed to answer just now."""
        lost = self._lost_at
        return lost is not None and time.monotonic() - lost < _AWAY_SECONDS

    @property
    def away_seconds(self) -> float:
        """How long nobody has got through; zero while it answers."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    def lost(self) -> None:
        """The database did not answer."""
        self._lost_at = time.monotonic()
        if self._away_since is None:
            self._away_since = self._lost_at

    def found(self) -> None:
        """The database answered."""
        self._lost_at = self._away_since = None
        self._answered_at = time.monotonic()

    @asynccontextmanager
    async def asking(
        self, *, anyway: bool = False, patience: float | None = None
    ) -> AsyncIterator[None]:
        """Bound what is asked of the database, and remember how it went.

        With `anyway` it is asked even if it failed to answer just now.

        Raises:
            Unreachable: The database is away.
        """
        if self.is_away and not anyway:
            raise Unreachable("The database did not answer just now.")
        try:
            async with self._waiting(patience or PATIENCE_SECONDS):
                yield
        except Exception as error:
            if not is_unreachable(error):
                raise
            self.lost()
            raise Unreachable("The database does not answer.") from error
        self.found()

    @asynccontextmanager
    async def _waiting(self, patience: float) -> AsyncIterator[None]:
        """Give up after this long, but not on a database that is only busy."""
        loop = asyncio.get_running_loop()
        last = loop.time() + max(patience, BUSY_SECONDS)
        watch: asyncio.TimerHandle | None = None

        def look() -> None:
            nonlocal watch
            busy = time.monotonic() - self._answered_at < patience
            until = min(loop.time() + patience, last) if busy else loop.time()
            if until > loop.time():
                watch = loop.call_at(until, look)
            else:
                limit.reschedule(until)

        async with asyncio.timeout(None) as limit:
            watch = loop.call_later(patience, look)
            try:
                yield
            finally:
                watch.cancel()
