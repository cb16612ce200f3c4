"""Webhooks: who is told what happens here, and what became of each message."""

from datetime import datetime

import strawberry
from sqlmodel import col, select

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.scalars import JSON
from api.pagination import DEFAULT_PAGE, MAX_PAGE, Order, paged
from api.policies import Policy, policed
from core.database import AsyncSession
from core.delivery import Delivery, DeliveryStatus, Endpoint

_OPERATE = {"policy": Policy.OPERATE}
_NEWEST = Order("delivery.created", Delivery.created_at, Delivery.id, datetime)

strawberry.enum(
    DeliveryStatus,
    description="PENDING until a receiver took it; DEAD after the last retry.",
)


@policed(Policy.OPERATE)
@strawberry.type(description="A receiver of signed webhooks (Standard Webhooks).")
class WebhookEndpoint:
    """An endpoint without its secret."""

    id: strawberry.ID = strawberry.field(description="The endpoint's id.")
    url: str = strawberry.field(description="Where messages are sent.")
    kinds: list[str] = strawberry.field(description="What it is told of.")
    enabled: bool = strawberry.field(
        description="Whether it is told; an answer of 410 turns it off."
    )
    created_at: datetime = strawberry.field(description="When it was added.")

    @classmethod
    def of(cls, row: Endpoint) -> "WebhookEndpoint":
        """From a row."""
        return cls(
            id=global_id("WebhookEndpoint", row.id),
            url=row.url,
            kinds=row.kinds,
            enabled=row.enabled,
            created_at=row.created_at,
        )


@policed(Policy.OPERATE)
@strawberry.type(description="One message to one endpoint, sent at least once.")
class WebhookDelivery:
    """A delivery; its id is the webhook-id of every attempt."""

    id: strawberry.ID = strawberry.field(description="The delivery's id.")
    message_id: str = strawberry.field(description="The `webhook-id` it is sent under.")
    endpoint_id: strawberry.ID = strawberry.field(description="The receiver's id.")
    kind: str = strawberry.field(description="What it tells.")
    payload: JSON = strawberry.field(description="The `data` of its body.")
    status: DeliveryStatus = strawberry.field(description="What became of it.")
    attempts: int = strawberry.field(description="How often it was sent.")
    last_status: int | None = strawberry.field(description="The last HTTP status.")
    last_error: str | None = strawberry.field(description="Why the last try failed.")
    created_at: datetime = strawberry.field(description="When it was written.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is sent next; null once it is settled."
    )
    delivered_at: datetime | None = strawberry.field(description="When it arrived.")

    @classmethod
    def of(cls, row: Delivery) -> "WebhookDelivery":
        """From a row."""
        pending = row.status is DeliveryStatus.PENDING
        return cls(
            id=global_id("WebhookDelivery", row.id),
            message_id=str(row.id),
            endpoint_id=global_id("WebhookEndpoint", row.endpoint_id),
            kind=row.kind,
            payload=JSON(row.payload),
            status=row.status,
            attempts=row.attempts,
            last_status=row.last_status,
            last_error=row.last_error,
            created_at=row.created_at,
            next_attempt_at=row.run_at if pending else None,
            delivered_at=row.delivered_at,
        )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata=_OPERATE, description="Who is told, newest first; at most 200."
    )
    async def webhook_endpoints(self, info: Info) -> list[WebhookEndpoint]:
        """The project's receivers."""
        async with info.context.readers() as session:
            rows = await _endpoints(session, info.context)
        return [WebhookEndpoint.of(row) for row in rows]

    @strawberry.field(
        metadata=_OPERATE, description="Messages to receivers, newest first."
    )
    async def webhook_deliveries(
        self,
        info: Info,
        status: list[DeliveryStatus] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[WebhookDelivery]:
        """One page of the project's messages."""
        statement = select(Delivery).where(
            Delivery.project_id == info.context.caller.project_id
        )
        if status is not None:
            statement = statement.where(col(Delivery.status).in_(status))
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, WebhookDelivery.of)


async def _endpoints(session: AsyncSession, context: Context) -> list[Endpoint]:
    found = await session.exec(
        select(Endpoint)
        .where(Endpoint.project_id == context.caller.project_id)
        .order_by(col(Endpoint.id).desc())
        .limit(MAX_PAGE)
    )
    return list(found.all())
