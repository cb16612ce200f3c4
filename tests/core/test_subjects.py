"""Subjects, links, memberships, displays and schedule slots."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlmodel import select

from core import displays, schedules, subjects
from core.clock import now
from core.database import Database, Sessions
from core.links import IdentityLink, Link
from core.problems import Invalid
from core.subjects import (
    Join,
    Membership,
    Statement,
    Subject,
    SubjectContext,
    SubjectKind,
    Told,
)
from tests.conftest import StoreUrls, Tenant

pytestmark = pytest.mark.stores

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_traits_merge_and_null_removes(
    sessions: Sessions, tenant: Tenant
) -> None:
    for traits in ({"plan": "free", "role": "admin"}, {"plan": "pro", "role": None}):
        async with sessions.begin() as session:
            await subjects.identify(
                session,
                environment_id=tenant.environment_id,
                kind=SubjectKind.USER,
                external_id="u1",
                traits=traits,
            )
    async with sessions() as session:
        found = await subjects.stored_traits(
            session, tenant.environment_id, SubjectContext(user_id="u1")
        )
    assert found == {"plan": "pro"}


async def test_a_persons_traits_stand_over_the_accounts(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        for kind, external_id, traits in (
            (SubjectKind.ACCOUNT, "a1", {"plan": "free", "size": 10}),
            (SubjectKind.USER, "u1", {"plan": "pro"}),
        ):
            await subjects.identify(
                session,
                environment_id=tenant.environment_id,
                kind=kind,
                external_id=external_id,
                traits=traits,
            )
    context = SubjectContext(user_id="u1", account_id="a1", attributes={"role": "x"})
    async with sessions() as session:
        stored = await subjects.stored_traits(session, tenant.environment_id, context)
    assert context.rule_attributes(stored) == {
        "plan": "pro",
        "size": 10,
        "role": "x",
        "id": "u1",
        "accountId": "a1",
    }


@pytest.mark.parametrize("stored_first", [False, True])
def test_nothing_said_of_a_subject_goes_by_an_ids_name(stored_first: bool) -> None:
    claims = {"id": "u9", "anonymousId": "x9", "accountId": "a9"}
    context = SubjectContext(anonymous_id="x1", attributes={**claims, "plan": "sent"})
    seen = context.rule_attributes(
        {**claims, "plan": "stored"}, stored_first=stored_first
    )
    plan = "stored" if stored_first else "sent"
    assert seen == {"anonymousId": "x1", "plan": plan}


async def test_an_empty_id_is_refused(sessions: Sessions, tenant: Tenant) -> None:
    with pytest.raises(Invalid):
        async with sessions.begin() as session:
            await subjects.identify(
                session,
                environment_id=tenant.environment_id,
                kind=SubjectKind.USER,
                external_id="",
                traits={},
            )


def said(plan: str | None, at: datetime, event_id: str = "e") -> Statement:
    return Statement(SubjectKind.USER, "u1", {"plan": plan}, at, event_id)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_the_newest_statement_stands_in_whatever_order_they_come(
    sessions: Sessions, tenant: Tenant, order: tuple[int, ...]
) -> None:
    later = NOON + timedelta(milliseconds=1)
    told = [
        said("free", NOON),
        said(None, later, "a"),
        said("pro", later, "b"),
        said("team", NOON, "z"),
    ]
    for number in (*order, *order):
        async with sessions.begin() as session:
            await subjects.remember(
                session, tenant.environment_id, Told([told[number]])
            )
    async with sessions() as session:
        found = await subjects.stored_traits(
            session, tenant.environment_id, SubjectContext(user_id="u1")
        )
    assert found == {"plan": "pro"}


async def test_a_removed_trait_does_not_come_back_with_an_older_statement(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        told = Told([said(None, NOON)])
        await subjects.remember(session, tenant.environment_id, told)
    async with sessions.begin() as session:
        told = Told([said("free", NOON - timedelta(days=1))])
        await subjects.remember(session, tenant.environment_id, told)
    async with sessions() as session:
        found = await subjects.stored_traits(
            session, tenant.environment_id, SubjectContext(user_id="u1")
        )
    assert found == {}


async def test_what_is_remembered_of_removed_traits_is_bounded(
    sessions: Sessions, tenant: Tenant
) -> None:
    for turn in range(3):
        traits = {f"k{turn}-{number}": None for number in range(90)}
        async with sessions.begin() as session:
            row = await subjects.identify(
                session,
                environment_id=tenant.environment_id,
                kind=SubjectKind.USER,
                external_id="u1",
                traits=traits,
            )
    assert len(row.traits_at) == 100


async def test_a_visitor_belongs_to_the_first_user(
    sessions: Sessions, tenant: Tenant
) -> None:
    owners: list[str] = []
    for user, hours in (("u2", 2), ("u3", 3), ("u1", 1)):
        link = Link("anon", user, NOON + timedelta(hours=hours))
        async with sessions.begin() as session:
            await subjects.remember(session, tenant.environment_id, Told(links=[link]))
            owners += (await session.exec(select(IdentityLink.user_id))).all()
    assert owners == ["u2", "u2", "u1"]


async def test_a_membership_is_kept_once(sessions: Sessions, tenant: Tenant) -> None:
    joins = [Join("u1", "a2", NOON), Join("u1", "a1", NOON), Join("u1", "a2", NOON)]
    for _ in range(2):
        async with sessions.begin() as session:
            await subjects.remember(session, tenant.environment_id, Told(joins=joins))
    async with sessions() as session:
        rows = (await session.exec(select(Membership).order_by("id"))).all()
    assert sorted(row.account_id for row in rows) == ["a1", "a2"]


async def test_crowds_that_name_subjects_in_opposite_orders_wait_for_nobody(
    sessions: Sessions, tenant: Tenant
) -> None:
    async def tell(turn: int) -> None:
        told = [
            Statement(kind, f"s{number}", {f"k{turn}": turn}, NOON, str(turn))
            for number in range(20)
            for kind in SubjectKind
        ]
        async with sessions.begin() as session:
            ordered = told if turn % 2 else told[::-1]
            await subjects.remember(session, tenant.environment_id, Told(ordered))

    await asyncio.gather(*(tell(turn) for turn in range(12)))
    async with sessions() as session:
        rows = (await session.exec(select(Subject).order_by("id"))).all()
    assert len(rows) == 60
    assert all(row.traits == {f"k{turn}": turn for turn in range(12)} for row in rows)


async def test_fifty_tabs_claim_one_showing(sessions: Sessions, tenant: Tenant) -> None:
    async def claim() -> bool:
        async with sessions.begin() as session:
            return await displays.claim(
                session,
                environment_id=tenant.environment_id,
                subject="u1",
                clock="survey:nps",
                every=timedelta(days=90),
            )

    assert sum(await asyncio.gather(*(claim() for _ in range(50)))) == 1


async def test_a_showing_may_be_claimed_again_after_its_time(
    sessions: Sessions, tenant: Tenant, store_urls: StoreUrls
) -> None:
    async def claim(factory: Sessions) -> bool:
        async with factory.begin() as session:
            return await displays.claim(
                session,
                environment_id=tenant.environment_id,
                subject="u1",
                clock="survey:nps",
                every=timedelta(days=90),
            )

    async with sessions() as session:
        later = await now(session) + timedelta(days=91)
    future = Database(store_urls.facts, clock=lambda: later)
    assert [await claim(sessions), await claim(sessions)] == [True, False]
    assert await claim(future.sessions)
    await future.dispose()


async def test_a_slot_is_taken_once(sessions: Sessions) -> None:
    async def take() -> bool:
        async with sessions.begin() as session:
            return await schedules.take(session, name="nightly", slot=NOON)

    assert sum(await asyncio.gather(*(take() for _ in range(8)))) == 1


async def test_a_heartbeat_moves_forward(sessions: Sessions) -> None:
    for _ in range(2):
        async with sessions.begin() as session:
            await schedules.beat(session, ["sweep"])
    async with sessions() as session:
        beats = await schedules.heartbeats(session)
        assert abs(beats["sweep"] - await now(session)) < timedelta(minutes=1)


async def test_a_namesake_of_another_kind_lends_no_traits(
    sessions: Sessions, tenant: Tenant
) -> None:
    told = Told(
        [
            Statement(SubjectKind.ACCOUNT, "n1", {"size": 10}, NOON),
            Statement(SubjectKind.USER, "n2", {"plan": "pro"}, NOON),
        ]
    )
    async with sessions.begin() as session:
        await subjects.remember(session, tenant.environment_id, told)
        found = await subjects.traits_of(
            session,
            tenant.environment_id,
            [SubjectContext(user_id="n1", account_id="n2"), SubjectContext("n2")],
        )
    assert found == [{}, {"plan": "pro"}]
