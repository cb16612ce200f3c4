"""One poll for each thing watched, however many subscriptions listen to it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import suppress

POLL_SECONDS = 1.0

Read = Callable[[], Awaitable[object]]


class Watches:
    """The polls that run in this process."""

    def __init__(self) -> None:
        self._polls: dict[Hashable, _Poll] = {}

    def __len__(self) -> int:
        """How many things are watched."""
        return len(self._polls)

    async def changes(self, key: Hashable, read: Read) -> AsyncGenerator[None]:
        """Yield once now, and again whenever what `read` finds has changed.

        Listeners to one key share its poll, so `read` must find the same for all of
        them. A slow one passes over changes that another change has overtaken. What
        `read` raises ends the stream of everyone who listens.
        """
        poll = self._polls.get(key)
        if poll is None:
            poll = self._polls[key] = _Poll(read)
        poll.listeners += 1
        seen = 0
        try:
            while True:
                seen = await poll.after(seen)
                yield
        finally:
            poll.listeners -= 1
            if poll.listeners == 0:
                if self._polls.get(key) is poll:
                    del self._polls[key]
                await poll.stop()


class _Poll:
    """Reads one thing again and again, and counts how often it was new."""

    def __init__(self, read: Read) -> None:
        self.listeners = 0
        self._read = read
        self._turn = 0
        self._failure: Exception | None = None
        self._moved = asyncio.Condition()
        self._task = asyncio.create_task(self._run())

    async def after(self, seen: int) -> int:
        """Wait for a turn later than one already seen."""
        async with self._moved:
            await self._moved.wait_for(
                lambda: self._turn > seen or self._failure is not None
            )
        if self._failure is not None:
            raise self._failure
        return self._turn

    async def stop(self) -> None:
        """Read no more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        known: object = None
        try:
            while True:
                found = await self._read()
                if found != known or self._turn == 0:
                    known = found
                    await self._move()
                await asyncio.sleep(POLL_SECONDS)
        except Exception as failure:
            self._failure = failure
            await self._move()

    async def _move(self) -> None:
        async with self._moved:
            self._turn += 1
            self._moved.notify_all()
