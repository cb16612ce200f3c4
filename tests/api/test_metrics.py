"""Metrics over GraphQL: every kind, what is refused, and the health of their events."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.database import Database
from core.ids import new_id
from core.settings import Settings
from experiments.events.log import EventLog, NewEvent, open_log
from tests.api.conftest import Edge, make_edge
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores

CREATE = """
mutation ($input: CreateMetricInput!) {
  createMetric(input: $input) {
    __typename
    ... on MetricPayload { metric {
      id kind filters { property operator values } valueProperty retentionSpan weeks
      quantile laterSteps minimumUnits stepsPerUnit version
    } }
    ... on Error { code path }
  }
}
"""
UPDATE = CREATE.replace("create", "update").replace("Create", "Update")
HEALTH = """
{ metrics { edges { node { key proposedCap health {
  events lastEventAt ageSeconds days { day events } withoutUnitId withoutValue
  seasonality units mean variance zeroShare warnings { code message }
} } } } }
"""
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    """The event log under test."""
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
async def edge(
    database: Database, settings: Settings, log: EventLog
) -> AsyncIterator[Edge]:
    """The application over it."""
    async with make_edge(database, settings, log=log) as edge:
        yield edge


async def create(edge: Edge, **parts: Any) -> dict[str, Any]:
    """Define a metric; the member of the union comes back."""
    given = {"name": "It", "eventName": "order", "direction": "INCREASE", **parts}
    given = {"idempotencyKey": given.get("key", "it"), "key": "it", **given}
    answer = await edge.ask(CREATE, input=given)
    assert "errors" not in answer, answer
    made: dict[str, Any] = answer["data"]["createMetric"]
    return made


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ({"kind": "CADENCE", "weeks": 4}, {"weeks": 4}),
        ({"kind": "QUANTILE", "quantile": 0.95}, {"quantile": 0.95}),
        ({"kind": "TIME_TO_EVENT"}, {"kind": "TIME_TO_EVENT"}),
        (
            {"kind": "FUNNEL", "laterSteps": ["pay", "stay"]},
            {"laterSteps": ["pay", "stay"]},
        ),
        (
            {"kind": "RETENTION", "retentionDay": 7, "retentionSpan": 3},
            {"retentionSpan": 3},
        ),
        (
            {
                "kind": "SUM",
                "value": "VALUE",
                "valueProperty": "seats",
                "stepsPerUnit": 100,
                "minimumUnits": 50,
                "filters": [
                    {"property": "plan", "operator": "IN", "values": ["team"]},
                    {"property": "coupon", "operator": "EXISTS"},
                ],
            },
            {
                "valueProperty": "seats",
                "stepsPerUnit": 100,
                "minimumUnits": 50,
                "filters": [
                    {"property": "plan", "operator": "IN", "values": ["team"]},
                    {"property": "coupon", "operator": "EXISTS", "values": []},
                ],
            },
        ),
    ],
)
async def test_a_metric_of_every_kind_is_kept(
    edge: Edge, parts: dict[str, Any], kept: dict[str, Any]
) -> None:
    made = await create(edge, **parts)
    assert made["__typename"] == "MetricPayload", made
    assert kept.items() <= made["metric"].items()


async def test_a_condition_without_a_value_is_refused_by_its_place(edge: Edge) -> None:
    bound = {"property": "seats", "operator": "AT_LEAST", "values": ["many"]}
    refused = await create(edge, kind="COUNT", filters=[bound])
    assert (refused["code"], refused["path"]) == (
        "METRIC_INVALID",
        ["filters", "0", "values"],
    )


async def test_a_change_replaces_the_whole_definition(edge: Edge) -> None:
    made = await create(edge, kind="FUNNEL", laterSteps=["pay"])
    answer = await edge.ask(
        UPDATE,
        input={
            "idempotencyKey": "change",
            "id": made["metric"]["id"],
            "expectedVersion": 1,
            "name": "It",
            "eventName": "order",
            "direction": "INCREASE",
            "kind": "COUNT",
            "filters": [{"property": "plan", "operator": "EXISTS"}],
        },
    )
    changed = answer["data"]["updateMetric"]["metric"]
    assert (changed["kind"], changed["laterSteps"], changed["version"]) == (
        "COUNT",
        [],
        2,
    )
    assert changed["filters"][0]["property"] == "plan"


def order(who: str | None, ago: timedelta, value: str | None) -> NewEvent:
    """An order so long ago; without a person it is an account's."""
    return NewEvent(
        id=str(new_id()),
        name="order",
        user_id=who,
        account_id="acme" if who is None else None,
        occurred_at=NOW - ago,
        value=None if value is None else Decimal(value),
    )


async def test_health_tells_of_old_and_broken_events(edge: Edge, log: EventLog) -> None:
    await create(edge, kind="SUM", value="VALUE", key="revenue")
    await log.append(
        edge.tenant.environment.id,
        [
            order("ann", 10 * DAY, "2"),
            order("ann", 9 * DAY, "3"),
            order("bob", 8 * DAY, None),
            order(None, 2 * DAY, "7"),
        ],
    )
    ((edge_of,),) = [(await edge.ask(HEALTH))["data"]["metrics"]["edges"]]
    health = edge_of["node"]["health"]
    assert (health["events"], health["withoutUnitId"]) == (4, 0.25)
    assert health["withoutValue"] == 0.25
    assert 47 * 3600 < health["ageSeconds"] < 50 * 3600
    assert [day["events"] for day in health["days"]].count(1) == 4
    assert (health["units"], health["mean"], health["zeroShare"]) == (2, 2.5, 0.5)
    assert health["variance"] == 12.5
    assert [warning["code"] for warning in health["warnings"]] == [
        "STALE",
        "MISSING_UNIT_ID",
        "MISSING_VALUE",
    ]
    assert edge_of["node"]["proposedCap"] == 5.0


async def test_a_metric_without_events_says_so(edge: Edge) -> None:
    await create(edge, kind="CONVERSION")
    ((edge_of,),) = [(await edge.ask(HEALTH))["data"]["metrics"]["edges"]]
    health = edge_of["node"]["health"]
    assert (health["events"], health["lastEventAt"], health["mean"]) == (0, None, None)
    assert [warning["code"] for warning in health["warnings"]] == ["NO_EVENTS"]
    assert edge_of["node"]["proposedCap"] is None


async def test_health_is_read_of_a_bounded_number_of_metrics(edge: Edge) -> None:
    for number in range(21):
        await create(edge, kind="COUNT", key=f"m{number}")
    answer = await edge.ask(HEALTH)
    assert answer["errors"][0]["extensions"]["code"] == "TOO_MANY_METRICS"
