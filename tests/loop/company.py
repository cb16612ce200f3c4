"""One company's edge and worker in this process, by one clock that a test moves."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import CREATE_METRIC, mutate
from tests.conftest import StoreUrls
from workers.context import TaskContext, outbound
from workers.tasks import analyse_experiments, fold_events, publish_phases
from workers.wakes import EmbeddedQueue

LAG = timedelta(hours=1)
AT_ONCE = 500

RESULTS = """
query ($by: ExperimentRef!) {
  experiment(by: $by) {
    status
    results {
      headline
      recommendation { outcome variant reasons }
      health { srm { pValue warned failed } exposures { variant exposed } matured }
      metrics {
        metric role
        comparisons {
          variant verdict guardrail
          raw { absolute ciLow ciHigh pValue control { mean } treatment { mean } }
          valid { method ciLow ciHigh }
          margin { margin bound passed }
        }
      }
    }
  }
}
"""


@dataclass
class Wall:
    """A clock that stands still until it is moved."""

    at: datetime

    def __call__(self) -> datetime:
        """The instant."""
        return self.at


@dataclass(frozen=True, slots=True)
class Company:
    """What its people and programs ask, and what its worker does."""

    edge: Edge
    context: TaskContext
    wall: Wall

    async def define(self, key: str, **parts: Any) -> None:
        """A metric."""
        given = {"idempotencyKey": key, "key": key, "direction": "INCREASE", **parts}
        answer = await self.edge.ask(CREATE_METRIC, input=given)
        assert answer["data"]["createMetric"]["__typename"] == "MetricPayload", answer

    async def draft(self, **draft: Any) -> None:
        """An experiment that may start."""
        made = await mutate(self.edge, "createExperiment", draft)
        assert made["__typename"] == "ExperimentPayload", made

    async def start(self, key: str) -> None:
        """Begin it, as it was drafted."""
        given = {"idempotencyKey": "start", "expectedVersion": 1}
        run = await mutate(
            self.edge, "startExperiment", {"experiment": {"key": key}, **given}
        )
        assert run["__typename"] == "ExperimentPayload", run
        await publish_phases.run(self.context)

    async def send(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Plain events, as any program sends them."""
        waiting = list(events)
        for first in range(0, len(waiting), AT_ONCE):
            answer = await self.edge.client.post(
                "/v1/events",
                content=msgspec.json.encode(waiting[first : first + AT_ONCE]),
                headers={
                    "authorization": f"Bearer {self.edge.tenant.client}",
                    "content-type": "application/json",
                },
            )
            found = answer.json()
            assert found["rejected"] == [], found
            assert found["accepted"] == len(waiting[first : first + AT_ONCE])

    async def work(self) -> None:
        """What the worker does until nothing is left."""
        for _ in range(3):
            while await fold_events.run(self.context):
                pass
            await analyse_experiments.run(self.context)

    async def results(self, key: str) -> dict[str, Any]:
        """The experiment's status and results."""
        answer = await self.edge.ask(RESULTS, by={"key": key})
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]["experiment"]
        return found


@asynccontextmanager
async def founded(
    urls: StoreUrls, folder: Path, at: datetime
) -> AsyncIterator[Company]:
    """A company over fresh stores, at an instant."""
    wall = Wall(at)
    settings = Settings(data_dir=folder)
    database = Database(urls.facts, clock=wall)
    log = open_log(urls.events, clock=wall, lag=LAG)
    await log.open()
    async with (
        outbound(settings) as http,
        make_edge(database, settings, log=log) as edge,
    ):
        context = TaskContext(database, log, settings, EmbeddedQueue(), http)
        yield Company(edge, context, wall)
    await log.close()
    await database.dispose()


def comparison(results: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The one comparison of a metric."""
    metrics = results["results"]["metrics"]
    (found,) = next(m["comparisons"] for m in metrics if m["metric"] == metric)
    return dict(found)
