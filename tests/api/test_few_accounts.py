"""Fewer than forty accounts in an arm, from their members' events to the answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from core.database import Database
from core.settings import Settings
from experiments.analysis.dealing import DEALS, SEED
from experiments.analysis.exports import recompute
from experiments.events.log import EventLog, NewEvent, open_log
from experiments.statistics.clusters import Accounts
from experiments.statistics.permutation import permute_accounts
from tests.api.conftest import Edge, make_edge
from tests.api.test_odd_data import exported
from tests.api.told import SINCE, conclude, define, exposure, tell
from tests.conftest import StoreUrls
from workers.context import TaskContext, outbound
from workers.queue import NullQueue

pytestmark = pytest.mark.stores

ACCOUNTS = 48
METRICS: tuple[dict[str, Any], ...] = (
    {
        "key": "per_visit",
        "kind": "RATIO",
        "eventName": "report",
        "denominatorEvent": "visit",
        "denominatorValue": "ONE",
    },
    {"key": "reports", "kind": "COUNT", "eventName": "report"},
)
READ = """query { experiment(by: {key: "short-form"}) { results {
  snapshot { phaseId }
  metrics { metric comparisons { verdict reason method absolute ciLow ciHigh pValue
    control { n } treatment { n } relative { status } valid { method ciLow pValue }
    adjustment { columns note } } } } } }"""


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


def arm_of(number: int) -> str:
    return "short" if number % 2 else "long"


def did(number: int) -> tuple[int, int]:
    """An account's reports and visits; with the short form there are more reports."""
    visits = 2 + number * 7 % 11
    return visits * (1 + (arm_of(number) == "short")) + number * 5 % 7, visits


def events() -> list[NewEvent]:
    found = [
        exposure(number, arm_of(number), account=f"acme-{number}")
        for number in range(ACCOUNTS)
    ]
    for number in range(ACCOUNTS):
        reports, visits = did(number)
        for name, times in (("report", reports), ("visit", visits)):
            found += [
                NewEvent(
                    id=f"a{number}-{name}-{place}",
                    name=name,
                    user_id=f"u{number}-{place % 3}",
                    account_id=f"acme-{number}",
                    occurred_at=SINCE + timedelta(hours=1 + place),
                )
                for place in range(times)
            ]
    return found


async def test_few_accounts_are_dealt_anew_and_give_a_verdict(
    database: Database, settings: Settings, log: EventLog
) -> None:
    async with (
        make_edge(database, settings, log=log) as edge,
        outbound(settings) as http,
    ):
        context = TaskContext(edge.database, log, settings, NullQueue(), http)
        await define(edge, METRICS, unit="ACCOUNT")
        await tell(edge, context, events())
        await conclude(edge, context, units=ACCOUNTS)
        found = await read(edge)
        records = await exported(edge, found)
    comparisons = {m["metric"]: m["comparisons"][0] for m in found["metrics"]}
    own = {
        arm: np.array([did(n) for n in range(ACCOUNTS) if arm_of(n) == arm], float)
        for arm in ("long", "short")
    }
    for key, weighted in (("per_visit", True), ("reports", False)):
        said = comparisons[key]
        assert said["method"] == "PERMUTATION", said
        assert (said["control"]["n"], said["treatment"]["n"]) == (24, 24)
        assert said["verdict"] == "WIN", said["reason"]
        assert said["relative"] is None
        control, treatment = (
            Accounts(rows[:, 0], rows[:, 1] if weighted else np.ones(len(rows)))
            for rows in (own["long"], own["short"])
        )
        expected = permute_accounts(
            control, treatment, confidence=0.95, draws=DEALS, seed=SEED + 7
        )
        assert said["absolute"] == pytest.approx(expected.value, rel=1e-9)
        width = expected.high - expected.low
        assert said["ciLow"] == pytest.approx(expected.low, abs=0.05 * width)
        assert said["ciHigh"] == pytest.approx(expected.high, abs=0.05 * width)
    again = recompute(records)
    assert again.agrees is True
    for metric in again.metrics:
        reading = metric.comparisons[0].decisive
        assert (reading.low, reading.p_value) == (
            comparisons[metric.key]["ciLow"],
            comparisons[metric.key]["pValue"],
        )


async def read(edge: Edge) -> dict[str, Any]:
    answer = await edge.ask(READ)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]["results"]
    return found
