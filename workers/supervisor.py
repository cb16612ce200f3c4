"""Runs every arrow in one process: on a nudge at once, on a sweep for certain."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from core import schedules
from workers.arrows import ARROWS, Arrow
from workers.context import TaskContext
from workers.wakes import EmbeddedQueue

logger = logging.getLogger("hone.workers")

BEAT_SECONDS = 5.0
DRAIN_SECONDS = 20.0
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 30.0
MOST_DOUBLINGS = 16
"""Past the longest pause by far, and still a number that a float can hold."""

LONGEST_REST_SECONDS = 1.0
WORKER = "worker"
"""The heartbeat of the process; each task has one under its own name as well."""


class Supervisor:
    """Keeps every arrow running until it is stopped.

    Each task has its own turn within its pause: swept together, two dozen short rounds
    would hold up whatever else this event loop answers. A task that fails is logged
    and tried again after a growing pause: what it did not finish is still an undone
    row. A task's rounds never overlap in a process.
    """

    def __init__(
        self,
        context: TaskContext,
        wakes: EmbeddedQueue,
        *,
        arrows: Sequence[Arrow] = ARROWS,
    ) -> None:
        self._context = context
        self._wakes = wakes
        self._arrows = arrows
        self._stopping = asyncio.Event()
        self._finished: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._began = 0.0

    def start(self) -> None:
        """Begin to run the tasks in the current event loop."""
        self._began = time.monotonic()
        loops = {"heartbeat": self._beat}
        loops |= {
            arrow.name: partial(self._attend, arrow, place / len(self._arrows))
            for place, arrow in enumerate(self._arrows)
        }
        self._loops = [
            asyncio.create_task(self._keep(name, loop), name=name)
            for name, loop in loops.items()
        ]

    async def stop(self, *, patience: float = DRAIN_SECONDS) -> None:
        """Let rounds under way finish, at most `patience` seconds, then cancel them."""
        self._stopping.set()
        for arrow in self._arrows:
            self._wakes.nudge(arrow.name)
        unfinished = {*self._loops, *self._context.sending}
        if unfinished:
            _, unfinished = await asyncio.wait(unfinished, timeout=patience)
        for loop in unfinished:
            loop.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._loops = []

    async def _keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Begin a loop anew where it broke, for nothing else would notice."""
        while not self._stopping.is_set():
            try:
                await loop()
            except Exception:
                logger.critical("%s broke; it begins anew", name, exc_info=True)
                await self._rest(FIRST_RETRY_SECONDS)

    async def _attend(self, arrow: Arrow, place: float) -> None:
        """Run one arrow, nudged or in turn: `place` of its pause after the others."""
        failures = 0
        pause = self._context.settings.sweep_seconds * arrow.pause
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                handled = await arrow.run(self._context)
            except Exception:
                wait = retry_after(failures)
                logger.exception("%s failed; again in %.1f s", arrow.name, wait)
                failures += 1
                await self._rest(wait)
                continue
            failures = 0
            self._finished.add(arrow.name)
            if not handled:
                elapsed = time.monotonic() - self._began
                await self._wakes.wait(arrow.name, until_turn(elapsed, pause, place))
                continue
            took = time.monotonic() - started
            logger.debug("%s handled %d in %.3f s", arrow.name, handled, took)
            for woken in arrow.wakes:
                self._wakes.nudge(woken)
            if arrow.paced:
                await self._rest(min(took, LONGEST_REST_SECONDS))

    async def _beat(self) -> None:
        while not self._stopping.is_set():
            names = [WORKER, *sorted(self._finished)]
            self._finished.clear()
            try:
                async with self._context.database.sessions.begin() as session:
                    await schedules.beat(session, names)
            except (SQLAlchemyError, OSError) as error:
                logger.warning("No heartbeat: %s", type(error).__name__)
            await self._rest(BEAT_SECONDS)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def until_turn(elapsed: float, pause: float, place: float) -> float:
    """Seconds, more than 0 and at most `pause`, until the next multiple of `pause`.

    Multiples are counted from `place` of a pause, which is in [0, 1).
    """
    return pause - (elapsed - place * pause) % pause


def retry_after(failures: int) -> float:
    """Seconds until a task that failed so often before is tried again."""
    doublings = min(failures, MOST_DOUBLINGS)
    return min(FIRST_RETRY_SECONDS * 2.0**doublings, LAST_RETRY_SECONDS)
