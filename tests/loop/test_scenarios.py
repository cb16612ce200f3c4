"""What people would do on a day, from plain events to an answer at the interface."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.database import Database
from tests.api import governance
from tests.api.experiments import DRAFT
from tests.conftest import StoreUrls
from tests.loop.company import Company, comparison, founded
from workers.tasks import act_on_alarms, start_scheduled

pytestmark = pytest.mark.stores

START = datetime(2026, 10, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def company(
    database: Database, store_urls: StoreUrls, tmp_path: Path
) -> AsyncIterator[Company]:
    """A company on a Monday."""
    assert database.engine is not None
    async with founded(store_urls, tmp_path, START) as found:
        yield found


def flow(key: str, name: str, version: int, steps: int) -> dict[str, Any]:
    """A set-up of so many steps."""
    listed = [
        {"key": f"s{number}", "kind": "TOOLTIP", "title": f"Step {number}"}
        for number in range(steps)
    ]
    return {
        "key": key,
        "name": name,
        "weight": 0.5,
        "isControl": version == 1,
        "payload": {"flow": {"flow": "set-up", "version": version, "steps": listed}},
    }


def events(
    key: str,
    arms: dict[str, int],
    happened: dict[str, dict[str, int]],
    *,
    subject: str = "accountId",
) -> Iterator[dict[str, Any]]:
    """Units of each arm met in the first hours, and what so many of them did."""
    for arm, units in arms.items():
        for number in range(units):
            minutes = timedelta(minutes=number % 600)
            who = {subject: f"{arm}-{number}"}
            yield {
                "id": f"{arm}-{number}-met",
                "name": "$exposure",
                "at": (START + minutes).isoformat(),
                "experimentKey": key,
                "variantKey": arm,
                **who,
            }
            for name, did in happened.items():
                # Spread over the units, so that no two outcomes go together.
                if number * did[arm] % units < did[arm]:
                    yield {
                        "id": f"{arm}-{number}-{name}",
                        "name": name,
                        "at": (START + minutes + 2 * DAY).isoformat(),
                        **who,
                    }


async def test_a_shorter_flow_is_finished_more_often_and_that_proves_nothing(
    company: Company,
) -> None:
    await company.define(
        "aha", name="aha by day 10", kind="CONVERSION", eventName="aha", windowDays=10
    )
    await company.define(
        "completion", name="completion", kind="CONVERSION", eventName="flow_completed"
    )
    await company.draft(
        idempotencyKey="draft",
        key="team-setup",
        name="Three steps",
        treatment="ONBOARDING_FLOW",
        unit="ACCOUNT",
        hypothesis={
            "statement": "Who is set up sooner shares sooner.",
            "metricKey": "aha",
            "direction": "INCREASE",
            "minimumEffect": 0.05,
        },
        variants=[flow("v1", "5 steps", 1, 5), flow("v2", "3 steps", 2, 3)],
        metrics=[
            {"metricKey": "aha", "role": "PRIMARY"},
            {"metricKey": "completion", "role": "SECONDARY"},
        ],
        plannedUnits=1_000,
    )
    await company.start("team-setup")
    company.wall.at = START + 4 * DAY
    did = {"aha": {"v1": 149, "v2": 152}, "flow_completed": {"v1": 209, "v2": 306}}
    await company.send(events("team-setup", {"v1": 498, "v2": 502}, did))
    company.wall.at = START + 12 * DAY
    await company.work()
    found = await company.results("team-setup")
    assert found["results"]["health"]["srm"]["pValue"] > 0.85
    assert found["results"]["recommendation"]["outcome"] == "INCONCLUSIVE"
    assert found["results"]["headline"] == (
        "3 steps instead of 5: aha by day 10 29.9% -> 30.3% (-5.3 to +6.1 points). "
        "Completion 42% -> 61% (+13 to +25 points) is mechanical: the flows differ in "
        "length. A difference of +0.4 points may be chance. "
        "This does not show which is better."
    )


async def test_churn_that_rises_blocks_a_winner_and_stops_the_experiment_once(
    company: Company,
) -> None:
    await company.define("paid", name="paid", kind="CONVERSION", eventName="paid")
    await company.define(
        "churn", name="churn", kind="CONVERSION", eventName="left", direction="DECREASE"
    )
    metrics = [
        {"metricKey": "paid", "role": "PRIMARY"},
        {
            "metricKey": "churn",
            "role": "GUARDRAIL",
            "margin": 0.005,
            "harmAction": "STOP",
        },
    ]
    await company.draft(**{**DRAFT, "metrics": metrics, "plannedUnits": 10_000})
    await company.start("short-form")
    company.wall.at = START + 4 * DAY
    did = {"paid": {"long": 400, "short": 500}, "left": {"long": 200, "short": 290}}
    arms = {"long": 5_000, "short": 5_000}
    await company.send(events("short-form", arms, did, subject="userId"))
    company.wall.at = START + 9 * DAY
    await company.work()
    found = await company.results("short-form")
    paid, churn = comparison(found, "paid"), comparison(found, "churn")
    assert paid["verdict"] == "WIN"
    assert churn["guardrail"] == "HARMED"
    assert churn["raw"]["absolute"] == pytest.approx(0.018)
    assert (churn["raw"]["ciLow"], churn["raw"]["ciHigh"]) == pytest.approx(
        (0.0095, 0.0265), abs=1e-4
    )
    assert found["results"]["recommendation"]["outcome"] == "DONT_SHIP"
    workers = [company.context, replace(company.context, memory={}, sending=set())]
    rang = await asyncio.gather(*(act_on_alarms.run(each) for each in workers))
    assert sorted(rang) == [0, 1]
    seen = await governance.read(company.edge)
    (alarm,) = [edge["node"] for edge in seen["alarms"]["edges"]]
    assert (alarm["metricKey"], alarm["done"]) == ("churn", "STOP")
    assert (await company.results("short-form"))["status"] == "STOPPED"


async def test_a_start_on_the_day_clocks_change_is_made_up_for_once(
    company: Company,
) -> None:
    await governance.drafted(company.edge)
    given = {"startAt": "2026-10-25T09:00", "timeZone": "Europe/Paris"}
    answer = await governance.step(company.edge, "scheduleExperiment", **given)
    assert answer["experiment"]["schedule"]["dueAt"].startswith("2026-10-25T08:00")
    company.wall.at = datetime(2026, 10, 25, 7, 55, tzinfo=UTC)
    assert await start_scheduled.run(company.context) == 0
    company.wall.at = datetime(2026, 10, 25, 8, 10, tzinfo=UTC)
    other = replace(company.context, memory={}, sending=set())
    begun = await asyncio.gather(
        *(start_scheduled.run(worker) for worker in (company.context, other))
    )
    assert sorted(begun) == [0, 1]
    seen = await governance.read(company.edge)
    (phase,) = seen["phases"]
    assert seen["status"] == "RUNNING"
    assert phase["startedAt"].startswith("2026-10-25T08:10")
    assert phase["scheduledFor"].startswith("2026-10-25T08:00")
