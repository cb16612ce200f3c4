"""Experiments and metrics through the edge."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.conftest import Edge, Tenant
from tests.api.experiments import (
    CREATE_METRIC,
    DRAFT,
    make_metrics,
    mutate,
    read,
    started,
)

pytestmark = pytest.mark.stores


async def test_a_draft_is_written_once_and_read_back_whole(edge: Edge) -> None:
    await make_metrics(edge)
    first = await mutate(edge, "createExperiment", DRAFT)
    again = await mutate(edge, "createExperiment", DRAFT)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["experiment"]["id"] == again["experiment"]["id"]
    found = await read(edge, "short-form")
    assert found["status"] == "DRAFT"
    assert found["hypothesis"]["metricKey"] == "paid"
    assert [v["key"] for v in found["variants"]] == ["long", "short"]
    assert found["variants"][1]["payload"] == {
        "__typename": "FeatureTreatment",
        "value": {"fields": 3},
    }
    assert found["metrics"][0]["metric"]["key"] == "paid"
    assert found["allowedTransitions"] == [
        "IN_REVIEW",
        "SCHEDULED",
        "RUNNING",
        "ARCHIVED",
    ]
    assert {c["severity"] for c in found["launchChecks"]} == {"WARNING"}
    assert found["owner"] == {"kind": "KEY"}


async def test_the_whole_life_of_an_experiment(edge: Edge) -> None:
    run = await started(edge)
    assert (run["status"], run["version"]) == ("RUNNING", 2)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("pauseExperiment", {"reason": "A bug.", "mode": "PAUSE_SERVING"}, "PAUSED"),
        ("resumeExperiment", {}, "RUNNING"),
        ("stopExperiment", {"reason": "Enough."}, "STOPPED"),
        (
            "decideExperiment",
            {"decision": "INCONCLUSIVE", "note": "Too few came by."},
            "DECIDED",
        ),
        ("archiveExperiment", {}, "ARCHIVED"),
    ]
    for version, (name, details, status) in enumerate(steps, start=2):
        answer = await mutate(
            edge,
            name,
            {
                "idempotencyKey": name,
                "experiment": {"key": "short-form"},
                "expectedVersion": version,
                **details,
            },
        )
        assert answer["__typename"] == "ExperimentPayload", answer
        assert answer["experiment"]["status"] == status
    found = await read(edge, "short-form")
    assert found["decision"]["outcome"] == "INCONCLUSIVE"
    (phase,) = found["phases"]
    assert phase["endedAt"] is not None
    assert phase["pauses"][0]["mode"] == "PAUSE_SERVING"
    assert len(phase["designHash"]) == 64


async def test_a_start_with_something_left_to_do_names_it(edge: Edge) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", {**DRAFT, "hypothesis": None})
    answer = await mutate(
        edge,
        "startExperiment",
        {
            "idempotencyKey": "s",
            "experiment": {"key": "short-form"},
            "expectedVersion": 1,
        },
    )
    assert answer["__typename"] == "ChecklistError"
    assert answer["code"] == "CHECKLIST_INCOMPLETE"
    assert "HYPOTHESIS_MDE" in answer["items"]


async def test_refusals_are_members_with_codes_and_paths(edge: Edge) -> None:
    await make_metrics(edge)
    bad = {**DRAFT, "targeting": {"plan": {"$like": "f"}}}
    refused = await mutate(edge, "createExperiment", bad)
    assert refused["__typename"] == "ValidationError"
    assert refused["code"] == "CONDITION_INVALID"
    assert refused["path"] == ["targeting", "plan", "$like"]
    run = await started(edge)
    step = {"experiment": {"id": run["id"]}, "idempotencyKey": "x"}
    stale = await mutate(
        edge, "stopExperiment", {**step, "expectedVersion": 1, "reason": "Why."}
    )
    assert (stale["__typename"], stale["currentVersion"]) == ("ConflictError", 2)
    again = await mutate(edge, "startExperiment", {**step, "expectedVersion": 2})
    assert again["__typename"] == "TransitionError"
    assert (again["from"], again["to"]) == ("RUNNING", "RUNNING")
    frozen = await mutate(
        edge, "updateExperiment", {**step, "expectedVersion": 2, "plannedUnits": 5}
    )
    assert frozen["code"] == "DESIGN_FROZEN"
    missing = await mutate(
        edge,
        "stopExperiment",
        {**step, "experiment": {"key": "none"}, "expectedVersion": 1, "reason": "x"},
    )
    assert missing["__typename"] == "NotFoundError"
    reserved = await mutate(
        edge, "createExperiment", {**DRAFT, "idempotencyKey": "other"}
    )
    assert reserved["code"] == "KEY_TAKEN"


async def test_a_limit_and_a_flow_come_back_typed(edge: Edge) -> None:
    await make_metrics(edge)
    limits = [
        {
            "key": key,
            "weight": 0.5,
            "isControl": value == 100,
            "payload": {
                "limit": {
                    "meter": "reports",
                    "kind": "FLOW",
                    "value": value,
                    "window": "MONTH",
                    "disclosure": {"text": f"{value} reports a month are free."},
                }
            },
        }
        for key, value in (("hundred", 100), ("sixty", 60))
    ]
    made = await mutate(
        edge,
        "createExperiment",
        {
            **DRAFT,
            "key": "reports-limit",
            "treatment": "FREEMIUM_LIMIT",
            "variants": limits,
        },
    )
    assert made["__typename"] == "ExperimentPayload", made
    found = await read(edge, "reports-limit")
    sixty = found["variants"][1]
    assert sixty["payload"]["__typename"] == "LimitTreatment"
    assert (sixty["payload"]["limit"], sixty["value"]) == (60, 60)
    assert sixty["payload"]["disclosure"]["text"].startswith("60")
    misfit = await mutate(
        edge,
        "createExperiment",
        {**DRAFT, "key": "other", "idempotencyKey": "o", "variants": limits},
    )
    assert misfit["code"] == "TREATMENT_INVALID"
    assert misfit["path"] == ["variants", "0", "payload"]


async def test_a_list_goes_page_by_page_newest_first(edge: Edge) -> None:
    await make_metrics(edge)
    for number in range(3):
        await mutate(
            edge,
            "createExperiment",
            {**DRAFT, "key": f"e{number}", "idempotencyKey": f"e{number}"},
        )
    query = """query ($after: String, $filter: ExperimentFilter) {
      experiments(first: 2, after: $after, filter: $filter) {
        edges { node { key variants { key } } }
        pageInfo { hasNextPage endCursor } } }"""
    page = (await edge.ask(query))["data"]["experiments"]
    assert [e["node"]["key"] for e in page["edges"]] == ["e2", "e1"]
    rest = await edge.ask(query, after=page["pageInfo"]["endCursor"])
    assert [e["node"]["key"] for e in rest["data"]["experiments"]["edges"]] == ["e0"]
    chosen = await edge.ask(query, filter={"search": "E1", "status": ["DRAFT"]})
    assert [e["node"]["key"] for e in chosen["data"]["experiments"]["edges"]] == ["e1"]


async def test_another_project_finds_nothing(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    run = await started(edge)
    rival = (await other_tenant()).admin
    query = """query ($by: ExperimentRef!, $id: ID!) {
      experiment(by: $by) { key } node(id: $id) { id } }"""
    for by in ({"key": "short-form"}, {"id": run["id"]}):
        answer = await edge.ask(query, key=rival, by=by, id=run["id"])
        assert answer["data"] == {"experiment": None, "node": None}
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    own = await edge.ask(query, by={"id": run["id"]}, id=run["id"])
    assert own["data"]["node"] == {"id": run["id"]}


async def test_who_may_do_what(edge: Edge) -> None:
    document = """mutation ($input: CreateExperimentInput!) {
      createExperiment(input: $input) { __typename } }"""
    for key in (edge.tenant.viewer, edge.tenant.client):
        answer = await edge.ask(document, key=key, input=DRAFT)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    peek = "{ experiments { edges { node { key targeting } } } }"
    answer = await edge.ask(peek, key=edge.tenant.client)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_metric_is_capped_in_its_own_unit(edge: Edge) -> None:
    await make_metrics(edge)
    query = "{ metrics { edges { node { id key cap version unit } } } }"
    found = (await edge.ask(query))["data"]["metrics"]["edges"]
    metrics = {edge["node"]["key"]: edge["node"] for edge in found}
    assert metrics["revenue"]["cap"] == 99.5
    assert metrics["paid"]["cap"] is None
    update = """mutation ($input: UpdateMetricInput!) { updateMetric(input: $input) {
      __typename ... on MetricPayload { metric { windowDays version } }
      ... on Error { code path } } }"""
    given = {
        "idempotencyKey": "u",
        "id": metrics["paid"]["id"],
        "expectedVersion": 1,
        "name": "Paid",
        "kind": "CONVERSION",
        "eventName": "paid",
        "direction": "INCREASE",
        "windowDays": 14,
    }
    changed = (await edge.ask(update, input=given))["data"]["updateMetric"]
    assert changed["metric"] == {"windowDays": 14, "version": 2}
    again = {**given, "idempotencyKey": "v", "windowDays": 0, "expectedVersion": 2}
    refused = (await edge.ask(update, input=again))["data"]["updateMetric"]
    assert (refused["code"], refused["path"]) == ("METRIC_INVALID", ["windowDays"])
    archive = """mutation ($input: ArchiveMetricInput!) {
      archiveMetric(input: $input) { __typename ... on MetricPayload { metric {
      archivedAt } } } }"""
    away = {"idempotencyKey": "a", "id": metrics["paid"]["id"], "expectedVersion": 2}
    archived = (await edge.ask(archive, input=away))["data"]["archiveMetric"]
    assert archived["metric"]["archivedAt"] is not None


async def test_a_metric_key_is_used_once(edge: Edge) -> None:
    await make_metrics(edge)
    taken = {
        "idempotencyKey": "again",
        "key": "paid",
        "name": "Paid",
        "kind": "CONVERSION",
        "eventName": "paid",
        "direction": "INCREASE",
    }
    answer = (await edge.ask(CREATE_METRIC, input=taken))["data"]["createMetric"]
    assert answer["code"] == "KEY_TAKEN"
