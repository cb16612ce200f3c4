"""What is known beforehand helps nobody to more than they may have."""

import asyncio
import json
from typing import Any

import pytest

from api.documents import Documents
from api.graphql.http import LEGACY, MODERN
from api.graphql.schema import GRAPHQL
from api.policies import Policies
from api.prepared.fragments import Room
from api.prepared.shelves import MAX_DOCUMENTS, Shelves
from core.database import Database
from core.settings import Settings
from tests.api.conftest import Edge, make_edge, make_tenant, served
from tests.api.experiments import mutate, started
from tests.api.prepared import as_body
from tests.api.test_prepared import DAY_ONE, prepared, send
from tests.api.test_prepared_family import Pair

SUBJECT = {"subject": {"userId": "u1"}}
TWO = (
    "query A($subject: SubjectInput!) { a: assignments(subject: $subject) { etag } } "
    "query B($subject: SubjectInput!) { b: assignments(subject: $subject) { etag } }"
)
QUERY = json.dumps(DAY_ONE)
VARIABLES = json.dumps(SUBJECT)
SAID = f'"variables":{VARIABLES}'


def raw(rest: str) -> bytes:
    """A body with the document and these members as they are."""
    return f'{{"query":{QUERY},{rest}}}'.encode()


def of_subject(members: str) -> bytes:
    """A body with such a subject."""
    return raw(f'"variables":{{"subject":{{{members}}}}}')


def with_attribute(value: object) -> bytes:
    """A body with such an attribute."""
    subject = {"userId": "u1", "attributes": {"a": value}}
    return as_body(DAY_ONE, {"subject": subject})


ODD: dict[str, bytes] = {
    "twice": raw(f'"query":"{{__typename}}",{SAID}'),
    "twice-inside": of_subject('"userId":"u1","userId":"u2"'),
    "batch": b"[" + raw(SAID) + b"]",
    "bom": b"\xef\xbb\xbf" + raw(SAID),
    "spaces": b" \n" + raw(f' "variables" : {VARIABLES} ') + b"\t",
    "nan": raw('"variables":{"subject":NaN}'),
    "infinite": of_subject('"userId":"u1","attributes":{"a":1e999}'),
    "nul": of_subject('"userId":"\\u0000"'),
    "surrogate": of_subject('"userId":"\\ud800"'),
    "deep": with_attribute(json.loads("[" * 40 + "]" * 40)),
    "deeper": raw(f'"variables":{"[" * 3000}{"]" * 3000}'),
    "huge": with_attribute("x" * 200_000),
    "variables-list": raw('"variables":[1]'),
    "variables-null": raw('"variables":null'),
    "name-number": raw(f'"operationName":1,{SAID}'),
    "name-empty": raw(f'"operationName":"",{SAID}'),
    "name-wrong": as_body(DAY_ONE, SUBJECT, "Other"),
    "extensions": raw(f'"extensions":7,{SAID}'),
    "no-name": as_body(TWO, SUBJECT),
    "name-a": as_body(TWO, SUBJECT, "A"),
    "name-b": as_body(TWO, SUBJECT, "B"),
    "empty": b"",
    "latin": of_subject('"userId":"u"').replace(b'"u"', b'"\xe9"'),
    "mutation": as_body("mutation { __typename }", {}),
    "schema": as_body("{ __schema { types { name } } }", {}),
    "both": as_body("{ __typename a: assignments(subject: {}) { etag } }", {}),
}


async def test_odd_bodies_are_answered_as_by_the_executor(
    database: Database, settings: Settings
) -> None:
    async with make_edge(database, settings) as edge:
        await started(edge)
        pair = Pair(edge)
        for body in ODD.values():
            for key in (edge.tenant.client, edge.tenant.viewer):
                for accept in (LEGACY, MODERN):
                    for _ in range(2):
                        await pair.same(body, key, accept)


@pytest.mark.stores
async def test_the_same_document_gives_each_environment_its_own(edge: Edge) -> None:
    await started(edge)
    other = await make_tenant(edge.database, "rival")
    body = {"query": DAY_ONE, "variables": SUBJECT}
    for _ in range(6):
        own = (await send(edge, body, key=edge.tenant.client)).json()
        theirs = (await send(edge, body, key=other.client)).json()
        assert own["data"]["assignments"]["assignments"]
        assert theirs["data"]["assignments"]["assignments"] == []
    assert prepared(edge) > 4


