"""Askers share reads, and none is told what was read before it asked."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest

from core import read_batches
from core.read_batches import ReadBatches


class Store:
    """Values by key, read while `open` is set."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {"a": 1, "b": 2}
        self.reads: list[tuple[str, frozenset[str]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def read(self, group: str, keys: AbstractSet[str]) -> Mapping[str, int]:
        self.reads.append((group, frozenset(keys)))
        found = {key: self.values[key] for key in keys if key in self.values}
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return found


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def batches(store: Store) -> ReadBatches[str, str, int]:
    return ReadBatches(store.read)


async def rest() -> None:
    """Let every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_askers_of_one_moment_share_a_read(
    store: Store, batches: ReadBatches[str, str, int]
) -> None:
    found = await asyncio.gather(
        batches.of("x", ["a"]), batches.of("x", ["b", "c"]), batches.of("x", ["a"])
    )
    assert [*found] == [{"a": 1}, {"b": 2}, {"a": 1}]
    assert store.reads == [("x", frozenset("abc"))]


async def test_who_asks_during_a_read_is_told_what_was_read_after(
    store: Store, batches: ReadBatches[str, str, int]
) -> None:
    store.open.clear()
    early = asyncio.create_task(batches.of("x", ["a"]))
    await rest()
    store.values["a"] = 10
    late = [asyncio.create_task(batches.of("x", [key])) for key in "aab"]
    await rest()
    assert len(store.reads) == 1
    store.open.set()
    assert await early == {"a": 1}
    assert await asyncio.gather(*late) == [{"a": 10}, {"a": 10}, {"b": 2}]
    assert len(store.reads) == 2


async def test_groups_do_not_wait_for_each_other(
    store: Store, batches: ReadBatches[str, str, int]
) -> None:
    store.open.clear()
    both = [asyncio.create_task(batches.of(group, ["a"])) for group in "xy"]
    await rest()
    assert {group for group, _ in store.reads} == {"x", "y"}
    store.open.set()
    await asyncio.gather(*both)


async def test_one_who_leaves_does_not_end_the_read_for_the_others(
    store: Store, batches: ReadBatches[str, str, int]
) -> None:
    store.open.clear()
    first, second = (asyncio.create_task(batches.of("x", ["a"])) for _ in range(2))
    await rest()
    first.cancel()
    await rest()
    store.open.set()
    assert await second == {"a": 1}
    assert first.cancelled()


async def test_a_failure_is_told_to_all_who_shared_it_and_to_nobody_else(
    store: Store, batches: ReadBatches[str, str, int]
) -> None:
    store.failure = OSError("away")
    told = await asyncio.gather(
        *(batches.of("x", [key]) for key in "ab"), return_exceptions=True
    )
    assert [str(each) for each in told] == ["away", "away"]
    store.failure = None
    assert await batches.of("x", ["a"]) == {"a": 1}
    assert len(store.reads) == 2


async def test_no_read_is_larger_than_its_bound(
    store: Store,
    batches: ReadBatches[str, str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_batches, "MAX_KEYS", 3)
    asked = [batches.of("x", [f"{n}a", f"{n}b"]) for n in range(4)]
    await asyncio.gather(*asked, batches.of("x", list("abcdefgh")))
    sizes = [len(keys) for _, keys in store.reads]
    assert sizes == [2, 2, 2, 2, 8]
    assert not batches._last
    assert not batches._next
