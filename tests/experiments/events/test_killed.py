"""kill -9 in the middle of appending and folding: nothing lost, nothing twice."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.ids import new_id
from experiments.design import MetricKind, MetricRole
from experiments.events.errors import LogInUse
from experiments.events.log import Status, open_log
from tests.experiments.events.appender import BATCH, batch
from tests.experiments.events.world import PRICE, metric, of, phase

pytestmark = pytest.mark.stores

KILLS = 5


def _killed_appender(url: str, environment_id: object, seed: int) -> list[str]:
    """Start an appender, kill it after a while, and read what it was told."""
    command = [sys.executable, "-m", "tests.experiments.events.appender"]
    process = subprocess.Popen(
        [*command, url, str(environment_id), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(0.1 + 0.13 * seed)
    process.kill()
    rest, _ = process.communicate()
    lines = (first + rest).split("\n")
    return [line for line in lines[:-1] if line]


async def test_no_acknowledged_event_is_lost_or_counted_twice(
    log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if log_url.startswith("duckdb"):
        log_url = f"duckdb:///{tmp_path_factory.mktemp('killed') / 'events.duckdb'}"
    environment_id = new_id()
    price = metric("price", MetricKind.SUM, PRICE, role=MetricRole.PRIMARY)
    design = replace(
        phase(environment_id, price), started_at=datetime.now(UTC) - timedelta(days=20)
    )
    log = open_log(log_url)
    await log.open()
    await log.publish_phase(design)
    await log.close()
    told = {
        seed: _killed_appender(log_url, environment_id, seed) for seed in range(KILLS)
    }
    assert all(told.values())
    await log.open()
    stored = 0
    for seed, ids in told.items():
        for number in range(len(ids) // BATCH + 2):
            events = batch(seed, number)
            verdicts = await log.append(environment_id, events)
            stored += len(events)
            known = {v.id for v in verdicts if v.status is Status.DUPLICATE}
            assert {event.id for event in events} & set(ids) <= known
    assert await log.count(environment_id) == stored
    while (await log.fold(environment_id)).backlog:
        pass
    state = await log.phase_state(design.phase_id)
    assert state == await log.recompute(design.phase_id)
    assert sum(state.exposed.values()) == stored // 2
    values = [of(state, arm, price).raw.y for arm in ("a", "b")]
    assert sum(values) == stored // 2 * 10**6
    await log.close()


_HOLDER = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Another process has the file open."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate(b"")


async def test_a_second_process_on_the_embedded_log_is_sent_to_postgresql(
    log_url: str, tmp_path: Path
) -> None:
    if not log_url.startswith("duckdb"):
        pytest.skip("PostgreSQL takes many processes")
    path = tmp_path / "events.duckdb"
    log = open_log(f"duckdb:///{path}")
    with _held(path), pytest.raises(LogInUse, match="postgresql"):
        await log.open()
    await log.open()
    await log.close()
