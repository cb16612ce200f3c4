"""Downloads of a phase's tables: who may, what they say, and who had them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import select

from api.graphql.ids import global_id
from core.audit import AuditRow
from core.database import Database
from core.settings import Settings
from core.tenancy import Role
from experiments.analysis.exports import recompute
from experiments.analysis.models import Snapshot
from experiments.design import PhaseDesign
from experiments.events.log import EXPOSURE, EventLog, NewEvent, open_log
from experiments.freezing import document_of
from experiments.models import Phase
from tests.api import test_results
from tests.api.conftest import Edge, make_edge
from tests.api.test_results import BROKEN, WIN, accept, cookie, shown
from tests.conftest import StoreUrls
from tests.experiments.analysis.designs import paid

pytestmark = pytest.mark.stores

TABLES = ("exposures", "values", "sums", "looks", "results")
LIST = """
query ($phase: ID!) {
  exportResults(phase: $phase) {
    phaseId inputsHash tables { kind csv jsonl allowed }
  }
}
"""
SEEN = datetime.now(UTC) - timedelta(days=20)


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


async def stored(edge: Edge) -> tuple[UUID, PhaseDesign]:
    """The usual experiment, whose phase keeps its design."""
    experiment_id, design = await test_results.stored(edge)
    async with edge.database.sessions.begin() as session:
        phase = await session.get_one(Phase, design.phase_id)
        phase.design = document_of(design)
        session.add(phase)
    return experiment_id, design


async def get(
    edge: Edge, place: tuple[UUID, PhaseDesign], name: str, **headers: str
) -> httpx.Response:
    """Download one table; with the administrator's key unless told."""
    phase = global_id("Phase", place[1].phase_id)
    return await edge.client.get(
        f"/v1/exports/{name}",
        params={"phase": phase},
        headers=headers or {"authorization": f"Bearer {edge.tenant.admin}"},
    )


def code(response: httpx.Response) -> str:
    """Why it was refused."""
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    """The records of a JSON file."""
    return [json.loads(line) for line in response.text.splitlines()]


async def ran(edge: Edge, log: EventLog) -> tuple[tuple[UUID, PhaseDesign], Snapshot]:
    """An experiment after its look, with four units in the log."""
    place = await stored(edge)
    snapshot = await shown(edge, place, WIN[1])
    await log.publish_phase(place[1])
    await log.append(
        edge.tenant.environment.id,
        [
            NewEvent(
                id=f"e{number}",
                name=EXPOSURE,
                user_id=user,
                occurred_at=SEEN,
                experiment_key="reports-limit",
                variant_key=("control", "sixty")[number % 2],
            )
            for number, user in enumerate(("=1+1", "bob", "cy", "-5"))
        ]
        + [NewEvent(id="p", name="paid", user_id="bob", occurred_at=SEEN)],
    )
    while edge.tenant.environment.id in await log.environments_with_work():
        await log.fold(edge.tenant.environment.id)
    return place, snapshot


async def test_the_numbers_come_again_from_what_was_downloaded(
    edge: Edge, log: EventLog
) -> None:
    place, snapshot = await ran(edge, log)
    response = await get(edge, place, "sums.jsonl")
    assert response.status_code == 200
    assert response.headers["x-hone-inputs-hash"] == snapshot.inputs_hash
    records = lines(response)
    assert records[0]["inputs_hash"] == snapshot.inputs_hash
    assert records[0]["watermark"] == snapshot.watermark.isoformat()
    again = recompute(records)
    assert again.agrees is True
    (row,) = lines(await get(edge, place, "results.jsonl"))[1:]
    (comparison,) = again.metrics[0].comparisons
    assert comparison.raw.absolute == row["absolute"]
    assert comparison.raw.p_value == row["p_value"]


async def test_units_and_their_values_are_whole(edge: Edge, log: EventLog) -> None:
    place, _ = await ran(edge, log)
    exposures = lines(await get(edge, place, "exposures.jsonl"))[1:]
    assert {(each["id"], each["arm"]) for each in exposures} == {
        ("=1+1", "control"),
        ("bob", "sixty"),
        ("cy", "control"),
        ("-5", "sixty"),
    }
    values = lines(await get(edge, place, "values.jsonl"))
    state = await log.phase_state(place[1].phase_id)
    assert values[0]["watermark"] == state.watermark.isoformat()
    by_arm = {part.arm: part.raw for part in state.metrics}
    for arm in ("control", "sixty"):
        rows = [each for each in values[1:] if each["arm"] == arm]
        assert len(rows) == by_arm[arm].n == 2
        assert sum(int(each["y"]) for each in rows) == by_arm[arm].y
        before = [sum(int(each[name]) for each in rows) for name in ("x", "w", "m")]
        assert before == [by_arm[arm].x, by_arm[arm].w, by_arm[arm].m]


