"""The seeded demo says what its truth file says, and seeding again changes nothing."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Api, Installation

LOOP = """
{
  experiments(first: 10) {
    edges { node { key status
      results { recommendation { outcome } headline }
      decisionRecord { outcome opposes earlyReason acceptances { metricKey } } } }
  }
  insights(first: 50) { edges { node { kind } } }
  backlogItems(first: 50) { edges { node { key title } } }
}
"""
READY = """{ experiment(by: {key: "weekly-digest"}) {
  launchReadiness { items { code status } } } }"""
"""Its evidence is gathered once the server runs."""


@pytest.fixture
def installation(tmp_path: Path) -> Any:
    """Embedded stores in a folder of the test's own."""
    installation = Installation({"HONE_DATA_DIR": str(tmp_path / "data")})
    yield installation
    installation.close()


def test_the_loop_finds_what_was_planted(
    installation: Installation, tmp_path: Path
) -> None:
    report = installation.command("demo")
    keys, truth = Path(report["keysFile"]), Path(report["truthFile"])
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    server, url = installation.serve()
    api = Api(url, json.loads(keys.read_text())["lumen"]["server"])
    found = api.ask(LOOP)
    planted = json.loads(truth.read_text())["experiments"]
    nodes = {
        each["node"]["key"]: each["node"] for each in found["experiments"]["edges"]
    }
    outcomes = {
        key: node["results"]["recommendation"]["outcome"]
        for key, node in nodes.items()
        if node["results"] is not None
    }
    assert outcomes == {key: true["verdict"] for key, true in planted.items()}
    assert {key: node["status"] for key, node in nodes.items()} == {
        "weekly-digest": "DRAFT",
        "search-first": "RUNNING",
        "reports-limit": "RUNNING",
        "team-setup": "STOPPED",
        "pin-cart": "DECIDED",
        "help-button": "DECIDED",
    }
    decided = {key: node["decisionRecord"] for key, node in nodes.items()}
    for key, outcome in (("pin-cart", "SHIP"), ("help-button", "INCONCLUSIVE")):
        assert decided[key]["outcome"] == outcome
        assert (decided[key]["opposes"], decided[key]["earlyReason"]) == (False, None)
    ready = api.ask(READY)["experiment"]["launchReadiness"]["items"]
    assert len(ready) == 16
    kinds = [edge["node"]["kind"] for edge in found["insights"]["edges"]]
    assert sorted(kinds) == ["TAG_THRESHOLD", *["VERDICT"] * 4]
    assert len(found["backlogItems"]["edges"]) == 3
    assert variant(api, keys) in {"hundred", "sixty"}

    assert server.stop() == 0
    again = installation.command("demo")
    assert again["clientKey"] == report["clientKey"]
    _, url = installation.serve()
    assert Api(url, api.key).ask(LOOP) == found


def variant(api: Api, keys: Path) -> str:
    """What the printed question is answered, with the front end's key."""
    front_end = Api(api.url, json.loads(keys.read_text())["lumen"]["client"])
    (assignment,) = front_end.ask(
        '{ assignments(subject: {accountId: "account-0007"}, '
        'keys: ["reports-limit"]) { assignments { variant } } }'
    )["assignments"]["assignments"]
    chosen: str = assignment["variant"]
    return chosen
