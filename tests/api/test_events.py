"""Events in, over HTTP and GraphQL: durable, counted once, each with its verdict."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import event
from sqlmodel import select

from api.app import create_app
from core.database import Database
from core.links import IdentityLink
from core.settings import Settings
from core.subjects import Membership, SubjectContext, stored_traits
from experiments.events.log import EventLog, NewEvent, open_log
from tests.api.conftest import Edge, make_tenant
from tests.api.experiments import started
from tests.conftest import StoreUrls
from workers.queue import EmbeddedQueue

pytestmark = pytest.mark.stores

WRONG: tuple[dict[str, str], int, str] = ({}, 400, "BAD_REQUEST")
TRACK = """
mutation Track($input: [TrackEventInput!]!) {
  trackEvents(input: $input) {
    ... on TrackEventsPayload {
      accepted duplicates moved rejected { index id code message }
    }
    ... on Error { code message }
  }
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
async def queue() -> EmbeddedQueue:
    """Wake-ups that can be looked at."""
    return EmbeddedQueue()


@pytest.fixture
async def door(
    database: Database, settings: Settings, log: EventLog, queue: EmbeddedQueue
) -> AsyncIterator[Edge]:
    """The edge with its event log."""
    tenant = await make_tenant(database, "acme")
    app = create_app(settings, database=database, log=log, queue=queue)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver"
    ) as client:
        yield Edge(app, database, tenant, client)


