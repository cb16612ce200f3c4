"""What leaves the system: a row first, sent at least once under one id, then marked."""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, and_, delete, exists, or_, text
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import (
    AsyncSession,
    enum_column,
    json_column,
    skip_locked,
    utc_column,
)
from core.ids import new_id
from core.problems import Conflict, NotFound
from core.webhooks import (
    GONE,
    Message,
    Outcome,
    asked_wait,
    new_secret,
    wait_after,
)

LEASE_MARGIN = timedelta(seconds=10)
"""How much longer than a receiver's time an endpoint is leased.

Past the lease another worker may send the same id.
"""
KEPT = timedelta(days=35)
"""How long a message that arrived is remembered."""


class DeliveryStatus(StrEnum):
    """PENDING until a receiver took it; DEAD after the last retry, until replayed."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


class Endpoint(SQLModel, table=True):
    """A receiver of signed webhooks. One request at a time is under way to it."""

    __tablename__ = "endpoint"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    url: str = Field(max_length=2048)
    secret: str = Field(max_length=64)
    kinds: list[str] = json_column()
    enabled: bool = True
    busy_until: datetime | None = utc_column(default=None)
    created_at: datetime = utc_column()


class Delivery(SQLModel, table=True):
    """One message to one endpoint; its id is the webhook-id of every attempt.

    `attempts` only grows and fences off a worker whose lease ran out; `failures`
    counts since the message was written or last replayed.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "source_id", "kind"),
        Index(
            "ix_delivery_pending",
            "endpoint_id",
            "run_at",
            sqlite_where=text("status = 'PENDING'"),
            postgresql_where=text("status = 'PENDING'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    endpoint_id: UUID = Field(foreign_key="endpoint.id")
    source_id: UUID
    kind: str = Field(max_length=80)
    payload: dict[str, Any] = json_column()
    status: DeliveryStatus = enum_column(DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts: int = 0
    failures: int = 0
    run_at: datetime = utc_column()
    last_status: int | None = None
    last_error: str | None = Field(default=None, max_length=200)
    created_at: datetime = utc_column()
    delivered_at: datetime | None = utc_column(default=None)


class NotDead(Conflict):
    """Only a dead delivery can be replayed."""

    code = "NOT_DEAD"


async def register(
    session: AsyncSession, *, project_id: UUID, url: str, kinds: list[str]
) -> Endpoint:
    """Add a receiver with a secret of its own. The caller has checked the URL."""
    endpoint = Endpoint(
        project_id=project_id,
        url=url,
        secret=new_secret(),
        kinds=sorted(set(kinds)),
        created_at=await now(session),
    )
    session.add(endpoint)
    await session.flush()
    return endpoint


async def set_enabled(
    session: AsyncSession, *, project_id: UUID, endpoint_id: UUID, enabled: bool
) -> Endpoint:
    """Turn a receiver on or off; what waits for it waits on.

    Raises:
        NotFound: The project has no such receiver.
    """
    endpoint = await session.get(Endpoint, endpoint_id)
    if endpoint is None or endpoint.project_id != project_id:
        raise NotFound("The endpoint")
    endpoint.enabled = enabled
    session.add(endpoint)
    await session.flush()
    return endpoint


async def enqueue(
    session: AsyncSession,
    *,
    project_id: UUID,
    kind: str,
    source_id: UUID,
    payload: dict[str, Any],
) -> int:
    """Write one delivery for each endpoint that listens, in the change's transaction.

    Doing it again for the same source and kind adds nothing; returns how many it did.
    """
    endpoints = await session.exec(
        select(Endpoint).where(
            Endpoint.project_id == project_id, col(Endpoint.enabled).is_(True)
        )
    )
    written = await session.exec(
        select(Delivery.endpoint_id).where(
            Delivery.project_id == project_id,
            Delivery.source_id == source_id,
            Delivery.kind == kind,
        )
    )
    there = set(written.all())
    at = await now(session)
    added = [
        Delivery(
            project_id=project_id,
            endpoint_id=endpoint.id,
            source_id=source_id,
            kind=kind,
            payload=payload,
            run_at=at,
            created_at=at,
        )
        for endpoint in endpoints.all()
        if kind in endpoint.kinds and endpoint.id not in there
    ]
    session.add_all(added)
    await session.flush()
    return len(added)


async def claim(
    session: AsyncSession, *, limit: int, lease: timedelta
) -> list[Message]:
    """Lease up to `limit` endpoints that have something due; the oldest of each.

    The lease is longer than sending may take: see `LEASE_MARGIN`.
    """
    at = await now(session)
    due = and_(
        col(Delivery.status) == DeliveryStatus.PENDING, col(Delivery.run_at) <= at
    )
    free = or_(col(Endpoint.busy_until).is_(None), col(Endpoint.busy_until) <= at)
    found = await session.exec(
        skip_locked(
            select(Endpoint)
            .where(
                col(Endpoint.enabled).is_(True),
                free,
                exists().where(col(Delivery.endpoint_id) == col(Endpoint.id), due),
            )
            .limit(limit),
            session,
        )
    )
    claimed = []
    for endpoint in found.all():
        oldest = await session.exec(
            select(Delivery)
            .where(Delivery.endpoint_id == endpoint.id, due)
            .order_by(col(Delivery.run_at), col(Delivery.id))
            .limit(1)
        )
        delivery = oldest.first()
        if delivery is None:
            continue
        delivery.attempts += 1
        endpoint.busy_until = at + lease
        session.add_all([delivery, endpoint])
        claimed.append(_message(delivery, endpoint))
    await session.flush()
    return claimed


async def settle(session: AsyncSession, message: Message, outcome: Outcome) -> bool:
    """Write down what came of an attempt; says whether this attempt still counted.

    A worker whose lease ran out finds that a later attempt has begun. That the
    receiver took the message still counts then; that it did not changes nothing.
    Rows are locked in the order in which `claim` locks them: the endpoint first.
    """
    at = await now(session)
    endpoints = await session.exec(
        select(Endpoint).where(Endpoint.id == message.endpoint_id).with_for_update()
    )
    endpoint = endpoints.one()
    found = await session.exec(
        select(Delivery)
        .where(
            Delivery.id == message.delivery_id,
            Delivery.status == DeliveryStatus.PENDING,
        )
        .with_for_update()
    )
    delivery = found.first()
    if delivery is None:
        return False
    latest = delivery.attempts == message.attempt
    if not (latest or outcome.accepted):
        return False
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    if outcome.accepted:
        delivery.status, delivery.delivered_at = DeliveryStatus.DELIVERED, at
    else:
        wait = None if outcome.status == GONE else wait_after(delivery.failures)
        delivery.failures += 1
        if wait is None:
            delivery.status = DeliveryStatus.DEAD
        else:
            delivery.run_at = at + max(wait, asked_wait(outcome.retry_after, at))
    if latest:
        endpoint.busy_until = None
    if outcome.status == GONE:
        endpoint.enabled = False
    session.add_all([delivery, endpoint])
    await session.flush()
    return True


async def replay(
    session: AsyncSession, *, project_id: UUID, delivery_id: UUID
) -> Delivery:
    """Send a dead message again from the first retry, under its old id.

    Raises:
        NotFound: The project has no such delivery.
        NotDead: It is on its way, or has arrived.
    """
    found = await session.exec(
        select(Delivery)
        .where(Delivery.id == delivery_id, Delivery.project_id == project_id)
        .with_for_update()
    )
    delivery = found.first()
    if delivery is None:
        raise NotFound("The delivery")
    if delivery.status is not DeliveryStatus.DEAD:
        raise NotDead(f"The delivery is {delivery.status}.")
    delivery.status, delivery.failures = DeliveryStatus.PENDING, 0
    delivery.run_at = await now(session)
    session.add(delivery)
    await session.flush()
    return delivery


async def forget_delivered(session: AsyncSession, *, limit: int) -> int:
    """Drop one batch of messages that arrived long ago; returns how many."""
    before = await now(session) - KEPT
    old = (
        select(Delivery.id)
        .where(
            Delivery.status == DeliveryStatus.DELIVERED,
            col(Delivery.delivered_at) < before,
        )
        .limit(limit)
    )
    dropped = await session.exec(delete(Delivery).where(col(Delivery.id).in_(old)))
    return dropped.rowcount


def _message(delivery: Delivery, endpoint: Endpoint) -> Message:
    body = {
        "type": delivery.kind,
        "timestamp": delivery.created_at.isoformat(),
        "data": delivery.payload,
    }
    return Message(
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        attempt=delivery.attempts,
        url=endpoint.url,
        secret=endpoint.secret,
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
    )
