"""Delivery rows -> signed webhooks; slow receivers do not hold up the others."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy.exc import SQLAlchemyError

from core import clock, delivery
from core.outbound import AddressRefused
from core.webhooks import Message, Outcome, sign
from workers.context import TaskContext

logger = logging.getLogger("hone.workers")

BATCH = 64
MOST_AT_ONCE = 256
ROUND_SECONDS = 0.5
"""How long a round waits for its receivers before it goes on without them."""


async def run(context: TaskContext) -> int:
    """Claim what is due, at most one message an endpoint, and send it."""
    room = min(BATCH, MOST_AT_ONCE - len(context.sending))
    if room <= 0:
        await asyncio.wait(context.sending, return_when=asyncio.FIRST_COMPLETED)
        return 1
    patience = timedelta(seconds=context.settings.outbound_timeout_seconds)
    lease = patience + delivery.LEASE_MARGIN
    async with context.database.sessions.begin() as session:
        messages = await delivery.claim(session, limit=room, lease=lease)
        at = await clock.now(session)
    started = {asyncio.create_task(_send(context, m, at)) for m in messages}
    context.sending.update(started)
    for task in started:
        task.add_done_callback(context.sending.discard)
    if started:
        await asyncio.wait(started, timeout=ROUND_SECONDS)
    return len(messages)


async def _send(context: TaskContext, message: Message, at: datetime) -> None:
    outcome = await _attempt(context, message, at)
    try:
        async with context.database.sessions.begin() as session:
            counted = await delivery.settle(session, message, outcome)
    except (SQLAlchemyError, OSError):
        # The lease runs out and the message goes once more, under the same id.
        logger.exception("Delivery %s could not be marked", message.delivery_id)
        return
    if not counted:
        logger.warning("Delivery %s was taken over", message.delivery_id)
    elif not outcome.accepted:
        logger.info("Delivery %s: %s", message.delivery_id, outcome)
    context.queue.nudge("send_deliveries")


async def _attempt(context: TaskContext, message: Message, at: datetime) -> Outcome:
    try:
        answer = await context.http.post(
            message.url, body=message.body, headers=sign(message, at.astimezone(UTC))
        )
    except (AddressRefused, httpx.HTTPError, TimeoutError) as error:
        return Outcome(None, error=type(error).__name__)
    return Outcome(answer.status, retry_after=answer.retry_after)
