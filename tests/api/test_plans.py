"""Analysis plans through the edge."""

from typing import Any

import pytest

from tests.api.conftest import Edge
from tests.api.experiments import DRAFT, make_metrics, mutate, started

pytestmark = pytest.mark.stores

PLAN = """stopping alpha power lookHour timeZone adjustment lookbackDays priorDeviation
  interim dimensions { key attribute levels stratum segment }"""
READ = """query ($by: ExperimentRef!) { experiment(by: $by) {
  plan { %s } phases { plan { %s } } metrics { margin marginKind harmAction } } }"""
GIVEN: dict[str, Any] = {
    "stopping": "POCOCK",
    "alpha": 0.1,
    "lookHour": 9,
    "dimensions": [{"key": "tier", "attribute": "plan", "levels": ["free", "pro"]}],
}


async def read(edge: Edge) -> dict[str, Any]:
    """The experiment's plan and that of its phases."""
    answer = await edge.ask(READ % (PLAN, PLAN), by={"key": "short-form"})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]
    return found


async def test_a_plan_is_read_back_and_frozen_by_the_start(edge: Edge) -> None:
    await started(edge, plan=GIVEN)
    found = await read(edge)
    assert found["plan"] == {
        **GIVEN,
        "power": 0.8,
        "timeZone": None,
        "adjustment": "LIN",
        "lookbackDays": 28,
        "priorDeviation": 0.1,
        "interim": True,
        "dimensions": [{**GIVEN["dimensions"][0], "stratum": False, "segment": True}],
    }
    assert found["phases"][0]["plan"] == {**found["plan"], "timeZone": "UTC"}


async def test_a_plan_that_breaks_a_rule_is_refused_by_its_path(edge: Edge) -> None:
    await make_metrics(edge)
    bad = {"dimensions": [GIVEN["dimensions"][0]] * 2}
    refused = await mutate(edge, "createExperiment", {**DRAFT, "plan": bad})
    assert refused["code"] == "DESIGN_INVALID"
    assert refused["path"] == ["plan", "dimensions", "1", "key"]


async def test_an_update_replaces_the_whole_plan(edge: Edge) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", {**DRAFT, "plan": GIVEN})
    step = {"experiment": {"key": "short-form"}, "expectedVersion": 1}
    changed = {"idempotencyKey": "u", **step, "plan": {"interim": False}}
    await mutate(edge, "updateExperiment", changed)
    plan = (await read(edge))["plan"]
    assert (plan["stopping"], plan["interim"]) == ("OBRIEN_FLEMING", False)
    assert plan["dimensions"] == []


async def test_a_guardrail_says_its_margin_and_what_its_alarm_does(edge: Edge) -> None:
    await make_metrics(edge)
    guardrail = {
        "metricKey": "revenue",
        "role": "GUARDRAIL",
        "margin": 0.02,
        "marginKind": "RELATIVE",
        "harmAction": "STOP",
    }
    metrics = [*DRAFT["metrics"], guardrail]
    await mutate(edge, "createExperiment", {**DRAFT, "metrics": metrics})
    first, second = (await read(edge))["metrics"]
    assert first == {"margin": None, "marginKind": "ABSOLUTE", "harmAction": "ALERT"}
    assert second == {"margin": 0.02, "marginKind": "RELATIVE", "harmAction": "STOP"}
