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
    edges { node { key results { recommendation { outcome } headline } } }
  }
  insights(first: 50) { edges { node { kind } } }
  backlogItems(first: 50) { edges { node { key title } } }
}
"""


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
    outcomes = {
        edge["node"]["key"]: edge["node"]["results"]["recommendation"]["outcome"]
        for edge in found["experiments"]["edges"]
    }
    assert outcomes == {key: true["verdict"] for key, true in planted.items()}
    kinds = [edge["node"]["kind"] for edge in found["insights"]["edges"]]
    assert sorted(kinds) == ["TAG_THRESHOLD", "VERDICT", "VERDICT", "VERDICT"]
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
