"""Refreshing: the cost of 1,000 more events, against what is stored and from scratch.

Run `python -m benchmarks.refresh [--units 10000 30000 90000] [--fresh 1000]`;
PostgreSQL is measured where EVENTS_URL names one. Each unit has an exposure and three
events; a refresh is append + fold + reading the state, the median of five.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from uuid import UUID

from core.ids import new_id
from experiments.design import (
    ArmDesign,
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
from experiments.events.log import EXPOSURE, EventLog, NewEvent, open_log

ROUNDS = 5
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=60)
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds with this many units stored."""

    units: int
    ingest: float
    fold: float
    refresh: float
    scratch: float


def design(environment_id: UUID) -> PhaseDesign:
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
    )


def history(units: int) -> list[NewEvent]:
    """An exposure, two visits and a payment of every unit."""
    events = []
    for number in range(units):
        at = START + timedelta(seconds=20 * (number % 100_000))
        user, arm = f"user-{number}", "ab"[number % 2]
        events += [
            _event(EXPOSURE, user, at, experiment_key="gate", variant_key=arm),
            _event("visit", user, at + timedelta(days=1)),
            _event("visit", user, at + timedelta(days=7, hours=number % 48)),
            _event("paid", user, at + timedelta(hours=3), value=Decimal(number % 97)),
        ]
    return events


def _event(name: str, user: str, at: datetime, **rest: object) -> NewEvent:
    return NewEvent(
        id=str(new_id()),
        name=name,
        user_id=user,
        occurred_at=at,
        **rest,  # type: ignore[arg-type]
    )


async def measure(log: EventLog, units: int, fresh: int) -> Cost:
    """Store a history in an environment of its own, then refresh it five times."""
    environment_id = new_id()
    phase = design(environment_id)
    await log.publish_phase(phase)
    ingest = await _timed(_append(log, environment_id, history(units)))
    fold = await _timed(_fold(log, environment_id))
    refreshes = []
    chance = random.Random(units)
    for _ in range(ROUNDS):
        more = [
            _event(
                "visit", f"user-{chance.randrange(units)}", START + timedelta(days=8)
            )
            for _ in range(fresh)
        ]
        refreshes.append(await _timed(_refresh(log, phase, more)))
    scratch = await _timed(log.recompute(phase.phase_id))
    return Cost(units, ingest, fold, median(refreshes), scratch)


async def _append(log: EventLog, environment_id: UUID, events: list[NewEvent]) -> None:
    for start in range(0, len(events), CHUNK):
        chunk = events[start : start + CHUNK]
        await log.append(environment_id, chunk, batch_id="history")


async def _fold(log: EventLog, environment_id: UUID) -> None:
    while (await log.fold(environment_id, limit=200_000)).backlog:
        pass


async def _refresh(log: EventLog, phase: PhaseDesign, events: list[NewEvent]) -> None:
    await _append(log, phase.environment_id, events)
    await _fold(log, phase.environment_id)
    await log.phase_state(phase.phase_id)


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Measure every store at every size."""
    print(f"{os.cpu_count()} cores, median of {ROUNDS}, {options.fresh} fresh events")
    urls = {"DuckDB": f"duckdb:///{folder / 'events.duckdb'}"}
    if os.environ.get("EVENTS_URL", "").startswith("postgres"):
        urls["PostgreSQL"] = os.environ["EVENTS_URL"]
    for name, url in urls.items():
        log = open_log(url, clock=lambda: NOW)
        await log.open()
        costs = [await measure(log, units, options.fresh) for units in options.units]
        await log.close()
        show(name, costs)


def show(name: str, costs: list[Cost]) -> None:
    """Seconds, and ratios to the first size and to recomputing."""
    print(f"{name:12}{'ingest':>9}{'fold':>9}{'refresh':>9}{'x first':>9}", end="")
    print(f"{'scratch/refresh':>17}")
    for cost in costs:
        growth = cost.refresh / costs[0].refresh
        saving = cost.scratch / cost.refresh
        print(
            f"{cost.units:<12,}{cost.ingest:8.2f}s{cost.fold:8.2f}s"
            f"{cost.refresh:8.3f}s{growth:9.2f}{saving:17.1f}"
        )


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--units", type=int, nargs="+", default=[10_000, 30_000, 90_000]
    )
    parser.add_argument("--fresh", type=int, default=1_000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