async def test_a_spreadsheet_runs_nothing_of_what_a_unit_is_called(
    edge: Edge, log: EventLog
) -> None:
    place, snapshot = await ran(edge, log)
    response = await get(edge, place, "exposures.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    text = response.text.splitlines()
    assert f"# inputs_hash: {snapshot.inputs_hash}" in text
    rows = [line for line in text if not line.startswith("#")]
    assert rows[0] == "kind,id,arm,exposed_at,in_gap,linked,conflicted,joined"
    assert sorted(row.split(",")[1] for row in rows[1:]) == ["'=1+1", "-5", "bob", "cy"]


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_has_both_forms(
    edge: Edge, log: EventLog, table: str
) -> None:
    place, _ = await ran(edge, log)
    records = lines(await get(edge, place, f"{table}.jsonl"))
    assert records[0]["kind"] == table.upper()
    assert len(records) > 1
    rows = (await get(edge, place, f"{table}.csv")).text.splitlines()
    assert len([row for row in rows if not row.startswith("#")]) > 1


async def test_rows_of_units_need_an_editor(edge: Edge, log: EventLog) -> None:
    place, _ = await ran(edge, log)
    viewer = {"authorization": f"Bearer {edge.tenant.viewer}"}
    editor = await cookie(edge, Role.EDITOR)
    for table in TABLES:
        seen = await get(edge, place, f"{table}.csv", **viewer)
        by_unit = table in ("exposures", "values")
        assert seen.status_code == (403 if by_unit else 200), table
        assert (await get(edge, place, f"{table}.csv", **editor)).status_code == 200


async def test_nobody_and_browsers_get_nothing(edge: Edge) -> None:
    place = await stored(edge)
    nobody = await get(edge, place, "results.csv", accept="*/*")
    assert (nobody.status_code, code(nobody)) == (401, "UNAUTHENTICATED")
    client = {"authorization": f"Bearer {edge.tenant.client}"}
    browser = await get(edge, place, "results.csv", **client)
    assert (browser.status_code, code(browser)) == (403, "FORBIDDEN")


async def test_what_the_page_hides_before_a_look_is_not_sent(
    edge: Edge, log: EventLog
) -> None:
    place = await stored(edge)
    await log.publish_phase(place[1])
    missing = await get(edge, place, "sums.csv")
    assert (missing.status_code, code(missing)) == (404, "NOT_FOUND")
    await shown(edge, place, paid((400, 20), (400, 60))[1])
    for table in TABLES:
        early = await get(edge, place, f"{table}.csv")
        if table == "exposures":
            assert early.status_code == 200
        else:
            assert (early.status_code, code(early)) == (409, "EFFECT_HIDDEN")


async def test_invalid_results_leave_with_a_mark_and_by_reviewers_alone(
    edge: Edge, log: EventLog
) -> None:
    place = await stored(edge)
    snapshot = await shown(edge, place, BROKEN[1])
    await log.publish_phase(place[1])
    assert (await get(edge, place, "results.csv")).status_code == 403
    reviewer = await cookie(edge, Role.REVIEWER)
    response = await get(edge, place, "results.csv", **reviewer)
    assert response.status_code == 200
    assert "# warning: INVALID: nothing may be concluded from this" in response.text
    assert response.headers["x-hone-invalid"] == "true"
    await accept(edge, global_id("ExperimentResults", snapshot.id), role=Role.ADMIN)
    accepted = await get(edge, place, "results.csv")
    assert accepted.status_code == 200
    assert "# warning: INVALID" in accepted.text


@pytest.mark.parametrize(
    "name", ["results.xlsx", "results", "RESULTS.csv", "events.csv", ".csv", "a.b.csv"]
)
async def test_there_is_nothing_else(edge: Edge, name: str) -> None:
    place = await stored(edge)
    assert (await get(edge, place, name)).status_code == 404


async def test_a_phase_of_another_project_is_not_found(
    edge: Edge, other_tenant: Any
) -> None:
    place = await stored(edge)
    await shown(edge, place, WIN[1])
    rival = await other_tenant()
    headers = {"authorization": f"Bearer {rival.admin}"}
    response = await get(edge, place, "results.csv", **headers)
    assert (response.status_code, code(response)) == (404, "NOT_FOUND")
    unknown = await edge.client.get("/v1/exports/results.csv?phase=x", headers=headers)
    assert unknown.status_code == 404


async def test_every_download_is_written_down_with_what_was_taken(
    edge: Edge, log: EventLog
) -> None:
    place, snapshot = await ran(edge, log)
    await get(edge, place, "values.jsonl")
    async with edge.database.readers() as session:
        found = await session.exec(
            select(AuditRow).where(AuditRow.action == "phase.export").order_by("id")
        )
        row = found.one()
    assert row.subject_id == place[1].phase_id
    assert row.after == {
        "table": "VALUES",
        "format": "jsonl",
        "metric": "paid",
        "inputs_hash": snapshot.inputs_hash,
    }


async def test_the_list_says_what_the_caller_may_have(
    edge: Edge, log: EventLog
) -> None:
    place, snapshot = await ran(edge, log)
    phase = global_id("Phase", place[1].phase_id)
    for key, units in ((edge.tenant.admin, True), (edge.tenant.viewer, False)):
        answer = await edge.ask(LIST, key=key, phase=phase)
        found = answer["data"]["exportResults"]
        assert found["inputsHash"] == snapshot.inputs_hash
        allowed = {each["kind"]: each["allowed"] for each in found["tables"]}
        assert allowed == {
            "EXPOSURES": units,
            "VALUES": units,
            "SUMS": True,
            "LOOKS": True,
            "RESULTS": True,
        }
    path = found["tables"][-1]["jsonl"]
    headers = {"authorization": f"Bearer {edge.tenant.viewer}"}
    assert (await edge.client.get(path, headers=headers)).status_code == 200