async def _send(
    door: Edge, body: bytes, *, key: str | None = None, **headers: str
) -> httpx.Response:
    return await door.client.post(
        "/v1/events",
        content=body,
        headers={
            "authorization": f"Bearer {key or door.tenant.client}",
            "content-type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        },
    )


def _event(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"e-{number}", "name": "paid", "userId": "ann", "value": 1, **changes}


def _encoded(*events: object) -> bytes:
    return msgspec.json.encode(events)


async def test_five_hundred_events_get_their_verdicts(
    door: Edge, log: EventLog, queue: EmbeddedQueue
) -> None:
    good = [_event(number) for number in range(477)]
    bad = [_event(0, id=""), {"id": "x", "nme": "typo"}, _event(0, value="NaN")]
    body = _encoded(*good[:200], bad[0], *good[:20], bad[1], *good[200:], bad[2])
    first = (await _send(door, body)).json()
    assert (first["accepted"], first["duplicates"]) == (477, 20)
    assert [(part["index"], part["code"]) for part in first["rejected"]] == [
        (200, "BAD_ID"),
        (221, "BAD_EVENT"),
        (499, "BAD_VALUE"),
    ]
    assert await queue.wait("fold_events", 0)
    again = (await _send(door, body)).json()
    assert (again["accepted"], again["duplicates"]) == (0, 497)
    assert again["rejected"] == first["rejected"]
    assert await log.count(door.tenant.environment.id) == 477


async def test_the_metrics_count_events_by_verdict(door: Edge) -> None:
    await _send(door, _encoded(_event(1), _event(2), _event(1), _event(0, id="")))
    shown = (await door.client.get("/metrics")).text
    for verdict, count in (("accepted", 2), ("duplicate", 1), ("rejected", 1)):
        line = f'hone_ingested_events_total{{verdict="{verdict}"}} {count}.0'
        assert line in shown


async def test_lines_are_read_one_by_one(door: Edge) -> None:
    lines = [msgspec.json.encode(_event(number)) for number in range(3)]
    lines.insert(1, b'{"id": "broken", ')
    answer = await _send(
        door, b"\n".join(lines) + b"\n", content_type="application/x-ndjson"
    )
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 3
    assert [part["index"] for part in answer.json()["rejected"]] == [1]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", *WRONG),
        (b"null", *WRONG),
        (b'"x"', *WRONG),
        (b'{"id": "e"}', *WRONG),
        (b"[" * 100_000, *WRONG),
        (b'[{"id": "\xff"}]', *WRONG),
        (b'[{"id": "e", "value": NaN}]', *WRONG),
        (b'[{"id": "e", "value": Infinity}]', *WRONG),
        (b'[{"properties": ' + b'{"k": ' * 5000 + b"1" + b"}" * 5001 + b"]", *WRONG),
        (b"[]", {"content_encoding": "gzip"}, 415, "UNSUPPORTED_ENCODING"),
        (b"[]", {"content_type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"[" + b" " * 4_194_304 + b"]", {}, 413, "BODY_TOO_LARGE"),
        (_encoded(*[_event(0)] * 10_001), {}, 413, "TOO_MANY_EVENTS"),
        (b"[]", {"x_hone_batch": "import-1"}, 403, "FORBIDDEN"),
    ],
)
async def test_a_malformed_request_is_refused_with_a_code(
    door: Edge, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await _send(door, body, **headers)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    "item",
    [
        b"1",
        b"null",
        b'{"id": 1, "name": "x", "userId": "a"}',
        b'{"id": "e", "name": "x", "userId": "a", "value": true}',
        b'{"id": "e", "name": "x", "userId": "a", "value": 1e99999999999999999999}',
        b'{"id": "e", "name": "x", "userId": "a", "at": "yesterday"}',
        b'{"id": "e", "name": "x", "userId": "a", "at": "2026-01-01T00:00:00"}',
        b'{"id": "e", "name": "x", "userId": "a", "properties": []}',
        b'{"id": "e", "name": "x", "userId": "a", "properties": {"k": 1e999}}',
    ],
)
async def test_an_item_that_is_no_event_does_not_stop_the_others(
    door: Edge, item: bytes
) -> None:
    body = b"[" + item + b"," + msgspec.json.encode(_event(1)) + b"]"
    answer = await _send(door, body)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [part["index"] for part in answer.json()["rejected"]] == [0]


async def test_nobody_sends_without_a_key(door: Edge) -> None:
    answer = await door.client.post(
        "/v1/events", content=b"[]", headers={"origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 401


async def test_an_import_brings_old_events_with_a_server_key(door: Edge) -> None:
    old = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    body = _encoded(_event(1, at=old))
    refused = (await _send(door, body, key=door.tenant.admin)).json()
    assert [part["code"] for part in refused["rejected"]] == ["TOO_OLD"]
    taken = await _send(door, body, key=door.tenant.admin, x_hone_batch="import-1")
    assert taken.json()["accepted"] == 1


async def test_an_exposure_without_an_experiment_to_assign_is_rejected(
    door: Edge,
) -> None:
    exposure = {
        "id": "x",
        "name": "$exposure",
        "userId": "ann",
        "experimentKey": "gate",
    }
    answer = (await _send(door, _encoded(exposure))).json()
    assert [part["code"] for part in answer["rejected"]] == ["NO_VARIANT"]


async def test_events_over_graphql_get_the_same_verdicts(
    door: Edge, log: EventLog
) -> None:
    events = [
        {"eventId": "g-1", "name": "paid", "subject": {"userId": "ann"}, "value": 0.1},
        {"eventId": "g-1", "name": "paid", "subject": {"userId": "ann"}},
        {"eventId": "g-2", "name": "paid", "subject": {}},
    ]
    answer = await door.ask(TRACK, key=door.tenant.client, input=events)
    assert answer["data"]["trackEvents"] == {
        "accepted": 1,
        "duplicates": 1,
        "moved": 0,
        "rejected": [
            {
                "index": 2,
                "id": "g-2",
                "code": "BAD_EVENT",
                "message": "A subject has at least one id.",
            }
        ],
    }
    assert await log.count(door.tenant.environment.id) == 1


async def test_identify_keeps_what_a_server_key_says_of_a_subject(
    door: Edge, log: EventLog
) -> None:
    said = {"id": "i-1", "name": "$identify", "userId": "ann", "accountId": "acme"}
    body = _encoded({**said, "anonymousId": "x", "properties": {"plan": "pro"}})
    assert (await _send(door, body, key=door.tenant.admin)).json()["accepted"] == 1
    hostile = _encoded({**said, "id": "i-2", "properties": {"plan": "enterprise"}})
    await _send(door, hostile, key=door.tenant.client)
    environment_id = door.tenant.environment.id
    async with door.database.readers() as session:
        subject = SubjectContext(user_id="ann")
        assert await stored_traits(session, environment_id, subject) == {"plan": "pro"}
        links = (await session.exec(select(IdentityLink).order_by("id"))).all()
        memberships = (await session.exec(select(Membership).order_by("id"))).all()
    assert [(link.anonymous_id, link.user_id) for link in links] == [("x", "ann")]
    assert [(one.user_id, one.account_id) for one in memberships] == [("ann", "acme")]


async def test_traits_that_are_too_many_keep_nothing_and_stop_nobody(
    door: Edge,
) -> None:
    crowd = [
        {
            "id": f"i-{place}",
            "name": "$identify",
            "userId": "ann",
            "properties": {f"k{place}_{number}": 1 for number in range(60)},
        }
        for place in range(2)
    ]
    answer = await _send(door, _encoded(*crowd), key=door.tenant.admin)
    assert answer.json()["accepted"] == 2
    async with door.database.readers() as session:
        subject = SubjectContext(user_id="ann")
        environment_id = door.tenant.environment.id
        stored = await stored_traits(session, environment_id, subject)
    assert sorted(stored) == sorted(f"k0_{number}" for number in range(60))


def _identify(event_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": event_id, "name": "$identify", "userId": "ann", **changes}


async def _traits(door: Edge) -> dict[str, Any]:
    subject = SubjectContext(user_id="ann")
    async with door.database.readers() as session:
        return await stored_traits(session, door.tenant.environment.id, subject)


async def test_nothing_is_kept_of_an_identification_that_was_rejected(
    door: Edge,
) -> None:
    old = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    answer = await _send(
        door,
        _encoded(
            _identify("nul", properties={"plan": "a\x00"}),
            _identify("who", userId="a\x00"),
            _identify("long", userId=None, anonymousId="x" * 300),
            _identify("late", at=old, properties={"plan": "old"}),
            _identify("deep", properties={"plan": deep}),
            _identify("good", properties={"plan": "\\u0000"}),
        ),
        key=door.tenant.admin,
    )
    assert answer.status_code == 200
    assert [(part["id"], part["code"]) for part in answer.json()["rejected"]] == [
        ("nul", "BAD_PROPERTIES"),
        ("who", "BAD_SUBJECT"),
        ("long", "BAD_SUBJECT"),
        ("late", "TOO_OLD"),
        ("deep", "BAD_PROPERTIES"),
    ]
    assert await _traits(door) == {"plan": "\\u0000"}


async def test_a_crowd_that_identifies_one_new_user_is_kept_whole(door: Edge) -> None:
    said = [
        _identify(
            f"c{n}", accountId="acme", anonymousId="x", properties={f"trait{n}": n}
        )
        for n in range(12)
    ]
    answers = await asyncio.gather(
        *(_send(door, _encoded(one), key=door.tenant.admin) for one in said)
    )
    assert [answer.status_code for answer in answers] == [200] * 12
    assert await _traits(door) == {f"trait{n}": n for n in range(12)}


async def test_an_older_identification_that_comes_again_changes_nothing(
    door: Edge,
) -> None:
    now = datetime.now(UTC)
    older = _identify("p1", at=str(now - timedelta(hours=1)), properties={"plan": "a"})
    newer = _identify("p2", at=str(now), properties={"plan": "b"})
    for said in (older, newer, older):
        answer = await _send(door, _encoded(said), key=door.tenant.admin)
        assert answer.json()["rejected"] == []
    assert await _traits(door) == {"plan": "b"}


@pytest.mark.parametrize("at", [{}, {"at": "2999-01-01T00:00:00Z"}])
async def test_a_repeat_without_a_known_instant_overrides_nothing(
    door: Edge, at: dict[str, str]
) -> None:
    first = _identify("p2", properties={"plan": "a"}, **at)
    second = _identify("p1", properties={"plan": "b"})
    for said in (first, second, first):
        await _send(door, _encoded(said), key=door.tenant.admin)
    assert await _traits(door) == {"plan": "b"}


async def test_a_repeat_restores_what_a_crash_kept_from_the_facts(
    door: Edge, log: EventLog
) -> None:
    await log.append(
        door.tenant.environment.id, [NewEvent("i-1", "$identify", user_id="ann")]
    )
    body = _encoded(_identify("i-1", properties={"plan": "pro"}))
    answer = await _send(door, body, key=door.tenant.admin)
    assert answer.json()["duplicates"] == 1
    assert await _traits(door) == {"plan": "pro"}


async def test_a_membership_event_puts_a_user_into_an_account(door: Edge) -> None:
    joined = {
        "id": "m-1",
        "name": "$membership",
        "userId": "ann",
        "accountId": "acme",
        "properties": {"plan": "none of hers"},
    }
    for _ in range(2):
        await _send(door, _encoded(joined), key=door.tenant.admin)
    async with door.database.readers() as session:
        rows = (await session.exec(select(Membership).order_by("id"))).all()
    assert [(row.user_id, row.account_id) for row in rows] == [("ann", "acme")]
    assert await _traits(door) == {}


async def test_exposures_without_a_variant_are_assigned_with_one_look_at_the_traits(
    door: Edge,
) -> None:
    await started(door, targeting={"plan": "pro"})
    people = [f"u{n}" for n in range(600)]
    said = [
        _identify(f"i-{one}", userId=one, properties={"plan": "pro"})
        for one in people[:300]
    ]
    await _send(door, _encoded(*said), key=door.tenant.admin)
    exposures = [
        {"name": "$exposure", "experimentKey": "short-form", "id": one, "userId": one}
        for one in [*people, "nul\x00"]
    ]
    statements: list[str] = []
    event.listen(
        door.database.engine.sync_engine,
        "before_cursor_execute",
        lambda *given: statements.append(given[2]),
    )
    answer = (await _send(door, _encoded(*exposures))).json()
    assert answer["accepted"] == 300
    assert len([one for one in statements if "FROM subject" in one]) == 1
    assert [part["id"] for part in answer["rejected"]] == [*people[300:], "nul\x00"]


async def test_an_exposures_properties_never_take_the_place_of_an_id(
    door: Edge, log: EventLog
) -> None:
    await started(door)
    exposures = [
        {
            "id": f"x{n}",
            "name": "$exposure",
            "experimentKey": "short-form",
            "accountId": "acme",
            "properties": {"id": f"u{n}", "anonymousId": f"a{n}"},
        }
        for n in range(3)
    ]
    answer = (await _send(door, _encoded(*exposures))).json()
    assert [part["code"] for part in answer["rejected"]] == ["NO_VARIANT"] * 3


WIDE = {f"k{number}": 1 for number in range(90_000)}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("bad", [WIDE, {"a": "x" * 3_000_000}, {"a": WIDE}])
async def test_an_event_that_is_too_large_is_refused_by_its_id(
    door: Edge, log: EventLog, lines: bool, bad: dict[str, object]
) -> None:
    events = [_event(1), _event(2, properties=bad), _event(3)]
    if lines:
        body = b"\n".join(msgspec.json.encode(each) for each in events)
        answer = await _send(door, body, content_type="application/x-ndjson")
    else:
        answer = await _send(door, _encoded(*events))
    assert answer.json()["accepted"] == 2
    assert answer.json()["rejected"] == [
        {
            "index": 1,
            "id": "e-2",
            "code": "BAD_EVENT",
            "message": "An event has at most 65,536 bytes.",
        }
    ]
    assert await log.count(door.tenant.environment.id) == 2


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"[" + b"1," * 1_000_000 + b"1]", "application/json"),
        (b"[" + b"{}," * 500_000 + b"{}]", "application/json"),
        (b"\n" * 1_000_000, "application/x-ndjson"),
        (b"1\n" * 1_000_000, "application/x-ndjson"),
    ],
)
async def test_a_crowd_of_items_is_refused_before_they_are_read(
    door: Edge, body: bytes, media_type: str
) -> None:
    answer = await _send(door, body, content_type=media_type)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 413
    assert error["extensions"]["code"] == "TOO_MANY_EVENTS"
