"""The launch checklist through the edge."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog, open_log
from tests.api.conftest import Edge, Tenant, make_edge
from tests.api.experiments import DRAFT, make_metrics, mutate, started
from tests.conftest import StoreUrls
from workers.context import TaskContext, outbound
from workers.queue import NullQueue
from workers.tasks import gather_evidence

pytestmark = pytest.mark.stores

READ = """query ($by: ExperimentRef!, $place: ID) { experiment(by: $by) {
  launchReadiness(environment: $place) {
    ready launchedAt
    groups { group title items { code } }
    items { code status group title message evidence blocking waivable checks
      evaluatedAt waiver { reason actor at } }
  }
  launchNotes { decider decisionDate ethics identity supportBriefed version }
  overlaps { experimentKey share people exposed sameTreatment sameMetric apart
    proposesLayer }
  power { total weeks baseline { mean unitsSeen } }
  plannedUnits
} }"""
CHANGE = """mutation ($input: %sInput!) { %s(input: $input) {
  __typename
  ... on ExperimentPayload { replayed experiment { launchReadiness { ready } } }
  ... on Error { code message path }
  ... on ConflictError { currentVersion } } }"""


async def read(edge: Edge, **variables: Any) -> dict[str, Any]:
    """The experiment's preparation, its items by code."""
    answer = await edge.ask(READ, by={"key": "short-form"}, **variables)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]
    items = found["launchReadiness"]["items"]
    return found | {"items": {each["code"]: each for each in items}}


async def change(edge: Edge, name: str, **given: Any) -> dict[str, Any]:
    """One mutation's member."""
    kind = name[0].upper() + name[1:]
    parts = {"idempotencyKey": "k", "experiment": {"key": "short-form"}, **given}
    answer = await edge.ask(CHANGE % (kind, name), input=parts)
    assert "errors" not in answer, answer
    member: dict[str, Any] = answer["data"][name]
    return member


async def drafted(edge: Edge, **changes: Any) -> None:
    """A draft to be launched."""
    await make_metrics(edge)
    made = await mutate(edge, "createExperiment", {**DRAFT, **changes})
    assert made["__typename"] == "ExperimentPayload", made


async def test_sixteen_items_stand_in_three_groups(edge: Edge) -> None:
    await drafted(edge)
    found = await read(edge)
    readiness = found["launchReadiness"]
    assert (readiness["ready"], readiness["launchedAt"]) == (True, None)
    assert len(found["items"]) == 16
    groups = {each["title"]: each["items"] for each in readiness["groups"]}
    assert list(groups) == ["You decide", "We checked", "Worth knowing"]
    assert len(groups["You decide"]) == 4
    assert found["items"]["POWER"]["status"] == "WAITING"
    assert found["items"]["DISCLOSURE"]["status"] == "NOT_APPLICABLE"
    assert (found["overlaps"], found["power"]) == ([], None)


async def test_what_is_missing_blocks_and_names_its_checks(edge: Edge) -> None:
    await drafted(edge, hypothesis=None)
    found = await read(edge)
    item = found["items"]["HYPOTHESIS"]
    assert found["launchReadiness"]["ready"] is False
    assert (item["status"], item["blocking"], item["waivable"]) == (
        "BLOCKED",
        True,
        False,
    )
    assert "HYPOTHESIS_MDE" in item["checks"]


async def test_a_start_is_offered_only_where_the_checklist_lets_it_through(
    edge: Edge,
) -> None:
    await drafted(edge, plannedUnits=None)
    query = """{ experiment(by: {key: "short-form"}) {
        launchReadiness { ready } steps { step allowed obstacle because } } }"""
    for units, obstacle in ((None, "NOT_READY"), (1_000, None)):
        if units is not None:
            await change(
                edge, "updateExperiment", expectedVersion=1, plannedUnits=units
            )
        found = (await edge.ask(query))["data"]["experiment"]
        start = next(each for each in found["steps"] if each["step"] == "START")
        assert found["launchReadiness"]["ready"] is (obstacle is None)
        assert (start["allowed"], start["obstacle"]) == (obstacle is None, obstacle)
        assert ("Enough units" in start["because"]) is (obstacle is not None)


async def test_people_say_what_only_they_know(edge: Edge) -> None:
    await drafted(edge)
    given = {
        "expectedVersion": 0,
        "decider": "Bob",
        "decisionDate": "2099-06-01",
        "ethics": "Fair.",
    }
    first = await change(edge, "noteLaunch", **given)
    again = await change(edge, "noteLaunch", **given)
    assert (first["replayed"], again["replayed"]) == (False, True)
    found = await read(edge)
    assert found["launchNotes"] == {
        "decider": "Bob",
        "decisionDate": "2099-06-01",
        "ethics": "Fair.",
        "identity": "",
        "supportBriefed": "",
        "version": 1,
    }
    assert found["items"]["DECISION"]["status"] == "OK"
    assert found["items"]["DECISION"]["evidence"]["decider"] == "Bob"
    stale = await change(edge, "noteLaunch", **{**given, "idempotencyKey": "other"})
    assert (stale["__typename"], stale["currentVersion"]) == ("ConflictError", 1)


