"""Refreshing: what a batch of events costs, against how much is stored already.

Run `python -m benchmarks.refresh [--stored 1000000 10000000] [--batch 100000]`;
`--plan`
adds three dimensions and two weeks of looking back to the design, `--plot FOLDER`
draws the growth; PostgreSQL is measured where EVENTS_URL names one. Every unit has an
exposure and three events, so units grow with what is stored. A batch touches 20,000
units, 1% of them new; between two batches the windows of the new ones close. Seconds
are those of the processor, medians of five. From scratch is the fold of the whole
history, by the same statements in large steps, and up to `--replay` events also the
plain replay that audits use.
"""

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg

from benchmarks.growth.histories import EVENTS_OF_UNIT, START, Batch, batches, grow
from benchmarks.growth.plots import growth
from benchmarks.growth.processors import Processors
from core.ids import new_id
from experiments.arms import ArmDesign
from experiments.design import (
    Direction,
    Hypothesis,
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    Source,
    SourceValue,
    UnitKind,
)
from experiments.events.log import WATERMARK_LAG, NewEvent, open_log
from experiments.plan import AnalysisPlan, Dimension

ROUNDS = 5
SLICE = 1_000_000
"""Events of the history that are folded at once."""
CHUNK = 5_000
LAG = WATERMARK_LAG
PLAN = AnalysisPlan(
    lookback_days=14,
    dimensions=(
        Dimension("plan", "plan", ("free", "team"), stratum=True),
        Dimension("country", "country", ("DE", "FR", "US", "BR"), stratum=True),
        Dimension("device", "device", ("phone", "desktop")),
    ),
)


class Clock:
    """A minute passes between two refreshes."""

    at = START + timedelta(days=60)

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the processor: this process's, and the database server's for it."""

    stored: int
    history: float
    """Folding all that is stored, once."""
    append: float
    fold: float
    read: float
    wall: float
    """Of fold and read, by the clock on the wall."""
    replay: float | None

    @property
    def refresh(self) -> float:
        """From stored events to fresh sums."""
        return self.fold + self.read


def design(environment_id: UUID, plan: AnalysisPlan | None = None) -> PhaseDesign:
    """Two arms and three metrics."""
    visits = Source("visit", SourceValue.ONE)
    value = Source("paid", SourceValue.VALUE)
    wanted = (
        ("retention", MetricKind.RETENTION, MetricRole.PRIMARY, visits, 7),
        ("visits", MetricKind.COUNT, MetricRole.SECONDARY, visits, None),
        ("revenue", MetricKind.SUM, MetricRole.SECONDARY, value, None),
    )
    metrics = tuple(
        MetricDesign(
            metric_id=new_id(),
            key=key,
            name=key,
            kind=kind,
            role=role,
            direction=Direction.INCREASE,
            numerator=source,
            retention_day=day,
        )
        for key, kind, role, source, day in wanted
    )
    return PhaseDesign(
        phase_id=new_id(),
        environment_id=environment_id,
        experiment_key="gate",
        number=1,
        unit=UnitKind.USER,
        seed="0123456789abcdef",
        coverage=1.0,
        arms=(
            ArmDesign("a", "A", 0.5, is_control=True),
            ArmDesign("b", "B", 0.5, is_control=False),
        ),
        metrics=metrics,
        hypothesis=Hypothesis("More.", "retention", Direction.INCREASE, 0.01),
        planned_units=1_000_000,
        started_at=START,
        plan=plan,
    )


class Store:
    """A log with a history of its own, and what its refreshes cost."""

    def __init__(self, url: str, stored: int, plan: AnalysisPlan | None) -> None:
        self.stored = stored
        self.url = url
        self.clock = Clock()
        self.phase = design(new_id(), plan)
        self.log = open_log(url, clock=self.clock)
        self.history = 0.0
        self.spent: list[tuple[float, ...]] = []
        self.replay: float | None = None

    async def fill(self, watch: Processors) -> None:
        """Store the history and fold it, in large steps."""
        await self.log.open()
        await self.log.publish_phase(self.phase)
        for start in range(0, self.stored, SLICE):
            await self.log.close()
            edges = (start, min(start + SLICE, self.stored))
            units = [edge // EVENTS_OF_UNIT for edge in edges]
            await grow(self.url, self.phase.environment_id, *units)
            await self.log.open()
            self.history += (await watch.spent(self._fold(SLICE)))[0]
            await self.log.compact(self.phase.environment_id)

    async def refresh(self, batch: Batch, watch: Processors) -> None:
        """Append a batch, fold it, read the state."""
        self.clock.at += timedelta(minutes=1)
        longest = max(metric.closes_after for metric in self.phase.metrics)
        # These units' windows close when the next batch comes.
        events = batch.events(self.clock.at - LAG - longest + timedelta(seconds=30))
        append, _ = await watch.spent(self._append(events))
        fold, wall = await watch.spent(self._fold(len(events)))
        read, more = await watch.spent(self.log.phase_state(self.phase.phase_id))
        self.spent.append((append, fold, read, wall + more))

    async def recompute(self, watch: Processors) -> None:
        """The same state by the plain replay of every event."""
        self.replay, _ = await watch.spent(self.log.recompute(self.phase.phase_id))

    def cost(self) -> Cost:
        """Medians; the first refresh met caches that were cold, and is not counted."""
        columns = zip(*self.spent[1:], strict=True)
        append, fold, read, wall = (median(each) for each in columns)
        return Cost(self.stored, self.history, append, fold, read, wall, self.replay)

    async def _append(self, events: list[NewEvent]) -> None:
        for start in range(0, len(events), CHUNK):
            chunk = events[start : start + CHUNK]
            await self.log.append(self.phase.environment_id, chunk, batch_id="history")

    async def _fold(self, limit: int) -> None:
        environment_id = self.phase.environment_id
        while (await self.log.fold(environment_id, limit=limit)).backlog:
            pass


async def measure(store: str, options: argparse.Namespace, folder: Path) -> list[Cost]:
    """Fill a store for each size, then refresh them in turn, round by round."""
    plan = PLAN if options.plan else None
    async with contextlib.AsyncExitStack() as stack:
        stores: list[tuple[Store, Processors, Iterator[Batch]]] = []
        for stored in options.stored:
            url = await stack.enter_async_context(_place(store, folder, stored))
            watch = await stack.enter_async_context(Processors.of(url))
            each = Store(url, stored, plan)
            await each.fill(watch)
            stack.push_async_callback(each.log.close)
            units = stored // EVENTS_OF_UNIT
            coming = batches(units, size=options.batch, touched=options.touched)
            stores.append((each, watch, coming))
        for _ in range(ROUNDS + 1):
            for each, watch, coming in stores:
                await each.refresh(next(coming), watch)
        for each, watch, _ in stores:
            if each.stored <= options.replay:
                await each.recompute(watch)
        return [each.cost() for each, _, _ in stores]


@contextlib.asynccontextmanager
async def _place(store: str, folder: Path, stored: int) -> AsyncIterator[str]:
    """A store for this size alone."""
    if store == "DuckDB":
        yield f"duckdb:///{folder / f'{stored}.duckdb'}"
        return
    server = await asyncpg.connect(os.environ["EVENTS_URL"])
    name = f"hone_refresh_{stored}_{new_id().hex}"
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{os.environ['EVENTS_URL'].rpartition('/')[0]}/{name}"
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Measure every store at every size."""
    print(
        f"{os.cpu_count()} cores, CPU seconds, median of {ROUNDS}; {options.batch:,} "
        f"events that touch {options.touched:,} units" + ", with a plan" * options.plan
    )
    served = os.environ.get("EVENTS_URL", "").startswith("postgres")
    for store in ("DuckDB", *(["PostgreSQL"] if served else [])):
        if store == options.skip:
            continue
        costs = await measure(store, options, folder)
        show_head(store)
        for cost in costs:
            show(cost, costs[0])
        if options.plot is not None:
            path = options.plot / f"refresh-{store.lower()}.svg"
            plot(path, f"Refresh after {options.batch:,} events, {store}", costs)


