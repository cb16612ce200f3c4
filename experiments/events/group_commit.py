"""Callers that arrive together share one commit, and each waits for its own answer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Request, Answer]):
    """Runs one flush at a time; what arrives meanwhile goes into the next one."""

    def __init__(
        self,
        flush: Callable[[Sequence[Request]], Awaitable[Sequence[Answer]]],
        *,
        weigh: Callable[[Request], int],
        limit: int,
    ) -> None:
        self._flush = flush
        self._weigh = weigh
        self._limit = limit
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._flusher: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Answer:
        """Answer once the flush that holds this request is done.

        A caller that is cancelled does not take its neighbours along.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._run())
        return await answer

    async def drain(self) -> None:
        """Return when nothing is waiting any more."""
        if self._flusher is not None:
            await self._flusher

    async def _run(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                await self._commit(group)
            except Exception as error:
                if len(group) == 1:
                    _fail(group[0][1], error)
                    continue
                for member in group:
                    await self._commit_alone(member)

    def _next_group(self) -> list[tuple[Request, asyncio.Future[Answer]]]:
        group = [self._waiting.popleft()]
        weight = self._weigh(group[0][0])
        while self._waiting:
            weight += self._weigh(self._waiting[0][0])
            if weight > self._limit:
                break
            group.append(self._waiting.popleft())
        return group

    async def _commit(
        self, group: Sequence[tuple[Request, asyncio.Future[Answer]]]
    ) -> None:
        answers = await self._flush([request for request, _ in group])
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _commit_alone(
        self, member: tuple[Request, asyncio.Future[Answer]]
    ) -> None:
        try:
            await self._commit([member])
        except Exception as error:
            _fail(member[1], error)


def _fail(future: asyncio.Future[Answer], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
