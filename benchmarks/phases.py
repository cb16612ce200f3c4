"""Many running phases: what a round of analyses costs when few of them changed.

Run `python -m benchmarks.phases [--phases 1000] [--changed 10] [--units 60]`. Each
phase has two arms and five metrics; each round brings events to some phases, folds, and
runs the task of the workers on embedded stores. Seconds are those of the processor in
this process: the machine may do something else meanwhile.
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

from sqlmodel import SQLModel

from benchmarks.refresh import design as two_arms
from core.database import Database
from core.ids import new_id
from core.settings import Settings
from core.tenancy import Environment, create_project
from experiments.design import PhaseDesign, UnitKind, design_hash
from experiments.events.log import EXPOSURE, NewEvent, open_log
from experiments.freezing import document_of
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase
from experiments.treatments import TreatmentKind
from workers.context import TaskContext, outbound
from workers.tasks import analyse_experiments
from workers.wakes import EmbeddedQueue

ROUNDS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """An hour passes between two rounds."""

    at = START + timedelta(days=40)

    def __call__(self) -> datetime:
        return self.at


def design(environment: Environment, number: int) -> PhaseDesign:
    """Two arms, five metrics, one of them capped."""
    found = two_arms(environment.id)
    extra = tuple(
        replace(found.metrics[place], metric_id=new_id(), key=f"also-{place}", cap=cap)
        for place, cap in ((1, None), (2, 50))
    )
    return replace(found, experiment_key=f"e{number}", metrics=(*found.metrics, *extra))


async def begin(database: Database, environment: Environment, one: PhaseDesign) -> None:
    """The rows of a running experiment, as a start would leave them."""
    experiment = Experiment(
        project_id=environment.project_id,
        key=one.experiment_key,
        name=one.experiment_key,
        status=ExperimentStatus.RUNNING,
        treatment=TreatmentKind.FEATURE,
        unit=UnitKind.USER,
        created_at=START,
        updated_at=START,
    )
    phase = Phase(
        id=one.phase_id,
        project_id=environment.project_id,
        environment_id=environment.id,
        experiment_id=experiment.id,
        number=1,
        seed=one.seed,
        design=document_of(one),
        design_hash=design_hash(one),
        coverage=one.coverage,
        planned_units=one.planned_units,
        started_at=one.started_at,
        published_at=START,
    )
    async with database.sessions.begin() as session:
        session.add(experiment)
        await session.flush()
        session.add(phase)


def history(number: int, units: int) -> list[NewEvent]:
    """An exposure, a visit and a payment of each unit of one phase."""
    events = []
    for unit in range(units):
        user, arm = f"u{number}-{unit}", "ab"[unit % 2]
        at = START + timedelta(hours=unit)
        events += [
            NewEvent(
                str(new_id()),
                EXPOSURE,
                user,
                occurred_at=at,
                experiment_key=f"e{number}",
                variant_key=arm,
            ),
            _visit(number, unit, at + timedelta(days=1 + 7 * (unit % 2))),
            NewEvent(
                str(new_id()),
                "paid",
                user,
                occurred_at=at + timedelta(hours=2),
                value=Decimal(unit % 89),
            ),
        ]
    return events


def _visit(number: int, unit: int, at: datetime) -> NewEvent:
    return NewEvent(str(new_id()), "visit", f"u{number}-{unit}", occurred_at=at)


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Fill the stores, analyse everything once, then measure rounds of each kind."""
    database = Database(f"sqlite+aiosqlite:///{folder / 'facts.sqlite'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    async with database.sessions.begin() as session:
        _, environment = await create_project(
            session, key="acme", name="Acme", secret="s" * 32
        )
    clock = Clock()
    log = open_log(f"duckdb:///{folder / 'events.duckdb'}", clock=clock)
    await log.open()
    events = []
    for number in range(options.phases):
        one = design(environment, number)
        await begin(database, environment, one)
        await log.publish_phase(one)
        events += history(number, options.units)
    for start in range(0, len(events), 5_000):
        await log.append(environment.id, events[start : start + 5_000], batch_id="old")
    settings = Settings(data_dir=folder)
    async with outbound(settings) as http:
        context = TaskContext(database, log, settings, EmbeddedQueue(), http)
        first = await _round(context, environment, clock, options, changed=0)
        print(f"{options.phases} phases, first round: {_said(first, options.phases)}")
        for changed in (0, options.changed, options.phases):
            rounds = [
                await _round(context, environment, clock, options, changed=changed)
                for _ in range(ROUNDS)
            ]
            middle = (median(r[0] for r in rounds), median(r[1] for r in rounds))
            print(f"{changed:6} changed: {_said(middle, options.phases)}")
    await log.close()
    await database.dispose()


async def _round(
    context: TaskContext,
    environment: Environment,
    clock: Clock,
    options: argparse.Namespace,
    *,
    changed: int,
) -> tuple[float, float]:
    """Processor seconds of folding and of analysing."""
    clock.at += timedelta(hours=1)
    unit = clock.at.hour % options.units
    fresh = [
        _visit(number, unit, START + timedelta(days=3)) for number in range(changed)
    ]
    # A visit of nobody: the log moves in any case.
    fresh.append(NewEvent(str(new_id()), "visit", "nobody", occurred_at=START))
    await context.log.append(environment.id, fresh, batch_id="new")
    began = time.process_time()
    while (await context.log.fold(environment.id)).backlog:
        pass
    folded = time.process_time()
    while await analyse_experiments.run(context):
        pass
    return folded - began, time.process_time() - folded


def _said(seconds: tuple[float, float], phases: int) -> str:
    fold, analysis = seconds
    each = 1_000 * analysis / phases
    return f"fold {fold:6.2f} s, analyse {analysis:6.2f} s, {each:6.2f} ms a phase"


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", type=int, default=1_000)
    parser.add_argument("--changed", type=int, default=10)
    parser.add_argument("--units", type=int, default=60)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
