"""Exposures that are evaluated here, and those that no experiment counts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.database import Database
from core.settings import Settings
from core.subjects import SubjectKind, identify
from experiments.events.log import Began, EventLog, open_log
from experiments.freezing import design_of
from experiments.models import Experiment, Phase
from experiments.plan import UNKNOWN, Dimension
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import DRAFT, make_metrics, mutate, started
from tests.api.people import TRACK, assigned, exposed, named, track
from tests.conftest import StoreUrls
from workers.queue import settle

pytestmark = pytest.mark.stores

RECORD = """
mutation ($input: RecordExposuresInput!) {
  recordExposures(input: $input) {
    ... on RecordExposuresPayload {
      exposures { eventId experimentKey status variant code message }
    }
    ... on Error { code path }
  }
}
"""
STRAYS = """
query ($experiment: String) {
  unattributedExposures(experimentKey: $experiment) {
    experimentKey variant reason exposures firstAt lastAt
  }
}
"""


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    """The event log on the store under test."""
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
async def edge(
    database: Database, settings: Settings, log: EventLog
) -> AsyncIterator[Edge]:
    """The edge with its log."""
    async with make_edge(database, settings, log=log) as edge:
        yield edge


async def _record(
    edge: Edge, subject: dict[str, Any], *items: dict[str, Any], key: str | None = None
) -> dict[str, Any]:
    given = {"subject": subject, "exposures": list(items)}
    answer = await edge.ask(RECORD, key=key, input=given)
    assert "errors" not in answer, answer
    return dict(answer["data"]["recordExposures"])


async def _statuses(
    edge: Edge, subject: dict[str, Any], *items: dict[str, Any], key: str | None = None
) -> list[tuple[str, str | None]]:
    answer = await _record(edge, subject, *items, key=key)
    return [(item["status"], item["variant"]) for item in answer["exposures"]]


def _item(event_id: str, key: str = "short-form", **more: Any) -> dict[str, Any]:
    return {"eventId": event_id, "experimentKey": key, **more}


async def test_what_the_subject_is_in_is_recorded_once(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    user = await named(edge, "short")
    client = edge.tenant.client
    first = await _statuses(
        edge, {"userId": user}, _item("e-1"), _item("e-2", "nothing"), key=client
    )
    assert first == [("RECORDED", "short"), ("UNKNOWN_EXPERIMENT", None)]
    again = await _statuses(edge, {"userId": user}, _item("e-1"), _item("e-1"))
    assert again == [("DUPLICATE", "short"), ("DUPLICATE", "short")]
    environment_id = edge.tenant.environment.id
    assert await log.count(environment_id) == 1
    long_ago = {"short-form": Began(1, datetime.now(UTC) - timedelta(days=1))}
    (met,) = await log.first_exposures(environment_id, [user], long_ago)
    assert (met.id, met.variant_key) == (user, "short")


async def test_an_exposure_carries_what_the_plan_asks_and_nothing_else(
    edge: Edge, log: EventLog, database: Database
) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", DRAFT)
    asked = [{"key": "tier", "attribute": "plan", "levels": ["team"]}]
    asked += [{"key": "size", "attribute": "seats", "levels": ["4"]}]
    async with database.sessions.begin() as session:
        experiment = (await session.exec(select(Experiment))).one()
        experiment.plan = {"dimensions": asked}
        await identify(
            session,
            environment_id=edge.tenant.environment.id,
            kind=SubjectKind.USER,
            external_id="ann",
            traits={"plan": "team", "seats": 3, "country": "DE"},
        )
    start = {"idempotencyKey": "start", "experiment": {"key": "short-form"}}
    await mutate(edge, "startExperiment", {**start, "expectedVersion": 1})
    sent = {"attributes": {"seats": 4, "email": "ann@example.com"}}
    await _record(edge, {"userId": "ann", **sent}, _item("e-1"))
    async with database.sessions() as session:
        phase = (await session.exec(select(Phase))).one()
        design = design_of(phase)
    assert design.plan is not None
    more = (Dimension("mail", "email"), Dimension("country", "country"))
    plan = replace(design.plan, dimensions=design.plan.dimensions + more)
    await log.publish_phase(replace(design, plan=plan))
    await log.fold(edge.tenant.environment.id)
    levels = (await log.phase_state(design.phase_id)).levels
    assert {name: list(found) for name, found in levels.items()} == {
        "tier": ["team"],
        "size": ["4"],
        "mail": [UNKNOWN],
        "country": [UNKNOWN],
    }


async def test_who_is_not_randomised_is_told_what_is_served(edge: Edge) -> None:
    experiment = await started(edge, coverage=0.0001)
    assert await _statuses(edge, {"userId": "ann"}, _item("e-1")) == [
        ("NOT_IN_EXPERIMENT", "long")
    ]
    stop = {
        "idempotencyKey": "stop",
        "experiment": {"key": "short-form"},
        "expectedVersion": experiment["version"],
        "reason": "Enough.",
    }
    assert (await mutate(edge, "stopExperiment", stop))["__typename"] == (
        "ExperimentPayload"
    )
    assert await _statuses(edge, {"userId": "ann"}, _item("e-2")) == [
        ("NOT_IN_EXPERIMENT", "long")
    ]


async def test_what_is_not_stored_says_why(edge: Edge) -> None:
    await started(edge, coverage=0.0001)
    answer = await _record(
        edge, {"userId": "ann"}, _item("e-1"), _item("e-2", key="nope")
    )
    outside, unknown = (item["message"] for item in answer["exposures"])
    assert outside == (
        "The subject is not in it. It falls into the gap that coverage leaves, or a "
        "rollout has not reached it yet."
    )
    assert unknown == "There is no experiment nope here."


async def test_a_bad_item_is_rejected_alone(edge: Edge) -> None:
    await started(edge)
    old = (datetime.now(UTC) - timedelta(days=36)).isoformat()
    answer = await _record(
        edge, {"userId": "ann"}, _item(""), _item("e-1", at=old), _item("e-2")
    )
    verdicts = [(item["status"], item["code"]) for item in answer["exposures"]]
    assert verdicts == [
        ("REJECTED", "BAD_ID"),
        ("REJECTED", "TOO_OLD"),
        ("RECORDED", None),
    ]


async def test_there_are_bounds(edge: Edge) -> None:
    await started(edge)
    many = [_item(f"e-{number}") for number in range(201)]
    refused = await _record(edge, {"userId": "ann"}, *many)
    assert (refused["code"], refused["path"]) == ("BAD_INPUT", ["exposures"])
    nobody = await _record(edge, {}, _item("e-1"))
    assert nobody["code"] == "BAD_INPUT"
    assert await _statuses(edge, {"userId": "ann"}) == []


async def test_exposures_to_nothing_are_shown(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    await exposed(edge, "e-1", "long", userId="ann")
    await exposed(edge, "e-2", "shrot", userId="ann")
    await exposed(edge, "e-3", "shrot", userId="bob")
    misspelt = {
        "eventId": "e-4",
        "name": "$exposure",
        "subject": {"userId": "ann"},
        "experimentKey": "short_form",
        "variantKey": "long",
    }
    answer = await edge.ask(
        "mutation ($i: [TrackEventInput!]!) { trackEvents(input: $i) "
        "{ ... on TrackEventsPayload { accepted } } }",
        i=[misspelt],
    )
    assert answer["data"]["trackEvents"] == {"accepted": 1}
    await settle(edge.database, log, settings)
    found = (await edge.ask(STRAYS))["data"]["unattributedExposures"]
    assert [
        (one["experimentKey"], one["variant"], one["reason"], one["exposures"])
        for one in found
    ] == [
        ("short_form", "long", "UNKNOWN_EXPERIMENT", 1),
        ("short-form", "shrot", "UNKNOWN_VARIANT", 2),
    ]
    assert found[1]["firstAt"] < found[1]["lastAt"]
    answer = await edge.ask(STRAYS, experiment="short-form")
    (stray,) = answer["data"]["unattributedExposures"]
    assert stray["variant"] == "shrot"


async def test_what_a_page_kept_past_a_new_phase_counts_in_neither(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    user = await named(edge, "short")
    assert (await assigned(edge, userId=user))["phase"] == 1
    begun = await mutate(
        edge,
        "startNewPhase",
        {
            "idempotencyKey": "again",
            "experiment": {"key": "short-form"},
            "expectedVersion": 2,
            "reason": "From anew.",
        },
    )
    assert begun["experiment"]["status"] == "RUNNING", begun
    kept = {
        "eventId": "e-1",
        "name": "$exposure",
        "subject": {"userId": user},
        "experimentKey": "short-form",
        "variantKey": "short",
        "phase": 1,
    }
    await track(edge, kept)
    assert await _statuses(edge, {"userId": "bob"}, _item("e-2")) != []
    unsaid = {name: kept[name] for name in kept if name != "variantKey"}
    refused = await edge.ask(TRACK, input=[unsaid | {"eventId": "e-3"}])
    assert refused["data"]["trackEvents"]["accepted"] == 0
    await settle(edge.database, log, settings)
    (stray,) = (await edge.ask(STRAYS))["data"]["unattributedExposures"]
    assert (stray["variant"], stray["reason"]) == ("short", "OTHER_PHASE")
    async with edge.database.readers() as session:
        rows = await session.exec(select(Phase).order_by(col(Phase.number)))
        old, new = rows.all()
    assert sum((await log.phase_state(old.id)).exposed.values()) == 0
    assert sum((await log.phase_state(new.id)).exposed.values()) == 1
