"""Tasks run on a nudge at once, on a sweep for certain, and outlive their failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import schedules
from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from workers import supervisor as supervision
from workers.arrows import Arrow
from workers.context import TaskContext, outbound
from workers.supervisor import WORKER, Supervisor, until_turn
from workers.wakes import EmbeddedQueue


@dataclass
class Rounds:
    """A task that counts its rounds; `answers` are what the next ones return."""

    answers: list[int | Exception] = field(default_factory=list)
    count: int = 0

    async def run(self, _: TaskContext) -> int:
        self.count += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def running(
    database: Database, folder: Path, *arrows: Arrow, sweep: float = 30.0
) -> AsyncIterator[EmbeddedQueue]:
    wakes = EmbeddedQueue()
    settings = Settings(sweep_seconds=sweep, data_dir=folder)
    async with outbound(settings) as http:
        log = open_log(settings.log_url)
        context = TaskContext(database, log, settings, wakes, http)
        supervisor = Supervisor(context, wakes, arrows=arrows)
        supervisor.start()
        yield wakes
        await supervisor.stop(patience=2)


async def until(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something, at most five seconds."""
    async with asyncio.timeout(5):
        while True:
            answer = happened()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)


async def test_a_nudge_runs_a_task_long_before_its_sweep(
    database: Database, tmp_path: Path
) -> None:
    task = Rounds()
    async with running(database, tmp_path, Arrow("count", task.run)) as wakes:
        await until(lambda: task.count == 1)
        wakes.nudge("count")
        await until(lambda: task.count == 2)
        assert await wakes.age() == 0.0


async def test_a_sweep_runs_a_task_that_nobody_nudged(
    database: Database, tmp_path: Path
) -> None:
    task = Rounds()
    async with running(database, tmp_path, Arrow("count", task.run), sweep=0.01):
        await until(lambda: task.count >= 3)


async def test_a_task_goes_on_until_nothing_is_left(
    database: Database, tmp_path: Path
) -> None:
    task = Rounds([200, 200, 7])
    async with running(database, tmp_path, Arrow("count", task.run)):
        await until(lambda: task.count == 4)


async def test_what_a_task_did_wakes_the_next_one(
    database: Database, tmp_path: Path
) -> None:
    first, second = Rounds(), Rounds()
    arrows = (
        Arrow("first", first.run, wakes=("second",)),
        Arrow("second", second.run),
    )
    async with running(database, tmp_path, *arrows) as wakes:
        await until(lambda: second.count == 1)
        first.answers.append(1)
        wakes.nudge("first")
        await until(lambda: second.count == 2)


async def test_a_failing_task_is_tried_again_and_stops_no_other(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_RETRY_SECONDS", 0.01)
    failing = Rounds([RuntimeError("no"), RuntimeError("still no")])
    steady = Rounds()
    arrows = (Arrow("failing", failing.run), Arrow("steady", steady.run))
    async with running(database, tmp_path, *arrows, sweep=0.02):
        await until(lambda: failing.count >= 3)
        await until(lambda: steady.count >= 3)


def test_the_pause_after_a_failure_grows_to_a_bound_however_many_there_were() -> None:
    pauses = [supervision.retry_after(failures) for failures in (0, 1, 2, 7, 5_000)]
    assert pauses == [0.5, 1.0, 2.0, 30.0, 30.0]


async def test_a_loop_that_breaks_begins_anew(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Rounds([RuntimeError("no")])
    waits: list[int] = []

    def broken_once(failures: int) -> float:
        waits.append(failures)
        raise OverflowError

    monkeypatch.setattr(supervision, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(supervision, "retry_after", broken_once)
    async with running(database, tmp_path, Arrow("failing", failing.run)):
        await until(lambda: failing.count == 2)
    assert waits == [0]


async def test_a_worker_and_its_tasks_leave_heartbeats(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "BEAT_SECONDS", 0.02)

    async def beaten() -> bool:
        async with database.readers() as session:
            return {WORKER, "count"} <= set(await schedules.heartbeats(session))

    async with running(database, tmp_path, Arrow("count", Rounds().run)):
        await until(beaten)


async def test_stopping_lets_a_round_finish(database: Database, tmp_path: Path) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(_: TaskContext) -> int:
        begun.set()
        await asyncio.sleep(0.2)
        done.set()
        return 0

    async with running(database, tmp_path, Arrow("slow", slow)):
        await begun.wait()
    assert done.is_set()


async def test_nudges_wait_until_a_loop_takes_them() -> None:
    wakes = EmbeddedQueue()
    wakes.nudge("anything")
    await asyncio.sleep(0.02)
    age = await wakes.age()
    assert age is not None
    assert age >= 0.02
    assert await wakes.wait("anything", 1)
    assert await wakes.age() == 0.0
    assert not await wakes.wait("anything", 0.01)


def test_tasks_of_one_pause_take_turns() -> None:
    turns = [until_turn(elapsed=100.0, pause=8.0, place=n / 4) for n in range(4)]
    assert sorted((100.0 + turn) % 8.0 for turn in turns) == [0.0, 2.0, 4.0, 6.0]
    assert all(0.0 < turn <= 8.0 for turn in turns)
    assert until_turn(elapsed=104.0, pause=8.0, place=0.0) == 8.0
