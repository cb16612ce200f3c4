"""One row that fails stops no other: the rest is done, then the failures are raised."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from core.database import AsyncSession

logger = logging.getLogger("hone.workers")

Item = TypeVar("Item")


class Failures:
    """What failed in a round, one exception a row."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    def note(self, what: object, error: Exception) -> None:
        """Log a row's failure and keep it for the end of the round."""
        logger.error("%s failed", what, exc_info=error)
        self._errors.append(error)

    def raise_any(self) -> None:
        """Let the supervisor hear of them, so that the round is tried again later.

        Raises:
            ExceptionGroup: Something failed.
        """
        if self._errors:
            raise ExceptionGroup("Some rows failed; the others are done", self._errors)


async def each(items: Iterable[Item], handle: Callable[[Item], Awaitable[int]]) -> int:
    """Handle every item on its own; returns how much was done.

    Raises:
        ExceptionGroup: Some failed; all of them were tried.
    """
    done, failures = 0, Failures()
    for item in items:
        try:
            done += await handle(item)
        except Exception as error:
            failures.note(item, error)
    failures.raise_any()
    return done


async def apart(
    session: AsyncSession,
    rows: Iterable[tuple[UUID, Item]],
    handle: Callable[[AsyncSession, Item], Awaitable[object]],
) -> tuple[list[UUID], Failures]:
    """Handle every row, by its id, in a savepoint; returns who was done, and the rest.

    The failures are the caller's to raise, once the transaction is committed.
    """
    done, failures = [], Failures()
    for row_id, row in rows:
        try:
            async with session.begin_nested():
                await handle(session, row)
        except Exception as error:
            failures.note(row_id, error)
        else:
            done.append(row_id)
    return done, failures
