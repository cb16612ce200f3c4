"""Power analysis through the edge."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from core.subjects import Join, Told, remember
from experiments.events.log import NewEvent, open_log
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import make_metrics
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores

POWER = """query ($input: PowerAnalysisInput!) { powerAnalysis(input: $input) {
  unitsPerArm total effect inflation dailyUnits days weeks durationDays
  baseline { mean variance treatmentVariance binary explained unitsSeen
    clusterSize clusterCorrelation }
  curve { week units minimumEffect power }
  stops { effect expectedFraction stopped } } }"""
NEVER = """mutation { createMetric(input: { idempotencyKey: "never", key: "never",
  name: "Never", kind: CONVERSION, eventName: "never", direction: INCREASE
}) { ... on MetricPayload { metric { key } } } }"""
USERS = 400


async def ask(edge: Edge, **given: Any) -> dict[str, Any]:
    """The answer to a question of size."""
    answer = await edge.ask(POWER, input={"minimumEffect": 0.01, **given})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["powerAnalysis"]
    return found


async def refused(edge: Edge, **given: Any) -> tuple[str, Any]:
    """The code of a refusal, and where the trouble is."""
    answer = await edge.ask(POWER, input={"minimumEffect": 0.01, **given})
    assert answer["data"] == {"powerAnalysis": None}
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["extensions"].get("path")


async def test_a_point_on_four_per_cent(edge: Edge) -> None:
    found = await ask(edge, baseline=0.04, dailyUnits=900.0, windowDays=7.0)
    assert found["unitsPerArm"] == [6_745, 6_745]
    assert (found["days"], found["weeks"], found["durationDays"]) == (15, 3, 28)
    assert [round(each["power"], 2) for each in found["curve"][:3]] == [
        0.48,
        0.77,
        0.91,
    ]
    assert found["stops"] == []
    assert found["baseline"]["binary"] is True


async def test_accounts_of_ten(edge: Edge) -> None:
    clusters = {"size": 10, "correlation": 0.05}
    found = await ask(edge, baseline=0.04, clusters=clusters)
    assert found["unitsPerArm"] == [978, 978]
    assert (found["days"], found["dailyUnits"], found["curve"]) == (None, None, [])


async def test_a_relative_effect_on_a_mean(edge: Edge) -> None:
    given = {
        "baseline": 10.0,
        "variance": 100.0,
        "minimumEffect": 0.05,
        "widening": "NONE",
    }
    found = await ask(edge, relative=True, **given)
    assert found["effect"] == 0.5
    assert found["unitsPerArm"] == [6_280, 6_280]
    assert found["baseline"]["treatmentVariance"] == 100.0
    known = await ask(edge, relative=True, explained=0.25, **given)
    assert known["total"] == pytest.approx(0.75 * found["total"], abs=4)


async def test_treated_units_vary_more_unless_it_is_said_that_they_do_not(
    edge: Edge,
) -> None:
    given = {"baseline": 10.0, "variance": 100.0, "minimumEffect": 1.0}
    amounts = await ask(edge, **given)
    assert amounts["baseline"]["treatmentVariance"] == pytest.approx(121.0)
    counts = await ask(edge, widening="COUNTS", **given)
    assert counts["baseline"]["treatmentVariance"] == pytest.approx(11 + 1.21 * 90)
    alike = await ask(edge, widening="NONE", **given)
    assert alike["total"] < counts["total"] < amounts["total"]
    assert amounts["total"] / alike["total"] == pytest.approx(2.21 / 2, abs=0.002)
    share = await ask(edge, baseline=0.04)
    assert share["baseline"]["treatmentVariance"] == pytest.approx(0.05 * 0.95)


async def test_a_rule_is_rehearsed_before_anyone_is_assigned(edge: Edge) -> None:
    found = await ask(edge, baseline=0.04, stopping="OBRIEN_FLEMING")
    none, wanted, twice = found["stops"]
    assert (none["stopped"], wanted["stopped"]) == pytest.approx((0.05, 0.8), abs=0.01)
    assert twice["expectedFraction"] < wanted["expectedFraction"] < 1
    assert found["total"] == pytest.approx(13_490 * found["inflation"], abs=2)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "DESIGN_INVALID"),
        ({"baseline": 1.2}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "alpha": 0.7}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "weights": [0.5] * 21}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "weights": [0.7, 0.7]}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "minimumEffect": 0}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "dailyUnits": -1}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "inAccounts": True}, "DESIGN_INVALID"),
        ({"baseline": 0.04, "metric": "paid"}, "DESIGN_INVALID"),
        ({"baseline": 5.0, "variance": 0.0}, "DESIGN_INVALID"),
        ({"baseline": 5.0, "variance": 1e80}, "DESIGN_INVALID"),
        ({"metric": "unheard-of"}, "NOT_FOUND"),
    ],
)
async def test_what_no_size_answers_is_refused(
    edge: Edge, given: dict[str, Any], code: str
) -> None:
    assert (await refused(edge, **given))[0] == code


@pytest.fixture
async def visited(
    database: Database, settings: Settings, store_urls: StoreUrls
) -> AsyncIterator[Edge]:
    """An edge whose log knows three weeks: one in four users pays, by account."""
    log = open_log(store_urls.events)
    await log.open()
    async with make_edge(database, settings, log=log) as edge:
        at = datetime.now(UTC)
        place = edge.tenant.environment.id
        events = []
        for k in range(USERS):
            day = at - timedelta(days=20 - k % 20, minutes=k)
            events.append(
                NewEvent(id=f"v{k}", name="visit", user_id=f"u{k}", occurred_at=day)
            )
            if k % 40 < 10:
                paid = day + timedelta(minutes=5)
                events.append(
                    NewEvent(id=f"p{k}", name="paid", user_id=f"u{k}", occurred_at=paid)
                )
        await log.append(place, events, batch_id="history")
        joins = [Join(f"u{k}", f"a{k % 40}", at) for k in range(USERS)]
        async with database.sessions.begin() as session:
            await remember(session, place, Told(joins=joins))
        await make_metrics(edge)
        yield edge
    await log.close()


async def test_a_metrics_own_baseline_and_traffic_are_read(visited: Edge) -> None:
    found = await ask(visited, metric="paid", minimumEffect=0.1)
    base = found["baseline"]
    assert base["mean"] == pytest.approx(100 / base["unitsSeen"], abs=0.01)
    assert 250 < base["unitsSeen"] < USERS
    assert found["dailyUnits"] > 10
    assert found["weeks"] >= 1
    assert found["durationDays"] == found["weeks"] * 7 + 7
    assert len(found["curve"]) == 26


async def test_how_alike_users_of_an_account_are_is_read(visited: Edge) -> None:
    found = await ask(visited, metric="paid", minimumEffect=0.1, inAccounts=True)
    plain = await ask(visited, metric="paid", minimumEffect=0.1)
    base = found["baseline"]
    assert base["clusterSize"] > 2
    assert base["clusterCorrelation"] == pytest.approx(1.0, abs=0.01)
    # Where all of an account do the same, an account tells as much as one user.
    assert found["total"] == pytest.approx(plain["total"], abs=2)


async def test_a_metric_of_nobody_asks_for_a_baseline(visited: Edge) -> None:
    code, _ = await refused(visited, metric="paid", unit="ACCOUNT")
    assert code == "DESIGN_INVALID"


async def test_a_metric_that_does_not_vary_asks_for_a_baseline(visited: Edge) -> None:
    await visited.ask(NEVER)
    given = {"metric": "never", "minimumEffect": 0.1}
    answer = await visited.ask(POWER, input=given)
    (error,) = answer["errors"]
    assert error["extensions"]["path"] == ["metric"]
    assert "the same value" in error["message"]


async def test_a_browser_does_not_ask_for_power(edge: Edge) -> None:
    given = {"minimumEffect": 0.01, "baseline": 0.04}
    answer = await edge.ask(POWER, key=edge.tenant.client, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
