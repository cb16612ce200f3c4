"""Answers that are given again: for as long as they hold, and within bounds."""

from typing import Any

import msgspec
import pytest

from api.repeats import Repeats
from api.wire import Reply
from tests.api.conftest import Edge
from tests.api.experiments import mutate, started
from tests.api.test_prepared import DAY_ONE
from tests.api.test_registered_documents import add, named, remove

KIB = 1024
IDENTIFY = """
mutation ($input: IdentifyInput!) { identify(input: $input) { __typename } }
"""


def test_only_what_comes_twice_is_kept() -> None:
    kept: Repeats[str] = Repeats()
    kept.keep("owner", b"asked", "answer", 10)
    assert kept.find("owner", b"asked") is None
    kept.keep("owner", b"asked", "answer", 10)
    assert kept.find("owner", b"asked") == "answer"
    assert kept.find("other", b"asked") is None


def test_an_owner_forgets_what_was_not_used_for_longest() -> None:
    kept: Repeats[int] = Repeats(owner_bytes=10 * KIB)
    for number in (1, 2, 3, 1, 4):
        for _ in range(2):
            kept.keep("owner", b"%d" % number, number, 2 * KIB)
    assert [kept.find("owner", b"%d" % n) for n in (1, 2, 3, 4)] == [1, None, 3, 4]


def test_the_owner_with_the_most_makes_room_for_the_others() -> None:
    kept: Repeats[int] = Repeats(owner_bytes=100 * KIB, all_bytes=60 * KIB)
    for owner, size in (("small", 5 * KIB), ("large", 20 * KIB)):
        for number in range(5):
            for _ in range(2):
                kept.keep(owner, b"%d" % number, number, size)
    assert [kept.find("small", b"%d" % n) for n in range(5)] == [0, 1, 2, 3, 4]
    assert kept.find("large", b"0") is None
    assert kept.find("large", b"4") == 4


def test_what_is_larger_than_an_owners_room_is_not_kept() -> None:
    kept: Repeats[int] = Repeats(owner_bytes=KIB)
    for _ in range(3):
        kept.keep("owner", b"asked", 1, 2 * KIB)
    assert kept.find("owner", b"asked") is None


class Visitor:
    """Asks the same bytes at the doors, again and again."""

    def __init__(self, edge: Edge, path: str, body: object) -> None:
        self._edge = edge
        self._path = path
        self._body = msgspec.json.encode(body)

    def ask(self) -> Reply | None:
        """Offer it to the door."""
        door = self._edge.app.state.doors.of(self._path.encode())
        headers = {
            "authorization": f"Bearer {self._edge.tenant.client}",
            "content-type": "application/json",
            "content-length": str(len(self._body)),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": self._path,
            "query_string": b"",
            "headers": raw,
        }
        reply: Reply | None = door(scope, self._body)
        return reply

    async def settled(self) -> bytes:
        """What it is told once nothing has to be read any more."""
        for _ in range(4):
            await self._edge.client.post(
                self._path,
                content=self._body,
                headers={
                    "authorization": f"Bearer {self._edge.tenant.client}",
                    "content-type": "application/json",
                },
            )
        replies = [self.ask() for _ in range(3)]
        bodies = {None if reply is None else reply.body for reply in replies}
        assert len(bodies) == 1
        (body,) = bodies
        assert body is not None
        return body


PLACES = [
    ("/graphql", {"query": DAY_ONE, "variables": {"subject": {"userId": "u1"}}}),
    ("/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "u1"}}),
]


@pytest.mark.stores
@pytest.mark.parametrize(("path", "body"), PLACES)
async def test_a_change_of_what_is_served_is_seen_at_once(
    edge: Edge, path: str, body: object
) -> None:
    running = await started(edge)
    visitor = Visitor(edge, path, body)
    before = await visitor.settled()
    stopped = await mutate(
        edge,
        "stopExperiment",
        {
            "idempotencyKey": "stop",
            "experiment": {"key": running["key"]},
            "expectedVersion": running["version"],
            "reason": "Enough.",
        },
    )
    assert stopped["__typename"] == "ExperimentPayload"
    await edge.app.state.services.definitions.refresh()
    reply = visitor.ask()
    assert reply is not None
    assert reply.body != before


@pytest.mark.stores
@pytest.mark.parametrize(("path", "body"), PLACES)
async def test_what_is_learnt_of_a_subject_is_seen_at_once(
    edge: Edge, path: str, body: object
) -> None:
    await started(edge, targeting={"plan": "paid"})
    visitor = Visitor(edge, path, body)
    before = await visitor.settled()
    said = {"userId": "u1", "attributes": {"plan": "paid"}}
    answer = await edge.ask(IDENTIFY, input={"idempotencyKey": "i", "subject": said})
    assert answer["data"]["identify"]["__typename"] == "IdentifyPayload"
    assert visitor.ask() is None
    assert await visitor.settled() != before


@pytest.mark.stores
@pytest.mark.parametrize(("path", "body"), PLACES)
async def test_a_kept_answer_counts_and_has_an_id_of_its_own(
    edge: Edge, path: str, body: object
) -> None:
    await started(edge)
    visitor = Visitor(edge, path, body)
    await visitor.settled()
    first, second = visitor.ask(), visitor.ask()
    assert first is not None
    assert second is not None
    ids = [dict(reply.headers)[b"x-request-id"] for reply in (first, second)]
    assert ids[0] != ids[1]
    registry = edge.app.state.services.measures.registry
    place = {"place": "/graphql" if "graphql" in path else "/ofrep", "method": "POST"}
    counted = registry.get_sample_value(
        "hone_http_request_seconds_count", {**place, "status": "2xx"}
    )
    assert counted is not None
    assert counted >= 9


@pytest.mark.stores
async def test_what_a_removed_document_answered_is_not_given_again(edge: Edge) -> None:
    await started(edge)
    await add(edge, DAY_ONE)
    body = {"extensions": named(DAY_ONE), "variables": {"subject": {"userId": "u1"}}}
    visitor = Visitor(edge, "/graphql", body)
    await visitor.settled()
    assert (await remove(edge, DAY_ONE))["replayed"] is False
    assert visitor.ask() is None
    await add(edge, DAY_ONE, name="anew")
    await visitor.settled()
