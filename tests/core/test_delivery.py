"""A message is written once, sent by one worker at a time, and never forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import SQLModel, select

from core import delivery
from core.database import Database, Sessions
from core.delivery import KEPT, Delivery, DeliveryStatus, Endpoint, NotDead
from core.problems import NotFound
from core.tenancy import create_project
from core.webhooks import RETRIES, Message, Outcome
from tests.conftest import StoreUrls, Tenant

pytestmark = pytest.mark.stores

KIND = "backlog_item.created"
LEASE = timedelta(seconds=20)


@dataclass
class MovingClock:
    """The database clock of these tests."""

    at: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def database(
    store_urls: StoreUrls, clock: MovingClock
) -> AsyncIterator[Database]:
    database = Database(store_urls.facts, clock=clock)
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield database
    await database.dispose()


async def listen(sessions: Sessions, tenant: Tenant, *kinds: str) -> Endpoint:
    async with sessions.begin() as session:
        return await delivery.register(
            session,
            project_id=tenant.project_id,
            url="https://hooks.example/",
            kinds=list(kinds or (KIND,)),
        )


async def write(sessions: Sessions, tenant: Tenant, source: UUID | None = None) -> int:
    async with sessions.begin() as session:
        return await delivery.enqueue(
            session,
            project_id=tenant.project_id,
            kind=KIND,
            source_id=source or uuid4(),
            payload={"key": "BL-1"},
        )


async def take(sessions: Sessions, limit: int = 10) -> list[Message]:
    async with sessions.begin() as session:
        return await delivery.claim(session, limit=limit, lease=LEASE)


async def settle(sessions: Sessions, message: Message, outcome: Outcome) -> bool:
    async with sessions.begin() as session:
        return await delivery.settle(session, message, outcome)


async def the_delivery(sessions: Sessions) -> Delivery:
    async with sessions() as session:
        return (await session.exec(select(Delivery))).one()


async def test_one_source_is_written_once_for_each_listening_endpoint(
    sessions: Sessions, tenant: Tenant
) -> None:
    await listen(sessions, tenant)
    await listen(sessions, tenant)
    await listen(sessions, tenant, "something.else")
    source = uuid4()
    assert await write(sessions, tenant, source) == 2
    assert await write(sessions, tenant, source) == 0


async def test_another_projects_endpoint_hears_nothing(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        other, _ = await create_project(
            session, key="other", name="Other", secret="s" * 32
        )
        await delivery.register(
            session, project_id=other.id, url="https://x.example/", kinds=[KIND]
        )
    assert await write(sessions, tenant) == 0


async def test_an_endpoint_has_one_message_under_way(
    sessions: Sessions, tenant: Tenant
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    await write(sessions, tenant)
    first = await take(sessions)
    assert len(first) == 1
    assert await take(sessions) == []
    assert await settle(sessions, first[0], Outcome(200))
    second = await take(sessions)
    assert [m.delivery_id for m in second] != [m.delivery_id for m in first]


async def test_of_many_claims_at_once_one_gets_the_endpoint(
    sessions: Sessions, tenant: Tenant
) -> None:
    await listen(sessions, tenant)
    for _ in range(4):
        await write(sessions, tenant)
    claims = await asyncio.gather(*(take(sessions) for _ in range(8)))
    assert sum(len(claimed) for claimed in claims) == 1


async def test_a_lost_workers_message_is_taken_again_under_its_id(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    (lost,) = await take(sessions)
    clock.forward(LEASE)
    (again,) = await take(sessions)
    assert again.delivery_id == lost.delivery_id
    assert again.body == lost.body
    assert not await settle(sessions, lost, Outcome(500))
    assert await settle(sessions, again, Outcome(204))
    assert (await the_delivery(sessions)).status is DeliveryStatus.DELIVERED


async def test_a_receiver_slower_than_the_lease_is_believed_and_asked_no_more(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    (slow,) = await take(sessions)
    clock.forward(LEASE)
    (again,) = await take(sessions)
    assert await settle(sessions, slow, Outcome(200))
    assert (await the_delivery(sessions)).status is DeliveryStatus.DELIVERED
    assert not await settle(sessions, again, Outcome(503))
    clock.forward(timedelta(days=2))
    assert await take(sessions) == []


async def test_claims_and_settlements_of_one_endpoint_never_lock_each_other_out(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    for _ in range(6):
        await write(sessions, tenant)
    for _ in range(6):
        (message,) = await take(sessions)
        clock.forward(LEASE)
        await asyncio.gather(
            settle(sessions, message, Outcome(200)), take(sessions), take(sessions)
        )
        clock.forward(LEASE)


async def test_what_arrived_long_ago_is_forgotten_in_batches(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    for _ in range(4):
        await write(sessions, tenant)
    for _ in range(3):
        (message,) = await take(sessions)
        await settle(sessions, message, Outcome(200))

    async def forget() -> int:
        async with sessions.begin() as session:
            return await delivery.forget_delivered(session, limit=2)

    assert await forget() == 0
    clock.forward(KEPT + timedelta(seconds=1))
    assert [await forget(), await forget(), await forget()] == [2, 1, 0]
    assert (await the_delivery(sessions)).status is DeliveryStatus.PENDING


async def test_a_refused_message_waits_longer_each_time_and_dies_at_last(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    for pause in RETRIES:
        (message,) = await take(sessions)
        await settle(sessions, message, Outcome(503))
        clock.forward(pause - timedelta(seconds=1))
        assert await take(sessions) == []
        clock.forward(pause * 0.2 + timedelta(seconds=1))
    (last,) = await take(sessions)
    await settle(sessions, last, Outcome(None, error="ConnectError"))
    dead = await the_delivery(sessions)
    assert dead.status is DeliveryStatus.DEAD
    assert dead.attempts == len(RETRIES) + 1
    assert dead.last_error == "ConnectError"


async def test_retry_after_makes_the_pause_longer(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    (message,) = await take(sessions)
    await settle(sessions, message, Outcome(429, retry_after="600"))
    clock.forward(timedelta(seconds=599))
    assert await take(sessions) == []
    clock.forward(timedelta(seconds=1))
    assert len(await take(sessions)) == 1


async def test_gone_disables_the_endpoint(
    sessions: Sessions, tenant: Tenant, clock: MovingClock
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    await write(sessions, tenant)
    (message,) = await take(sessions)
    await settle(sessions, message, Outcome(410))
    clock.forward(timedelta(days=30))
    assert await take(sessions) == []
    assert await write(sessions, tenant) == 0
    async with sessions() as session:
        assert not (await session.exec(select(Endpoint))).one().enabled


async def test_a_dead_message_can_be_replayed_and_a_living_one_cannot(
    sessions: Sessions, tenant: Tenant
) -> None:
    endpoint = await listen(sessions, tenant)
    await write(sessions, tenant)
    (message,) = await take(sessions)
    async with sessions.begin() as session:
        with pytest.raises(NotDead):
            await delivery.replay(
                session, project_id=tenant.project_id, delivery_id=message.delivery_id
            )
    await settle(sessions, message, Outcome(410))
    async with sessions.begin() as session:
        row = await session.get_one(Endpoint, endpoint.id)
        row.enabled = True
        session.add(row)
        await delivery.replay(
            session, project_id=tenant.project_id, delivery_id=message.delivery_id
        )
    (again,) = await take(sessions)
    assert again.delivery_id == message.delivery_id
    assert again.attempt > message.attempt


async def test_a_delivery_of_another_project_is_not_found(
    sessions: Sessions, tenant: Tenant
) -> None:
    await listen(sessions, tenant)
    await write(sessions, tenant)
    (message,) = await take(sessions)
    async with sessions.begin() as session:
        with pytest.raises(NotFound):
            await delivery.replay(
                session, project_id=uuid4(), delivery_id=message.delivery_id
            )
