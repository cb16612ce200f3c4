"""The front-end examples, against a server that comes and goes."""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Api, Installation, Process, until

ROOT = Path(__file__).parents[2]
SUBJECT = {"userId": "user-42"}
KEY = "share-button"
PATIENCE_SECONDS = 30
NOBODY = "http://127.0.0.1:9"

Run = Callable[..., list[Any]]
"""Takes an address, a key, a folder and steps such as `value:share-button`."""

START = """
mutation {
  startExperiment(
    input: {idempotencyKey: "go", experiment: {key: "share-button"}, expectedVersion: 1}
  ) { ... on Error { code message } }
}
"""
STORED = """
{ experiment(by: {key: "share-button"}) {
    results { health { backlog exposures { variant exposed } } }
} }
"""


def python_example(url: str, key: str, folder: Path, *steps: str) -> list[Any]:
    """Run the Python example."""
    path = ROOT / "examples" / "python" / "hone_client.py"
    found = importlib.util.spec_from_file_location("hone_client", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    problems: list[str] = []
    hone = module.Hone(
        url,
        key,
        subject=SUBJECT,
        defaults={KEY: "default"},
        folder=folder,
        seconds=PATIENCE_SECONDS,
        on_problem=problems.append,
    )
    return [
        problems if name == "problems" else getattr(hone, name)(*given)
        for name, *given in map(_parts, steps)
    ]


def javascript_example(url: str, key: str, folder: Path, *steps: str) -> list[Any]:
    """Run the JavaScript example."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    drive = Path(__file__).with_name("drive.mjs")
    done = subprocess.run(
        [node, str(drive), url, key, str(folder), str(PATIENCE_SECONDS), *steps],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def _parts(step: str) -> list[str]:
    return step.split(":")


def launch(api: Api) -> None:
    """A running experiment whose arms serve their own names."""
    api.do(
        "createMetric",
        {
            "idempotencyKey": "metric",
            "key": "shared",
            "name": "Shared",
            "kind": "CONVERSION",
            "eventName": "shared",
            "direction": "INCREASE",
        },
    )
    arms = [
        {
            "key": arm,
            "name": arm,
            "weight": 0.5,
            "isControl": arm == "menu",
            "payload": {"feature": {"value": arm}},
        }
        for arm in ("menu", "button")
    ]
    api.do(
        "createExperiment",
        {
            "idempotencyKey": "draft",
            "key": KEY,
            "name": "Share button",
            "treatment": "FEATURE",
            "hypothesis": {
                "statement": "People share what has a button.",
                "metricKey": "shared",
                "direction": "INCREASE",
                "minimumEffect": 0.02,
            },
            "metrics": [{"metricKey": "shared", "role": "PRIMARY"}],
            "variants": arms,
            "plannedUnits": 6000,
        },
    )
    started = api.ask(START)["startExperiment"]
    assert "code" not in started, started


def exposed(api: Api) -> int:
    """Units that were exposed, once any was and nothing waits to be folded."""

    def counted() -> int:
        results = api.ask(STORED)["experiment"]["results"]
        if results is None or results["health"]["backlog"]:
            return 0
        return sum(arm["exposed"] for arm in results["health"]["exposures"])

    found: int = until(counted)
    return found


def restarted(installation: Installation, url: str) -> Process:
    """The server once more, at the same address."""
    process, again = installation.serve(port=int(url.rpartition(":")[2]))
    assert again == url
    return process


@pytest.mark.parametrize(
    "run", [python_example, javascript_example], ids=["python", "javascript"]
)
def test_a_front_end_outlives_its_server(
    run: Run, installation: Installation, key: str, tmp_path: Path
) -> None:
    server, url = installation.serve()
    api = Api(url, key)
    launch(api)
    folder = tmp_path / "front-end"
    if run is javascript_example:
        folder.mkdir()

    loaded, served = run(url, key, folder, "load", f"value:{KEY}")
    assert loaded is True
    assert served in ("menu", "button")
    server.kill()

    # The server is gone: the last value served stands, and nothing says "exposed".
    loaded, cached, _, sent = run(
        url, key, folder, "load", f"value:{KEY}", "track:shared", "flush"
    )
    assert (loaded, cached, sent) == (False, served, False)

    restarted(installation, url)
    assert run(url, key, folder, "flush", "flush") == [True, True]
    assert exposed(api) == 1


@pytest.mark.parametrize(
    "run", [python_example, javascript_example], ids=["python", "javascript"]
)
def test_who_was_never_answered_gets_the_default_and_is_not_exposed(
    run: Run, tmp_path: Path
) -> None:
    steps = ["load", f"value:{KEY}", "value:undeclared", "flush", "problems"]
    given = run(NOBODY, "hk_c_none", tmp_path, *steps)
    assert given == [False, "default", None, True, []]


@pytest.mark.parametrize(
    "run", [python_example, javascript_example], ids=["python", "javascript"]
)
def test_what_is_refused_or_rejected_is_told(
    run: Run, installation: Installation, key: str, tmp_path: Path
) -> None:
    _, url = installation.serve()
    # A wrong key: nothing is lost, and somebody is told why nothing arrives.
    steps = ["load", f"value:{KEY}", "track:shared", "flush", "problems"]
    *given, problems = run(url, "hk_c_none", tmp_path, *steps)
    assert given == [False, "default", None, False]
    refused = [problem.split(": ")[0] for problem in problems]
    assert refused == ["Hone refused /graphql, 401", "Hone refused /v1/events, 401"]
    # An event that can never be taken is not sent for ever.
    steps = ["track:not a name", "flush", "flush", "problems"]
    *given, problems = run(url, key, tmp_path, *steps)
    assert given == [None, True, True]
    (problem,) = problems
    assert "/v1/events" in problem
    assert "BAD_NAME" in problem


def test_without_a_storage_nothing_is_kept_after_the_run() -> None:
    steps = ["load", f"value:{KEY}", "track:shared", "flush"]
    given = javascript_example(NOBODY, "hk_c_none", Path("none"), *steps)
    assert given == [False, "default", None, False]
    # The event waited within that run only.
    assert javascript_example(NOBODY, "hk_c_none", Path("none"), "flush") == [True]


def test_an_answer_that_was_lost_is_a_duplicate_the_next_time(
    installation: Installation, key: str, tmp_path: Path
) -> None:
    _, url = installation.serve()
    api = Api(url, key)
    launch(api)
    python_example(url, key, tmp_path, "load", f"value:{KEY}")
    buffered = (tmp_path / "events.json").read_bytes()
    assert python_example(url, key, tmp_path, "flush") == [True]
    # As if the acknowledgement had never arrived: the same events once more.
    (tmp_path / "events.json").write_bytes(buffered)
    assert python_example(url, key, tmp_path, "flush") == [True]
    assert exposed(api) == 1
