"""Attributes that nobody means well: refused with a type at every door, or missed."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from api.graphql.perform import canonical
from api.graphql.scalars import MAX_JSON_VALUES, check_json, parse_json
from core.database import Database
from core.idempotency import input_hash
from core.settings import Settings
from experiments.events.log import open_log
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import started
from tests.api.surveys import ANSWERS, SUBMIT, mutate, published
from tests.conftest import StoreUrls

ASSIGN = """query ($subject: SubjectInput!) {
  assignments(subject: $subject) { assignments { variant } } }"""
EXPLAIN = """query ($subject: SubjectInput!) {
  explainAssignment(subject: $subject, key: "short-form") {
    assignment { variant } } }"""
EXPOSE = """mutation ($subject: SubjectInput!) { recordExposures(input: {
  subject: $subject, exposures: [{eventId: "e", experimentKey: "short-form"}]}) {
  __typename ... on Error { code } } }"""
TRACK = """mutation ($subject: SubjectInput!) {
  trackEvents(input: [{eventId: "e", name: "n", subject: $subject}]) {
  ... on TrackEventsPayload { accepted rejected { code } } } }"""
FEEDBACK = """mutation ($subject: SubjectInput!) { recordFeedback(input: {
  idempotencyKey: "k", source: API, body: "x", subject: $subject}) {
  __typename ... on Error { code } } }"""
DOORS = {"assign": ASSIGN, "explain": EXPLAIN, "expose": EXPOSE, "track": TRACK}
DOORS["feedback"] = FEEDBACK
BAD: dict[str, bytes] = {
    "a NUL": rb'{"a":"x\u0000"}',
    "half a character": rb'{"a":"\ud800"}',
    "no UTF-8": b'{"a":"\xff"}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a huge float": b'{"a":1e999}',
    "a huge integer": b'{"a":' + b"7" * 4_000 + b"}",
    "a long text": b'{"a":"' + b"x" * 900_000 + b'"}',
    "a long name": b'{"' + b"x" * 900_000 + b'":1}',
    "deep lists": b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "deep objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "a name twice": b'{"a":1,"a":2}',
    "many names": msgspec.json.encode({f"k{n}": 1 for n in range(101)}),
    "many values": msgspec.json.encode({"a": [1] * 5_001}),
    "many values on two levels": msgspec.json.encode({"a": [[1] * 2_600] * 2}),
    "very many values": msgspec.json.encode({"a": [1] * 24_000}),
    "a list": b"[1]",
}
CRUEL = {"a": "x" * 60_000}


@pytest.fixture
async def edge(
    database: Database, settings: Settings, store_urls: StoreUrls
) -> AsyncIterator[Edge]:
    """The edge with its log, and an experiment for whom a hard pattern spares."""
    log = open_log(store_urls.events)
    await log.open()
    async with make_edge(database, settings, log=log) as edge:
        await started(edge, targeting={"a": {"$not": {"$regex": "(x+x+)+y"}}})
        yield edge
    await log.close()


async def sent(edge: Edge, path: str, body: bytes, key: str) -> Any:
    """What a door answers, as JSON."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    answer = await edge.client.post(path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    return answer.json()


def code_in(value: Any) -> str | None:
    """The code that an answer names, wherever it does."""
    if isinstance(value, dict):
        if found := value.get("code") or value.get("errorCode"):
            return str(found)
        value = list(value.values())
    if isinstance(value, list):
        return next((found for each in value if (found := code_in(each))), None)
    return None


def graphql(query: str, attributes: bytes) -> bytes:
    subject = b'{"subject":{"userId":"u","attributes":' + attributes + b"}}"
    return b'{"query":' + msgspec.json.encode(query) + b',"variables":' + subject + b"}"


@pytest.mark.parametrize("name", BAD)
async def test_bad_attributes_are_refused_with_a_code_at_every_door(
    edge: Edge, name: str
) -> None:
    bad = BAD[name]
    for door, query in DOORS.items():
        for _ in range(4):  # the last ones have a plan
            answer = await sent(
                edge, "/graphql", graphql(query, bad), edge.tenant.admin
            )
            assert code_in(answer), (door, answer)
    event = b'[{"id":"e","name":"n","userId":"u","properties":' + bad + b"}]"
    answer = await sent(edge, "/v1/events", event, edge.tenant.admin)
    # The plain reader of events takes the last of two members, as most do.
    assert code_in(answer) or name in {"a name twice", "a huge integer"}, answer