async def test_an_item_is_waived_by_name_and_counts_again(edge: Edge) -> None:
    await drafted(edge)
    given = {"expectedVersion": 1, "item": "SUPPORT"}
    empty = await change(edge, "waiveReadinessItem", reason="  ", **given)
    assert (empty["code"], empty["path"]) == ("REASON_MISSING", ["reason"])
    await change(edge, "waiveReadinessItem", reason="All know.", **given)
    item = (await read(edge))["items"]["SUPPORT"]
    assert (item["status"], item["waiver"]["reason"]) == ("WAIVED", "All know.")
    assert item["waiver"]["actor"] == "ADMIN SERVER"
    await change(edge, "withdrawReadinessWaiver", **given)
    item = (await read(edge))["items"]["SUPPORT"]
    assert (item["status"], item["waiver"]) == ("WARNING", None)
    for name, more in (("HYPOTHESIS", "x"), ("POWER", "x")):
        refused = await change(
            edge,
            "waiveReadinessItem",
            idempotencyKey=name,
            expectedVersion=1,
            item=name,
            reason=more,
        )
        assert (refused["code"], refused["path"]) == ("ITEM_NOT_WAIVABLE", ["item"])


async def test_a_launch_keeps_its_checklist(edge: Edge) -> None:
    await started(edge)
    found = await read(edge)
    assert found["launchReadiness"]["launchedAt"] is not None
    assert len(found["items"]) == 16
    assert not any(item["blocking"] for item in found["items"].values())
    late = await change(edge, "noteLaunch", expectedVersion=0, ethics="Late.")
    assert late["code"] == "DESIGN_FROZEN"


async def test_another_environment_and_another_project_are_not_found(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    await drafted(edge)
    own = await edge.ask("{ viewerProject: project { environments { id } } }")
    place = own["data"]["viewerProject"]["environments"][0]["id"]
    assert (await read(edge, place=place))["launchReadiness"]["ready"] is True
    rival = (await other_tenant()).admin
    theirs = await edge.ask("{ project { environments { id } } }", key=rival)
    other = theirs["data"]["project"]["environments"][0]["id"]
    answer = await edge.ask(READ, by={"key": "short-form"}, place=other)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_who_may_waive(edge: Edge) -> None:
    await drafted(edge)
    document = CHANGE % ("WaiveReadinessItem", "waiveReadinessItem")
    given = {
        "idempotencyKey": "k",
        "experiment": {"key": "short-form"},
        "expectedVersion": 1,
        "item": "SUPPORT",
        "reason": "x",
    }
    for key in (edge.tenant.viewer, edge.tenant.client):
        answer = await edge.ask(document, key=key, input=given)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    """An event log with nothing in it."""
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


async def gather(edge: Edge, log: EventLog, settings: Settings) -> None:
    """The worker's round, with small rehearsals."""
    async with outbound(settings) as http:
        context = TaskContext(edge.database, log, settings, NullQueue(), http)
        await gather_evidence.run(context, splits=50, shuffles=50)


def names_in(document: Any) -> Iterator[str]:
    """Every name in the items' evidence that is not a project's own key."""
    for code, item in document.items():
        evidence = item["evidence"]
        if code in {"METRIC_HEALTH", "EXPOSURE_SEEN"}:
            evidence = list(evidence.values())
        yield from _names(evidence)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield name
            if name not in {"margins", "marginsShown"}:
                yield from _names(inside)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


async def test_evidence_is_shown_once_it_was_gathered(
    database: Database, settings: Settings, log: EventLog
) -> None:
    async with make_edge(database, settings, log=log) as edge:
        await started(edge)
        other = {**DRAFT, "key": "next", "idempotencyKey": "next"}
        await mutate(edge, "createExperiment", other)
        await gather(edge, log, settings)
        answer = await edge.ask(READ, by={"key": "next"})
    found = answer["data"]["experiment"]
    items = {each["code"]: each for each in found["launchReadiness"]["items"]}
    assert items["ROLLBACK"]["status"] == "OK"
    assert items["SPLIT_REHEARSAL"]["evidence"]["experiments"] == 50
    assert "realIds" in items["SPLIT_REHEARSAL"]["evidence"]
    assert items["HYPOTHESIS"]["evidence"]["minimumEffect"]
    assert not [name for name in names_in(items) if "_" in name]
    assert items["POWER"]["status"] == "WARNING"
    (neighbour,) = found["overlaps"]
    assert (neighbour["experimentKey"], neighbour["sameMetric"]) == ("short-form", True)
    assert found["power"] is None
