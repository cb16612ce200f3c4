"""Group commit: one flush at a time, everybody's own answer, no shared failure."""

import asyncio
from collections.abc import Sequence

import pytest

from experiments.events.group_commit import GroupCommit


class _Recorder:
    """Doubles numbers, refuses groups that hold a negative one, and keeps a record."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.running = 0

    async def flush(self, requests: Sequence[int]) -> list[int]:
        self.running += 1
        assert self.running == 1
        await asyncio.sleep(0.001)
        self.running -= 1
        self.groups.append(list(requests))
        if min(requests) < 0:
            raise ValueError("negative")
        return [2 * request for request in requests]


def _commit(recorder: _Recorder, limit: int = 100) -> GroupCommit[int, int]:
    return GroupCommit(recorder.flush, weigh=lambda _: 1, limit=limit)


async def test_what_arrives_during_a_flush_shares_the_next_one() -> None:
    recorder = _Recorder()
    commit = _commit(recorder)
    first = asyncio.create_task(commit.submit(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = await asyncio.gather(*(commit.submit(number) for number in range(1, 9)))
    assert await first == 0
    assert rest == [2 * number for number in range(1, 9)]
    assert len(recorder.groups) == 2


async def test_a_group_stays_within_its_limit() -> None:
    recorder = _Recorder()
    commit = _commit(recorder, limit=3)
    await asyncio.gather(*(commit.submit(number) for number in range(10)))
    assert max(map(len, recorder.groups)) == 3


async def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    recorder = _Recorder()
    commit = _commit(recorder)
    answers = await asyncio.gather(
        *(commit.submit(number) for number in (1, -1, 2)), return_exceptions=True
    )
    assert [answers[0], answers[2]] == [2, 4]
    assert isinstance(answers[1], ValueError)
    with pytest.raises(ValueError, match="negative"):
        await commit.submit(-2)


async def test_a_cancelled_caller_does_not_take_the_others_along() -> None:
    recorder = _Recorder()
    commit = _commit(recorder)
    tasks = [asyncio.create_task(commit.submit(number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2]] == [0, 4]
    await commit.drain()
    assert recorder.groups == [[0, 1, 2]]
