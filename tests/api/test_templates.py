"""Experiments that begin with a template, through the edge."""

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
from tests.api.experiments import CREATE_METRIC, make_metrics
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores

CREATE = """mutation ($input: CreateExperimentFromTemplateInput!) {
  createExperimentFromTemplate(input: $input) {
    __typename
    ... on ExperimentPayload { replayed experiment {
      name treatment plannedUnits
      hypothesis { statement metricKey direction minimumEffect }
      variants { key weight isControl value }
      metrics { role metric { key } }
      launchReadiness { ready items { code status checks } } } }
    ... on Error { code path } } }"""
GIVEN: dict[str, Any] = {
    "idempotencyKey": "t",
    "key": "first",
    "metric": "paid",
    "minimumEffect": 0.01,
}


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
    """An edge with a log behind it."""
    async with make_edge(database, settings, log=log) as edge:
        yield edge


async def created(edge: Edge, **changes: Any) -> dict[str, Any]:
    """The mutation's member."""
    answer = await edge.ask(CREATE, input={**GIVEN, **changes})
    assert "errors" not in answer, answer
    member: dict[str, Any] = answer["data"]["createExperimentFromTemplate"]
    return member


@pytest.mark.parametrize(
    ("treatment", "subject", "values"),
    [
        ("FEATURE", "", [False, True]),
        ("FREEMIUM_LIMIT", "reports", [100, 60]),
        (
            "ONBOARDING_FLOW",
            "setup",
            [{"flow": "setup", "version": 1}, {"flow": "setup", "version": 2}],
        ),
    ],
)
async def test_a_template_leaves_one_red_item_at_most(
    edge: Edge, treatment: str, subject: str, values: list[Any]
) -> None:
    await make_metrics(edge)
    made = (await created(edge, template=treatment, subject=subject))["experiment"]
    assert [each["value"] for each in made["variants"]] == values
    assert [each["weight"] for each in made["variants"]] == [0.5, 0.5]
    assert [(m["role"], m["metric"]["key"]) for m in made["metrics"]] == [
        ("PRIMARY", "paid"),
        ("GUARDRAIL", "revenue"),
    ]
    items = made["launchReadiness"]["items"]
    red = [each["code"] for each in items if each["status"] == "BLOCKED"]
    assert red == ["POWER"]
    assert made["hypothesis"]["metricKey"] == "paid"
    assert "Paid goes up" in made["hypothesis"]["statement"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"metric": "unheard-of"}, "NOT_FOUND"),
        ({"minimumEffect": -1}, "DESIGN_INVALID"),
        ({"template": "FREEMIUM_LIMIT", "subject": ""}, "TREATMENT_INVALID"),
        ({"key": "not a key"}, "DESIGN_INVALID"),
    ],
)
async def test_what_a_template_cannot_make_is_refused(
    edge: Edge, changes: dict[str, Any], code: str
) -> None:
    await make_metrics(edge)
    refused = await created(edge, **{"template": "FEATURE", **changes})
    assert refused["code"] == code


@pytest.mark.parametrize("treatment", ["FREEMIUM_LIMIT", "ONBOARDING_FLOW"])
async def test_a_template_says_what_it_cannot_guess(edge: Edge, treatment: str) -> None:
    await make_metrics(edge)
    refused = await created(edge, template=treatment, subject="")
    assert (refused["code"], refused["path"]) == ("TREATMENT_INVALID", ["subject"])


async def test_a_metric_that_is_the_same_for_everybody_guards_nothing(
    edge: Edge, log: EventLog
) -> None:
    await make_metrics(edge)
    given = {"idempotencyKey": "aha", "key": "aha", "direction": "INCREASE"}
    parts = {"name": "Aha", "kind": "CONVERSION", "eventName": "paid"}
    await edge.ask(CREATE_METRIC, input=given | parts)
    before = await created(edge, template="FEATURE")
    at = datetime.now(UTC) - timedelta(days=10)
    paid = [
        NewEvent(
            id=str(new_id()),
            name="paid",
            user_id=who,
            occurred_at=at,
            value=Decimal(value),
        )
        for who, value in (("ann", 2), ("bob", 3))
    ]
    await log.append(edge.tenant.environment.id, paid)
    after = await created(
        edge, template="FEATURE", idempotencyKey="again", key="second"
    )
    chosen = [
        [each["metric"]["key"] for each in made["experiment"]["metrics"]]
        for made in (before, after)
    ]
    assert chosen == [["paid", "aha", "revenue"], ["paid", "revenue"]]
