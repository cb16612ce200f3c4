"""kill -9 of the worker, again and again: every effect is there once."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ON_POSTGRES
from tests.loop import table
from tests.loop.test_loop import INSIGHTS, ITEMS, answer, ask_people, hook, nodes
from tests.processes import Api, Installation, receiving, until

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(not ON_POSTGRES, reason="an embedded worker is the server"),
]

PAUSE_SECONDS = 0.4
"""Between two kills: long enough to be in the middle of something."""


@pytest.mark.parametrize(
    ("units", "kills"),
    [
        pytest.param(1_000, 3, id="few"),
        pytest.param(20_000, 10, id="many", marks=pytest.mark.slow),
    ],
)
def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    installation: Installation, key: str, tmp_path: Path, units: int, kills: int
) -> None:
    made = table.write(tmp_path, units=units)
    with receiving() as receiver:
        _, url = installation.serve()
        api = Api(url, key)
        webhook = hook(api, receiver)
        ask_people(api)
        arguments = ["--mapping", str(made.mapping), "--url", url, "--key", key]
        installation.command("import", str(made.data), *arguments, "--wait", "0")
        for person in range(6):
            answer(api, person, "Exporting anything takes me an hour.")
        for _ in range(kills):
            worker = installation.start("worker")
            worker.wait_for("^(worker):")
            time.sleep(PAUSE_SECONDS)
            worker.kill()
        installation.start("worker")
        until(lambda: len(nodes(api, ITEMS)) == 2 and len(seen(receiver.received)) == 2)
        kinds = Counter(insight["kind"] for insight in nodes(api, INSIGHTS))
        assert kinds == {"VERDICT": 1, "TAG_THRESHOLD": 1}
        until(lambda: set(statuses(api)) == {"DELIVERED"})
        assert len(statuses(api)) == 2
        for headers, body in receiver.received:
            webhook.verify(body, headers)
        told = {json.loads(body)["data"]["key"] for _, body in receiver.received}
        assert told == {item["key"] for item in nodes(api, ITEMS)}
        assert len(seen(receiver.received)) == 2


def seen(received: list[tuple[dict[str, str], bytes]]) -> set[str]:
    """The ids that the receiver was sent, each at least once."""
    return {headers["webhook-id"] for headers, _ in received}


def statuses(api: Api) -> list[str]:
    """What the delivery rows say."""
    query = "{ webhookDeliveries { edges { node { status } } } }"
    return [delivery["status"] for delivery in nodes(api, query)]
