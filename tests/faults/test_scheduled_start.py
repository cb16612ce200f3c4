"""Two workers come back after a start was missed: it begins once, late.

tests/workers/test_governance.py says the same of two workers in one process.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.experiments import DRAFT
from tests.conftest import ON_POSTGRES
from tests.processes import Api, Installation, until

pytestmark = [
    pytest.mark.stores,
    pytest.mark.slow,
    pytest.mark.skipif(not ON_POSTGRES, reason="an embedded worker is the server"),
]

HERE = {"experiment": {"key": DRAFT["key"]}}
STATE = """{ experiment(by: {key: "short-form"}) {
  status schedule { status dueAt settledAt }
  phases { number startedAt scheduledFor } } }"""
STARTS = """{ auditLog(first: 50) { edges { node { action actor { kind } } } } }"""


def test_of_two_workers_one_starts_what_was_missed(
    installation: Installation, key: str
) -> None:
    _, url = installation.serve()
    api = Api(url, key)
    paid = {"key": "paid", "name": "Paid", "kind": "CONVERSION", "eventName": "paid"}
    api.do("createMetric", {**paid, "direction": "INCREASE", "idempotencyKey": "m"})
    api.do("createExperiment", DRAFT)
    # To the second, as a wall clock has it, and no worker is up by then.
    due = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    given: dict[str, Any] = {
        **HERE,
        "idempotencyKey": "s",
        "expectedVersion": version(api),
        "startAt": due.replace(tzinfo=None).isoformat(),
        "timeZone": "UTC",
    }
    api.do("scheduleExperiment", given)
    time.sleep(max((due - datetime.now(UTC)).total_seconds(), 0) + 1)
    for _ in range(2):
        installation.start("worker")
    until(lambda: found(api)["status"] == "RUNNING")
    state = found(api)
    (phase,) = state["phases"]
    assert state["schedule"]["status"] == "STARTED"
    assert phase["scheduledFor"] == state["schedule"]["dueAt"]
    assert phase["startedAt"] > phase["scheduledFor"]
    rows = [each["node"] for each in api.ask(STARTS)["auditLog"]["edges"]]
    starts = [row for row in rows if row["action"] == "experiment.start"]
    assert [row["actor"]["kind"] for row in starts] == ["WORKER"]


def version(api: Api) -> int:
    """The draft's."""
    query = '{ experiment(by: {key: "short-form"}) { version } }'
    read: int = api.ask(query)["experiment"]["version"]
    return read


def found(api: Api) -> dict[str, Any]:
    """The experiment as it is."""
    read: dict[str, Any] = api.ask(STATE)["experiment"]
    return read
