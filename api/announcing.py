"""Redis pub/sub between serving processes: a publish is seen sooner than by polling."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

PATIENCE_SECONDS = 2.0
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 5.0
SILENCE_SECONDS = 15.0
"""A connection that says nothing for so long is asked whether it is alive."""

_CHANNEL = "hone:definitions"
_log = logging.getLogger("hone.definitions")
_AWAY = (RedisError, OSError, TimeoutError)


class RedisChannel:
    """Announcements of changed definitions. With Redis away none is sent or heard.

    They carry nothing: whoever hears one asks the database what moved. So it is
    harmless that pub/sub knows no databases, and what a stranger sends is too.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            health_check_interval=SILENCE_SECONDS,
        )
        self._sending: set[asyncio.Task[None]] = set()

    def announce(self) -> None:
        """Tell whoever listens, in the background."""
        sending = asyncio.ensure_future(self._send())
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def listen(self, heard: Callable[[], None]) -> None:
        """Listen until cancelled, through every absence of Redis."""
        wait = FIRST_RETRY_SECONDS
        while True:
            try:
                async for _ in self._messages():
                    heard()
                    wait = FIRST_RETRY_SECONDS
            except Exception as error:
                # Whatever it was: polling goes on, and listening is tried again.
                _log.info("No announcements (%s); polling on", type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LAST_RETRY_SECONDS)

    async def _messages(self) -> AsyncGenerator[None]:
        """One for each announcement, and one when listening begins.

        For something may have been said before.
        """
        async with self._redis.pubsub() as inbox:
            await inbox.subscribe(_CHANNEL)
            while True:
                if await inbox.get_message(timeout=SILENCE_SECONDS) is not None:
                    yield

    async def close(self) -> None:
        """Let announcements that are under way finish, then disconnect."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=PATIENCE_SECONDS)
        with suppress(*_AWAY):
            await self._redis.aclose()

    async def _send(self) -> None:
        with suppress(*_AWAY):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._redis.publish(_CHANNEL, b"")