@pytest.mark.stores
async def test_a_change_of_definitions_reaches_prepared_answers(edge: Edge) -> None:
    await started(edge)
    body = {"query": DAY_ONE, "variables": SUBJECT}
    for _ in range(5):
        before = (await send(edge, body, key=edge.tenant.client)).json()
    stop = {
        "idempotencyKey": "stop",
        "experiment": {"key": "short-form"},
        "expectedVersion": 2,
        "reason": "Enough.",
    }
    await mutate(edge, "stopExperiment", stop)
    after = (await send(edge, body, key=edge.tenant.client)).json()
    (one,) = after["data"]["assignments"]["assignments"]
    assert (one["reason"], one["inExperiment"]) == ("DISABLED", False)
    assert after["data"]["assignments"]["etag"] != before["data"]["assignments"]["etag"]


async def test_a_plan_of_a_server_key_lets_no_client_key_in(edge: Edge) -> None:
    text = '{ experiments { totalCount } assignments(subject: {userId: "u"}) { etag } }'
    for _ in range(4):
        await send(edge, {"query": text}, key=edge.tenant.admin)
        refused = await send(edge, {"query": text}, key=edge.tenant.client)
        assert refused.json()["errors"][0]["extensions"]["code"]
        assert "data" not in refused.json()


async def test_a_compressed_body_is_refused_as_ever(edge: Edge) -> None:
    body = {"query": DAY_ONE, "variables": SUBJECT}
    for _ in range(4):
        await send(edge, body, key=edge.tenant.client)
    refused = await send(
        edge, body, key=edge.tenant.client, **{"content-encoding": "gzip"}
    )
    assert refused.status_code == 415


def test_nobody_pushes_another_owners_plans_out() -> None:
    shelves = Shelves(Documents(GRAPHQL, Policies(GRAPHQL)), sightings=1)
    mine = shelves.of("mine").plan(DAY_ONE, None)
    assert mine is not None
    for number in range(MAX_DOCUMENTS + 20):
        text = DAY_ONE.replace("etag", f"a{number}: etag")
        assert shelves.of("theirs").plan(text, None) is not None
    assert shelves.of("mine").plan(DAY_ONE, None) is mine


def test_a_shelf_is_bounded_and_counts_what_it_has_not_prepared() -> None:
    shelf = Shelves(Documents(GRAPHQL, Policies(GRAPHQL)), sightings=3).of("one")
    assert shelf.plan(DAY_ONE, None) is None
    for number in range(2_000):
        assert shelf.plan(f"{{ a{number}: __typename }}", None) is None
    # The first sightings were forgotten meanwhile.
    assert shelf.plan(DAY_ONE, None) is None
    assert shelf.plan(DAY_ONE, None) is None
    assert shelf.plan(DAY_ONE, None) is not None
    for text in (
        "{",
        "{ nothing }",
        "mutation { __typename }",
        "{ __schema { types { name } } }",
    ):
        for _ in range(5):
            assert shelf.plan(text, None) is None


def test_a_room_forgets_rather_than_grow() -> None:
    room = Room(1_000)
    for _ in range(100):
        room.take(300)
        assert room.used <= 1_000


@pytest.mark.stores
async def test_a_body_that_comes_late_and_in_parts_is_answered_too(edge: Edge) -> None:
    await started(edge)
    body = as_body(DAY_ONE, SUBJECT)
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer "
        f"{edge.tenant.client}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    async with served(edge) as url:
        host, port = url.removeprefix("http://").split(":")
        answers: set[Any] = set()
        for parts in ((head + body,), (head, body), (head, body[:20], body[20:])) * 3:
            reader, writer = await asyncio.open_connection(host, int(port))
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.05)
            answer = await reader.readuntil(b"}]}}}")
            answers.add(answer.partition(b"\r\n\r\n")[2])
            writer.close()
    assert len(answers) == 1
    assert prepared(edge) >= 5


@pytest.mark.stores
async def test_who_leaves_before_the_body_came_does_no_harm(edge: Edge) -> None:
    await send(edge, {"query": DAY_ONE, "variables": SUBJECT}, key=edge.tenant.client)
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: x\r\nx-api-key: {edge.tenant.client}\r\n"
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n"
    ).encode()
    async with served(edge) as url:
        host, port = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head)
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.1)
    answer = await send(edge, {"query": "{ __typename }"}, key=edge.tenant.client)
    assert answer.status_code == 200
