"""A history that is put straight into the tables is one that the log could have."""

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.growth.histories import START, batches, grow
from benchmarks.growth.plots import growth
from benchmarks.refresh import PLAN, design
from core.ids import new_id
from experiments.events.log import open_log

NOW = START + timedelta(days=60)


async def test_a_grown_history_folds_to_what_the_plain_replay_says(
    tmp_path: Path,
) -> None:
    url = f"duckdb:///{tmp_path / 'events.duckdb'}"
    phase = design(new_id(), PLAN)
    log = open_log(url, clock=lambda: NOW)
    await log.open()
    await log.publish_phase(phase)
    for first, last in ((0, 30), (30, 47)):
        await log.close()
        await grow(url, phase.environment_id, first, last)
        await log.open()
        await log.fold(phase.environment_id)
    batch = next(batches(47, size=60, touched=20))
    verdicts = await log.append(
        phase.environment_id, batch.events(START + timedelta(days=20)), batch_id="b"
    )
    assert {verdict.status for verdict in verdicts} == {"ACCEPTED"}
    await log.fold(phase.environment_id)
    state = await log.phase_state(phase.phase_id)
    assert sum(state.exposed.values()) == 47
    assert state.metrics == (await log.recompute(phase.phase_id)).metrics
    assert any(metric.raw.y for metric in state.metrics)
    await log.close()


def test_a_batch_touches_so_many_units_and_one_in_a_hundred_is_new() -> None:
    first, second = (
        batch.events(START)
        for batch, _ in zip(batches(1_000, size=700, touched=200), "ab", strict=False)
    )
    new = [event.user_id for event in first if event.name == "$exposure"]
    assert new == ["user-1000", "user-1001"]
    assert len(first) == len(second) == 700
    assert len({event.user_id for event in first}) == 200


def test_a_chart_draws_each_line_over_all_its_points(tmp_path: Path) -> None:
    path = tmp_path / "growth.svg"
    growth(path, "Cost", "x", "y", {"a": [(10, 1.0), (100, 2.0)], "b": [(10, 3.0)]})
    drawn = ElementTree.parse(path).getroot()  # noqa: S314 - written above
    points = drawn.findall("{http://www.w3.org/2000/svg}circle")
    levels = [float(point.get("cy", "nan")) for point in points]
    assert len(points) == 3
    assert levels[2] < levels[1] < levels[0]
