"""kill -9 of the server while an import runs: nothing lost, nothing double."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ON_POSTGRES
from tests.loop import table
from tests.loop.test_loop import ITEMS, RESULTS, nodes
from tests.processes import Api, Installation

pytestmark = pytest.mark.stores

PAUSE_SECONDS = 2.0
"""Between two kills: long enough for a few requests to be under way."""


@pytest.mark.parametrize(
    ("units", "kills"),
    [
        pytest.param(20_000, 2, id="few"),
        pytest.param(90_000, 10, id="many", marks=pytest.mark.slow),
    ],
)
def test_an_import_survives_its_server(
    installation: Installation, key: str, tmp_path: Path, units: int, kills: int
) -> None:
    made = table.write(tmp_path, units=units)
    port = free_port()
    server, url = installation.serve(port=port)
    if ON_POSTGRES:
        installation.start("worker")
    reports: list[dict[str, Any]] = []

    def bring_in() -> None:
        arguments = ["--mapping", str(made.mapping), "--url", url, "--key", key]
        reports.append(installation.command("import", str(made.data), *arguments))

    client = threading.Thread(target=bring_in)
    client.start()
    for _ in range(kills):
        time.sleep(PAUSE_SECONDS)
        server.kill()
        server, _ = installation.serve(port=port)
    client.join(600)
    (report,) = reports
    total = units + int(made.finished.sum()) + int((made.spent > 0).sum())
    assert report["accepted"] + report["duplicates"] == total
    assert report["rejected"] == 0
    api = Api(url, key)
    results = api.ask(RESULTS)["experiment"]["results"]
    exposures = results["health"]["exposures"]
    assert {e["variant"]: e["exposed"] for e in exposures} == {
        "short": int(made.short.sum()),
        "long": int((~made.short).sum()),
    }
    by_metric = {metric["metric"]: metric for metric in results["metrics"]}
    for name, values in (("finished", made.finished), ("spent", made.spent)):
        (comparison,) = by_metric[name]["comparisons"]
        expected = pytest.approx(made.difference(values), rel=1e-9)
        assert comparison["raw"]["absolute"] == expected
    assert len(nodes(api, ITEMS)) == 1


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
