"""Changes to webhooks: add a receiver, turn it on or off, send a message again."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal, member_for
from api.graphql.ids import local_id
from api.graphql.perform import Ids, Once, perform
from api.graphql.webhooks import WebhookDelivery, WebhookEndpoint
from api.policies import Policy, policed
from core import audit, delivery
from core.database import AsyncSession
from core.delivery import Delivery, Endpoint
from core.outbound import Outbound
from core.problems import Invalid, Problem
from feedback.backlog import ANNOUNCED

KINDS = frozenset({ANNOUNCED})
"""What a receiver can be told of."""

_ADMIN = {"policy": Policy.ADMIN}
_OPERATE = {"policy": Policy.OPERATE}


@strawberry.input(description="A receiver to add.")
class CreateWebhookEndpointInput:
    """What createWebhookEndpoint takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    url: str = strawberry.field(
        description="An http or https address that is not inside this network."
    )
    kinds: list[str] = strawberry.field(
        description="What to tell it: backlog_item.created."
    )


@policed(Policy.ADMIN)
@strawberry.type(description="The receiver that was added.")
class CreateWebhookEndpointPayload:
    """What createWebhookEndpoint answers."""

    endpoint: WebhookEndpoint = strawberry.field(description="The receiver.")
    secret: str | None = strawberry.field(
        description="What verifies its messages, shown this once; null in a replay."
    )
    replayed: bool = strawberry.field(description="Whether it had been added before.")


@strawberry.input(description="A receiver to turn on or off.")
class SetWebhookEndpointEnabledInput:
    """What setWebhookEndpointEnabled takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The endpoint's global id.")
    enabled: bool = strawberry.field(description="Whether to tell it.")


@policed(Policy.OPERATE)
@strawberry.type(description="The receiver as it is now.")
class SetWebhookEndpointEnabledPayload:
    """What setWebhookEndpointEnabled answers."""

    endpoint: WebhookEndpoint = strawberry.field(description="The receiver.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@strawberry.input(description="A dead message to send again.")
class ReplayWebhookDeliveryInput:
    """What replayWebhookDelivery takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The delivery's global id.")


@policed(Policy.OPERATE)
@strawberry.type(description="The message, due again under its old id.")
class ReplayWebhookDeliveryPayload:
    """What replayWebhookDelivery answers."""

    delivery: WebhookDelivery = strawberry.field(description="The message.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


CreateWebhookEndpointResult = Annotated[
    CreateWebhookEndpointPayload | Refusal,
    strawberry.union(
        "CreateWebhookEndpointResult", description="The receiver, or why not."
    ),
]
SetWebhookEndpointEnabledResult = Annotated[
    SetWebhookEndpointEnabledPayload | Refusal,
    strawberry.union(
        "SetWebhookEndpointEnabledResult", description="The receiver, or why not."
    ),
]
ReplayWebhookDeliveryResult = Annotated[
    ReplayWebhookDeliveryPayload | Refusal,
    strawberry.union(
        "ReplayWebhookDeliveryResult", description="The message, or why not."
    ),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_ADMIN, description="Add a receiver; its secret is shown once."
    )
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointResult:
        """One receiver with its audit row."""
        context, shown = info.context, Once()
        try:
            await _checked(context, input)
        except Problem as problem:
            return member_for(problem)

        async def work(session: AsyncSession) -> Ids:
            row = await delivery.register(
                session,
                project_id=context.caller.project_id,
                url=input.url,
                kinds=input.kinds,
            )
            await _record(session, context, "webhook_endpoint.create", row)
            shown.text = row.secret
            return {"endpoint": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> CreateWebhookEndpointPayload:
            row = await session.get_one(Endpoint, UUID(ids["endpoint"]))
            return CreateWebhookEndpointPayload(
                endpoint=WebhookEndpoint.of(row), secret=shown.text, replayed=replayed
            )

        return await perform(
            info, input, operation="createWebhookEndpoint", work=work, rebuild=rebuild
        )

    @strawberry.mutation(metadata=_OPERATE, description="Turn a receiver on or off.")
    async def set_webhook_endpoint_enabled(
        self, info: Info, input: SetWebhookEndpointEnabledInput
    ) -> SetWebhookEndpointEnabledResult:
        """What waits for it is sent once it is on again."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            row = await delivery.set_enabled(
                session,
                project_id=context.caller.project_id,
                endpoint_id=local_id(input.id, "WebhookEndpoint", path=("id",)),
                enabled=input.enabled,
            )
            await _record(session, context, "webhook_endpoint.enable", row)
            return {"endpoint": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> SetWebhookEndpointEnabledPayload:
            row = await session.get_one(Endpoint, UUID(ids["endpoint"]))
            return SetWebhookEndpointEnabledPayload(
                endpoint=WebhookEndpoint.of(row), replayed=replayed
            )

        return await perform(
            info,
            input,
            operation="setWebhookEndpointEnabled",
            work=work,
            rebuild=rebuild,
            nudges=("send_deliveries",),
        )

    @strawberry.mutation(
        metadata=_OPERATE, description="Send a dead message again under its old id."
    )
    async def replay_webhook_delivery(
        self, info: Info, input: ReplayWebhookDeliveryInput
    ) -> ReplayWebhookDeliveryResult:
        """From the first retry on."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            row = await delivery.replay(
                session,
                project_id=context.caller.project_id,
                delivery_id=local_id(input.id, "WebhookDelivery", path=("id",)),
            )
            return {"delivery": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> ReplayWebhookDeliveryPayload:
            row = await session.get_one(Delivery, UUID(ids["delivery"]))
            return ReplayWebhookDeliveryPayload(
                delivery=WebhookDelivery.of(row), replayed=replayed
            )

        return await perform(
            info,
            input,
            operation="replayWebhookDelivery",
            work=work,
            rebuild=rebuild,
            nudges=("send_deliveries",),
        )


async def _checked(context: Context, input: CreateWebhookEndpointInput) -> None:
    unknown = sorted(set(input.kinds) - KINDS)
    if unknown or not input.kinds:
        raise Invalid(
            f"A receiver is told of some of: {', '.join(sorted(KINDS))}.",
            path=("kinds",),
        )
    settings = context.settings
    async with Outbound(
        allowed=settings.outbound_allow, timeout=settings.outbound_timeout_seconds
    ) as way_out:
        await way_out.check(input.url)


async def _record(
    session: AsyncSession, context: Context, action: str, row: Endpoint
) -> None:
    await audit.record(
        session,
        actor=context.actor,
        project_id=context.caller.project_id,
        action=action,
        subject="WebhookEndpoint",
        subject_id=row.id,
        after={"url": row.url, "kinds": row.kinds, "enabled": row.enabled},
    )
