"""Reads that gather while another is under way: many askers, one query."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Set
from typing import Generic, TypeVar

Group = TypeVar("Group", bound=Hashable)
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MAX_KEYS = 1_000
"""So many are looked for in one read, or as many as one asker names."""


class ReadBatches(Generic[Group, Key, Value]):
    """Reads keys of a group, one read of each group at a time.

    Who asks while one is under way shares the next, which begins after it was asked
    for: nobody is told what was read before. The busier it is, the more share.
    """

    def __init__(
        self, read: Callable[[Group, Set[Key]], Awaitable[Mapping[Key, Value]]]
    ) -> None:
        """`read` finds some or all of the keys, and is told each of them once."""
        self._read = read
        self._next: dict[Group, _Batch[Key, Value]] = {}
        self._last: dict[Group, asyncio.Task[Mapping[Key, Value]]] = {}

    async def of(self, group: Group, keys: Collection[Key]) -> dict[Key, Value]:
        """What was found of these keys, or whatever `read` raised.

        Whoever stops waiting does not end the read for the others.
        """
        batch = self._next.get(group)
        if batch is None or len(batch.keys) + len(keys) > MAX_KEYS:
            batch = self._begin(group)
        batch.keys.update(keys)
        found = await asyncio.shield(batch.task)
        return {key: found[key] for key in keys if key in found}

    def _begin(self, group: Group) -> "_Batch[Key, Value]":
        keys: set[Key] = set()
        task = asyncio.create_task(self._run(group, keys, self._last.get(group)))
        task.add_done_callback(lambda ended: self._ended(group, ended))
        self._last[group] = task
        batch = self._next[group] = _Batch(keys, task)
        return batch

    async def _run(
        self,
        group: Group,
        keys: set[Key],
        before: "asyncio.Task[Mapping[Key, Value]] | None",
    ) -> Mapping[Key, Value]:
        if before is not None:
            await asyncio.wait([before])
        if (waiting := self._next.get(group)) is not None and waiting.keys is keys:
            del self._next[group]
        return await self._read(group, keys)

    def _ended(self, group: Group, task: asyncio.Task[Mapping[Key, Value]]) -> None:
        if self._last.get(group) is task:
            del self._last[group]
        if not task.cancelled():
            # Those who wait are told; where all have left, nobody has to be.
            task.exception()


class _Batch(Generic[Key, Value]):
    """What is read next, and the read of it."""

    def __init__(self, keys: set[Key], task: asyncio.Task[Mapping[Key, Value]]) -> None:
        self.keys = keys
        self.task = task
