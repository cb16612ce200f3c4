"""/healthz says which part is down, /metrics counts, and logs are one line of JSON."""

import json
import logging
from collections.abc import AsyncIterator

import pytest

from api.envelope import place_of
from api.http.health import unheard_tasks
from api.records import JsonLines
from core import schedules
from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from tests.api.conftest import Edge, make_edge
from tests.api.planted import PLANTED, SECRET
from tests.conftest import StoreUrls
from workers.queue import pauses

pytestmark = pytest.mark.stores


@pytest.fixture
async def planted(
    database: Database, settings: Settings, store_urls: StoreUrls
) -> AsyncIterator[Edge]:
    """The edge over the planted schema, with an open event log."""
    log = open_log(store_urls.events)
    await log.open()
    try:
        async with make_edge(database, settings, schema=PLANTED, log=log) as edge:
            yield edge
    finally:
        await log.close()


async def test_health_names_every_part(planted: Edge) -> None:
    before = (await planted.client.get("/healthz")).json()
    async with planted.database.sessions.begin() as session:
        names = pauses(planted.app.state.services.settings.sweep_seconds)
        await schedules.beat(session, list(names))
    response = await planted.client.get("/healthz")
    body = response.json()
    assert response.status_code == 200
    assert before["worker"]["ok"] is False
    assert body["worker"]["ok"] is True
    assert body["worker"]["agesSeconds"]["fold_events"] < 60
    assert body["status"] == "ok"
    assert body["eventLog"]["backlog"] == 0
    assert body["queue"] == {"ok": True, "ageSeconds": 0.0}


def test_each_task_is_judged_by_its_own_pause() -> None:
    def silent(ages: dict[str, float]) -> list[str]:
        found = unheard_tasks(ages, sweep_seconds=2.0, up_seconds=86_400.0)
        assert found[0] == []
        return found[1]

    fresh = dict.fromkeys(pauses(2.0), 1.0)
    assert silent(fresh) == []
    assert silent(fresh | {"sweep_expired": 900.0}) == []
    late = fresh | {"analyse_experiments": 900.0}
    assert silent(late) == ["analyse_experiments"]
    never = {name: age for name, age in fresh.items() if name != "fold_events"}
    assert silent(never) == ["fold_events"]


def test_a_process_that_has_just_begun_calls_nobody_silent() -> None:
    tasks = list(pauses(2.0))
    for ages in ({}, dict.fromkeys(tasks, 86_400.0)):
        starting, silent = unheard_tasks(ages, sweep_seconds=2.0, up_seconds=3.0)
        assert (starting, silent) == (tasks, [])
    heard = dict.fromkeys(tasks, 1.0)
    assert unheard_tasks(heard, sweep_seconds=2.0, up_seconds=3.0) == ([], [])


async def test_a_dead_database_is_503_without_details(planted: Edge) -> None:
    broken = Database("sqlite+aiosqlite:////nowhere/at/all.sqlite")
    services = planted.app.state.services
    planted.app.state.services = type(services)(
        settings=services.settings,
        database=broken,
        log=services.log,
        queue=services.queue,
    )
    response = await planted.client.get("/healthz")
    await broken.dispose()
    assert response.status_code == 503
    assert response.json()["database"] == {"ok": False, "error": "OperationalError"}
    assert response.json()["eventLog"]["ok"] is True


async def test_metrics_count_operations_by_kind(planted: Edge) -> None:
    await planted.ask("{ item { name } }")
    await planted.ask("{ boom }")
    await planted.ask("mutation { change }")
    text = (await planted.client.get("/metrics")).text
    assert 'hone_graphql_operations_total{kind="query",outcome="ok"} 1.0' in text
    assert 'hone_graphql_operations_total{kind="query",outcome="failed"} 1.0' in text
    assert 'hone_graphql_operations_total{kind="mutation",outcome="ok"} 1.0' in text
    assert 'place="/graphql",status="2xx"' in text
    assert "hone_event_log_backlog 0.0" in text


async def test_places_come_from_a_fixed_set(planted: Edge) -> None:
    for path in ("/a", "/b", "/console/sign-in/very-secret", "/graphqlx", "//x"):
        await planted.client.get(path)
    text = (await planted.client.get("/metrics")).text
    assert "very-secret" not in text
    assert {place_of("/a"), place_of("/graphqlx")} == {"other"}
    assert place_of("/console/sign-in/very-secret") == "/console"


async def test_no_credential_is_logged(
    planted: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = JsonLines()
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    keeper = Keeper()
    logger = logging.getLogger("hone")
    logger.addHandler(keeper)
    try:
        for key in (planted.tenant.admin, planted.tenant.client, "hk_s_wrong_secret"):
            await planted.client.post(
                f"/graphql?key={key}",
                json={"query": "{ boom }"},
                headers={"x-api-key": key, "cookie": f"hone_session={key}"},
            )
            await planted.client.get(f"/console/sign-in/{key}")
    finally:
        logger.removeHandler(keeper)
    logged = "\n".join(lines)
    assert len(lines) >= 6
    for key in (planted.tenant.admin, planted.tenant.client, "wrong_secret"):
        assert key not in logged
    assert all(json.loads(line)["level"] in ("info", "error") for line in lines)
    crashes = [line for line in lines if SECRET in line]
    assert len(crashes) == 2
    assert all("errorId" in json.loads(line) for line in crashes)


@pytest.mark.parametrize(
    "text", ['x\n{"level": "info"}', "\x1b[31mred", "a\u2028b", "\r\nx: y", "\x00"]
)
def test_a_record_is_one_line_whatever_it_says(text: str) -> None:
    record = logging.LogRecord("hone", logging.INFO, "", 0, text, (), None)
    record.fields = {"name": text}
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert json.loads(line)["event"] == text


async def test_a_crash_outside_graphql_is_masked(
    planted: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(planted.app.state.gate, "caller", crash)
    response = await planted.post("{ item { name } }")
    error = response.json()["errors"][0]
    assert response.status_code == 500
    assert error["extensions"]["code"] == "INTERNAL"
    assert SECRET not in response.text


async def test_every_answer_has_safe_headers(planted: Edge) -> None:
    for path in ("/graphql", "/healthz", "/nowhere"):
        headers = (await planted.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers
