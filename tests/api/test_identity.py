"""A visitor becomes a user: the variant that was recorded first stays for both ids."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core.database import Database
from core.links import IdentityLink
from core.settings import Settings
from core.subject_token import SignedSubject, sign
from experiments.events.log import EventLog, open_log
from experiments.models import Phase, StickyAssignment
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import started
from tests.api.people import assigned, exposed, named, track
from tests.conftest import StoreUrls
from workers.queue import settle

pytestmark = pytest.mark.stores

LINK = """
mutation ($input: LinkIdentityInput!) {
  linkIdentity(input: $input) {
    ... on LinkIdentityPayload {
      linked conflict replayed
      kept { experimentKey variant metAnonymously held conflict }
    }
    ... on Error { code path }
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
async def edge(
    database: Database, settings: Settings, log: EventLog
) -> AsyncIterator[Edge]:
    """The edge with its log."""
    async with make_edge(database, settings, log=log) as edge:
        yield edge


async def _link(
    edge: Edge, anonymous: str, user: str, idempotency: str = "1", **headers: str
) -> dict[str, Any]:
    given = {"idempotencyKey": idempotency, "anonymousId": anonymous, "userId": user}
    response = await edge.client.post(
        "/graphql",
        json={"query": LINK, "variables": {"input": given}},
        headers={"x-api-key": edge.tenant.admin} | headers,
    )
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    return dict(answer["data"]["linkIdentity"])


async def _sticky(edge: Edge) -> list[tuple[str, str, str, str]]:
    async with edge.database.readers() as session:
        found = await session.exec(
            select(StickyAssignment).order_by(col(StickyAssignment.subject_id))
        )
        return [
            (row.kind.value, row.subject_id, row.variant_key, row.exposed_id)
            for row in found.all()
            if row.variant_key is not None
        ]


async def test_a_user_keeps_what_the_visitor_met(edge: Edge) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    user = await named(edge, "short")
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    answer = await _link(edge, visitor, user)
    assert answer == {
        "linked": True,
        "conflict": False,
        "replayed": False,
        "kept": [
            {
                "experimentKey": "short-form",
                "variant": "long",
                "metAnonymously": True,
                "held": True,
                "conflict": False,
            }
        ],
    }
    assert await _sticky(edge) == [("USER", user, "long", visitor)]
    for subject in ({}, {"anonymousId": visitor}, {"anonymousId": "new-browser"}):
        served = await assigned(edge, userId=user, **subject)
        assert (served["variant"], served["reason"]) == ("long", "IDENTITY_LINK")
        assert served["inExperiment"] is True
    again = await _link(edge, visitor, user)
    assert again == {**answer, "replayed": True}


async def test_nothing_is_written_where_the_answers_agree(edge: Edge) -> None:
    await started(edge)
    visitor, user = await named(edge, "long", "anonymousId"), await named(edge, "long")
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    (kept,) = (await _link(edge, visitor, user))["kept"]
    assert (kept["variant"], kept["held"]) == ("long", False)
    assert await _sticky(edge) == []


async def test_nothing_is_kept_of_what_was_never_recorded(edge: Edge) -> None:
    await started(edge)
    answer = await _link(edge, "visitor", "user")
    assert (answer["linked"], answer["kept"]) == (True, [])
    assert await _sticky(edge) == []


async def test_an_earlier_exposure_of_the_user_serves_both(edge: Edge) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    user = await named(edge, "short")
    await exposed(edge, "x-1", "short", userId=user)
    await exposed(edge, "x-2", "long", anonymousId=visitor)
    (kept,) = (await _link(edge, visitor, user))["kept"]
    assert (kept["variant"], kept["metAnonymously"]) == ("short", False)
    assert kept["conflict"] is True
    assert await _sticky(edge) == [("ANONYMOUS", visitor, "short", user)]
    assert (await assigned(edge, anonymousId=visitor))["variant"] == "short"


async def test_an_id_outside_of_the_coverage_is_let_in(edge: Edge) -> None:
    await started(edge, coverage=0.0001)
    await exposed(edge, "x-1", "short", anonymousId="visitor")
    await _link(edge, "visitor", "somebody")
    assert {text for _, text, *_ in await _sticky(edge)} == {"visitor", "somebody"}
    for subject in ({"userId": "somebody"}, {"anonymousId": "visitor"}):
        served = await assigned(edge, **subject)
        assert (served["variant"], served["inExperiment"]) == ("short", True)


async def test_the_first_user_has_the_visitor(edge: Edge) -> None:
    await started(edge)
    await exposed(edge, "x-1", "long", anonymousId="visitor")
    assert (await _link(edge, "visitor", "ann", "1"))["linked"] is True
    before = await _sticky(edge)
    answer = await _link(edge, "visitor", "bob", "2")
    assert (answer["linked"], answer["conflict"]) == (False, True)
    assert answer["kept"] == []
    assert await _sticky(edge) == before
    known = await _link(edge, "visitor", "ann", "3")
    assert (known["linked"], known["conflict"]) == (True, False)
    shown = (await edge.client.get("/metrics")).text
    for outcome in ("linked", "known", "conflict"):
        assert f'hone_identity_links_total{{outcome="{outcome}"}} 1.0' in shown


async def test_the_log_learns_of_a_link_and_it_is_stamped(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    await _link(edge, "visitor", "ann")
    assert await log.count(edge.tenant.environment.id) == 1
    await settle(edge.database, log, settings)
    assert await log.count(edge.tenant.environment.id) == 1
    async with edge.database.readers() as session:
        (row,) = (await session.exec(select(IdentityLink).order_by("id"))).all()
    assert row.settled_at is not None


async def test_the_analysis_counts_the_person_once(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    user = await named(edge, "short")
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    await _link(edge, visitor, user)
    served = (await assigned(edge, userId=user))["variant"]
    await exposed(edge, "x-2", served, userId=user)
    await settle(edge.database, log, settings)
    async with edge.database.readers() as session:
        phase_id = (await session.exec(select(Phase.id))).one()
    state = await log.phase_state(phase_id)
    assert state.exposed == state.joined == {"long": 1, "short": 0}
    assert state.linked == state.conflicts == {"long": 0, "short": 0}
    assert state == await log.recompute(phase_id)


@pytest.mark.parametrize("name", ["$identify", "visited"])
async def test_a_link_learned_from_an_event_is_settled_by_the_task(
    edge: Edge, log: EventLog, settings: Settings, name: str
) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    user = await named(edge, "short")
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    both = {"userId": user, "anonymousId": visitor}
    await track(edge, {"eventId": "l-1", "name": name, "subject": both})
    await settle(edge.database, log, settings)
    assert await _sticky(edge) == [("USER", user, "long", visitor)]


async def test_conflicts_in_events_are_counted_and_move_nothing(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    for number, user in enumerate(["ann", "ann", "bob"]):
        both = {"userId": user, "anonymousId": "visitor"}
        await track(edge, {"eventId": f"l-{number}", "name": "visit", "subject": both})
    shown = (await edge.client.get("/metrics")).text
    assert 'hone_identity_links_total{outcome="conflict"} 1.0' in shown
    assert 'hone_identity_links_total{outcome="linked"} 1.0' in shown
    async with edge.database.readers() as session:
        (row,) = (await session.exec(select(IdentityLink).order_by("id"))).all()
    assert (row.user_id, row.logged) == ("ann", True)
    await settle(edge.database, log, settings)
    assert await log.count(edge.tenant.environment.id) == 3


async def test_a_visitors_exposure_that_comes_late_is_kept_as_well(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    user = await named(edge, "short")
    await _link(edge, visitor, user)
    await settle(edge.database, log, settings)
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    await settle(edge.database, log, settings)
    assert await _sticky(edge) == [("USER", user, "long", visitor)]


async def test_another_visitor_of_the_user_keeps_the_first_variant_too(
    edge: Edge,
) -> None:
    await started(edge)
    first = await named(edge, "long", "anonymousId")
    second = await named(edge, "short", "anonymousId")
    user = await named(edge, "short")
    await exposed(edge, "x-1", "long", anonymousId=first)
    await _link(edge, first, user, "1")
    await exposed(edge, "x-2", "short", anonymousId=second)
    (kept,) = (await _link(edge, second, user, "2"))["kept"]
    assert (kept["variant"], kept["conflict"]) == ("long", True)
    assert sorted(await _sticky(edge)) == [
        ("ANONYMOUS", second, "long", first),
        ("USER", user, "long", first),
    ]


async def test_a_link_that_is_taken_over_takes_its_variant_along(
    edge: Edge, log: EventLog, settings: Settings
) -> None:
    await started(edge)
    visitor = await named(edge, "long", "anonymousId")
    ann = await named(edge, "short")
    bob = await named(edge, "short", start=int(ann[1:]) + 1)
    await exposed(edge, "x-1", "long", anonymousId=visitor)
    await _link(edge, visitor, ann)
    earlier = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    both = {"userId": bob, "anonymousId": visitor}
    event = {"eventId": "l", "name": "$identify", "subject": both, "at": earlier}
    await track(edge, event)
    await settle(edge.database, log, settings)
    assert await _sticky(edge) == [("USER", bob, "long", visitor)]


async def test_every_user_of_an_account_has_the_accounts_variant(edge: Edge) -> None:
    await started(edge, unit="ACCOUNT")
    visitor = {"anonymousId": "visitor", "accountId": "acme"}
    first = await assigned(edge, **visitor)
    await exposed(edge, "x-1", first["variant"], **visitor)
    assert (await _link(edge, "visitor", "ann"))["kept"] == []
    for user in ("ann", "bob", "cid", "dan", "eve"):
        assert await assigned(edge, userId=user, accountId="acme") == first
    assert (await assigned(edge, userId="ann"))["inExperiment"] is False
    others = {
        (await assigned(edge, userId="ann", accountId=f"a{number}"))["variant"]
        for number in range(20)
    }
    assert others == {"long", "short"}


async def test_a_browser_links_only_whom_the_token_names(edge: Edge) -> None:
    await started(edge)
    client = {"x-api-key": edge.tenant.client}
    refused = await _link(edge, "visitor", "ann", **client)
    assert refused["code"] == "FORBIDDEN"
    soon = datetime.now(UTC) + timedelta(hours=1)
    async with edge.database.readers() as session:
        environment = await session.get_one(
            type(edge.tenant.environment), edge.tenant.environment.id
        )
    token = sign(environment.subject_secret, SignedSubject("ann", None, soon))
    signed = client | {"x-hone-subject": token}
    assert (await _link(edge, "visitor", "ann", **signed))["linked"] is True
    other = await _link(edge, "visitor", "bob", "2", **signed)
    assert other["code"] == "FORBIDDEN"


async def test_ids_have_bounds(edge: Edge) -> None:
    refused = await _link(edge, "", "ann")
    assert (refused["code"], refused["path"]) == ("BAD_INPUT", ["anonymousId"])
    refused = await _link(edge, "x", "a" * 201)
    assert (refused["code"], refused["path"]) == ("BAD_INPUT", ["userId"])