def show_head(name: str) -> None:
    """What the columns are."""
    print(f"{name:12}{'append':>9}{'fold':>8}{'read':>8}{'refresh':>9}", end="")
    print(f"{'x first':>9}{'wall':>8}{'from scratch':>14}{'x':>7}{'replay':>9}{'x':>7}")


def show(cost: Cost, first: Cost) -> None:
    """Seconds, and ratios to the smallest size and to all from scratch."""
    print(
        f"{cost.stored:<12,}{cost.append:8.2f}s{cost.fold:7.2f}s{cost.read:7.3f}s"
        f"{cost.refresh:8.2f}s{cost.refresh / first.refresh:9.2f}{cost.wall:7.2f}s"
        f"{cost.history:13.1f}s{cost.history / cost.refresh:7.0f}",
        end="",
    )
    if cost.replay is not None:
        print(f"{cost.replay:8.1f}s{cost.replay / cost.refresh:7.0f}", end="")
    print(flush=True)


def plot(path: Path, title: str, costs: list[Cost]) -> None:
    """What grows with what is stored, and what does not."""
    lines = {
        "refresh": [(cost.stored, cost.refresh) for cost in costs],
        "append": [(cost.stored, cost.append) for cost in costs],
    }
    growth(path, title, "events stored", "CPU seconds", lines)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    stored = [100_000, 300_000, 1_000_000]
    parser.add_argument("--stored", type=int, nargs="+", default=stored)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--touched", type=int, default=20_000)
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--replay", type=int, default=300_000)
    parser.add_argument("--skip", choices=["DuckDB", "PostgreSQL"])
    parser.add_argument("--plot", type=Path)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