@pytest.mark.parametrize("name", BAD)
async def test_bad_attributes_are_refused_or_missed_by_flag_clients(
    edge: Edge, name: str
) -> None:
    client, bad = edge.tenant.client, BAD[name]
    taken = {"a name twice", "a huge integer", "many names", "a list", "deep objects"}
    context = b'{"context":{"targetingKey":"u","x":' + bad + b"}}"
    answer = await sent(edge, "/ofrep/v1/evaluate/flags", context, client)
    assert code_in(answer) or (name in taken and "flags" in answer), answer
    remote = b'{"attributes":' + bad + b"}"
    answer = await sent(edge, f"/api/eval/{client}", remote, client)
    missed = {"many values", "many values on two levels", "very many values"}
    refused = "error" in answer or "errors" in answer
    assert refused or name in taken | missed, (name, answer)


async def test_what_is_cruel_for_a_pattern_is_a_miss(edge: Edge) -> None:
    body = graphql(ASSIGN, msgspec.json.encode(CRUEL))
    answer = await sent(edge, "/graphql", body, edge.tenant.client)
    assert len(answer["data"]["assignments"]["assignments"]) == 1
    context = msgspec.json.encode({"context": {"targetingKey": "u", **CRUEL}})
    answer = await sent(edge, "/ofrep/v1/evaluate/flags", context, edge.tenant.client)
    assert [flag["key"] for flag in answer["flags"]] == ["short-form"]


async def test_a_flag_clients_body_has_a_bound(edge: Edge) -> None:
    body = msgspec.json.encode(
        {"context": {"targetingKey": "u", **{f"k{n}": "x" * 60_000 for n in range(5)}}}
    )
    answer = await sent(edge, "/ofrep/v1/evaluate/flags", body, edge.tenant.client)
    assert answer["errorCode"] == "INVALID_CONTEXT"
    assert "262,144 bytes" in answer["errorDetails"]


async def test_answers_that_no_question_has_are_refused(edge: Edge) -> None:
    await published(edge)
    for changes in (
        {"answers": [{"questionKey": "why", "value": ["x"] * 51}]},
        {"answers": [{"questionKey": "why", "value": {"a": ["x"] * 60}}]},
        {"context": {"a": "x" * 9_000}},
        {"submissionId": "x" * 129},
        {"revision": 0},
    ):
        refused = await mutate(edge, SUBMIT, ANSWERS | changes)
        assert refused["code"] in {"INVALID", "BAD_INPUT"}, (changes, refused)
    taken = await mutate(edge, SUBMIT, ANSWERS)
    assert taken["__typename"] == "SubmitResponsePayload"


def test_a_json_value_has_a_bound_where_it_is_sent() -> None:
    for value in ([0] * MAX_JSON_VALUES, {"a": [0] * (MAX_JSON_VALUES - 1)}):
        assert parse_json(value) is value
    for value in ([0] * (MAX_JSON_VALUES + 1), {"a": [0] * MAX_JSON_VALUES}):
        with pytest.raises(ValueError, match="10,000 values"):
            parse_json(value)
        assert check_json(value) is value


def test_a_json_value_has_32_levels() -> None:
    value: Any = []
    for _ in range(32):
        value = [value]
    assert check_json(value) is value
    for inner in ([value], {"a": value}, [value, "x"]):
        with pytest.raises(ValueError, match="32 deep"):
            check_json(inner)


def test_an_input_has_the_hash_that_it_always_had() -> None:
    value: Any = {"b": [1, 1.5, None, True, "é", (1, {"x": []})], 7: {"a": {}}}
    assert canonical(value) == {
        "b": [1, 1.5, None, True, "é", [1, {"x": []}]],
        "7": {"a": {}},
    }
    assert input_hash(canonical(value)).startswith("f9e0fe8b")
