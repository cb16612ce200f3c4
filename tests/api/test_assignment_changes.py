"""A subject's assignments, followed over a socket: told of its own changes only."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog, open_log
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import mutate, started
from tests.api.people import ASSIGNED, exposed, named
from tests.api.test_identity import LINK
from tests.api.test_websocket import Talk, talking
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores

FOLLOW = """
subscription ($subject: SubjectInput!, $etag: String) {
  assignmentInvalidated(subject: $subject, etag: $etag) { configVersion etag keys }
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


async def _link(edge: Edge, anonymous: str, user: str) -> None:
    given = {"idempotencyKey": user, "anonymousId": anonymous, "userId": user}
    answer = await edge.ask(LINK, input=given)
    assert answer["data"]["linkIdentity"]["kept"][0]["held"] is True


async def _pause(edge: Edge, version: int) -> None:
    given = {
        "idempotencyKey": f"pause-{version}",
        "experiment": {"key": "short-form"},
        "expectedVersion": version,
        "reason": "A look at it.",
        "mode": "PAUSE_SERVING",
    }
    paused = await mutate(edge, "pauseExperiment", given)
    assert paused["__typename"] == "ExperimentPayload", paused


async def _etag(edge: Edge, **subject: Any) -> str:
    answer = await edge.ask(ASSIGNED, subject=subject)
    etag: str = answer["data"]["assignments"]["etag"]
    return etag


async def _follow(talk: Talk, name: str, etag: str | None = None, **who: str) -> None:
    await talk.subscribe(name, FOLLOW, subject=who, etag=etag)


async def _settled(talk: Talk) -> None:
    """Wait until what was asked before is under way."""
    for _ in range(3):
        await talk.say(type="ping")
        assert (await talk.hear())["type"] == "pong"


async def _heard(talk: Talk) -> tuple[str, dict[str, Any]]:
    message = await talk.hear()
    assert message["type"] == "next", message
    return message["id"], message["payload"]["data"]["assignmentInvalidated"]


async def test_only_those_whose_answer_changed_are_told(edge: Edge) -> None:
    experiment = await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    ann = await named(edge, "short")
    bob = await named(edge, "short", start=int(ann[1:]) + 1)
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    await exposed(edge, "x-2", "long", anonymousId=f"{visitor}-2")
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.client)
        await _follow(talk, "ann", userId=ann)
        await _follow(talk, "bob", userId=bob)
        await _settled(talk)
        await _link(edge, visitor, ann)
        name, first = await _heard(talk)
        assert (name, first["keys"]) == ("ann", ["short-form"])
        assert first["etag"] == await _etag(edge, userId=ann)
        await _link(edge, f"{visitor}-2", bob)
        name, second = await _heard(talk)
        assert (name, second["keys"]) == ("bob", ["short-form"])
        # A link publishes nothing: nobody else's answers are out of date.
        assert second["configVersion"] == first["configVersion"]
        await _pause(edge, experiment["version"])
        both = {(await _heard(talk))[0] for _ in range(2)}
        assert both == {"ann", "bob"}


async def test_an_etag_that_is_out_of_date_is_answered_at_once(edge: Edge) -> None:
    experiment = await started(edge)
    stale = await _etag(edge, userId="ann")
    await _pause(edge, experiment["version"])
    fresh = await _etag(edge, userId="ann")
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.client)
        await _follow(talk, "fresh", fresh, userId="ann")
        await _settled(talk)
        await _follow(talk, "stale", stale, userId="ann")
        name, found = await _heard(talk)
        assert (name, found["etag"]) == ("stale", fresh)
        assert found["keys"] == ["short-form"]


async def test_nobody_is_no_subject(edge: Edge) -> None:
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.client)
        await _follow(talk, "a")
        message = await talk.hear()
    assert message["payload"][0]["extensions"]["code"] == "BAD_INPUT"
