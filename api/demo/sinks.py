"""Where the demo's events go: into the log itself, or to the server that holds it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from api.imports.client import Client
from experiments.events.log import EventLog, NewEvent, Status

BATCH_ID = "demo-history"
HTTP_BATCH = 5_000
POLL_SECONDS = 0.5


class Sink(Protocol):
    """Takes events; those that it has already stay as they are."""

    async def known(self) -> int:
        """How many events are there at least."""

    async def take(self, events: Sequence[NewEvent]) -> None:
        """Store events durably.

        Raises:
            ValueError: An event was refused.
        """

    async def settled(self) -> None:
        """Return when nobody is still counting what was taken."""


class LogSink:
    """The event log, opened by this process."""

    def __init__(self, log: EventLog, environment_id: UUID) -> None:
        self._log = log
        self._environment_id = environment_id

    async def known(self) -> int:
        """What the log counts."""
        return await self._log.count(self._environment_id)

    async def take(self, events: Sequence[NewEvent]) -> None:
        """Append them as an import, which may be of any age."""
        verdicts = await self._log.append(
            self._environment_id, events, batch_id=BATCH_ID
        )
        for verdict in verdicts:
            if verdict.status is Status.REJECTED:
                raise ValueError(f"{verdict.code}: {verdict.message}")

    async def settled(self) -> None:
        """Return at once: nobody else has the log open."""


class ServerSink:
    """A running server, whose log no other process may open."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def known(self) -> int:
        """Nothing is known from outside: repeats are counted as duplicates."""
        return 0

    async def take(self, events: Sequence[NewEvent]) -> None:
        """Send them as an import, in requests of a bounded size."""
        for first in range(0, len(events), HTTP_BATCH):
            batch = [wire_form(one) for one in events[first : first + HTTP_BATCH]]
            answer = await self._client.send(batch, batch_id=BATCH_ID)
            for verdict in answer["rejected"]:
                raise ValueError(f"{verdict['code']}: {verdict['message']}")

    async def settled(self) -> None:
        """Wait until the server has folded everything."""
        backlog = await self._client.backlog()
        while backlog:
            await asyncio.sleep(POLL_SECONDS)
            backlog = await self._client.backlog()


def wire_form(event: NewEvent) -> dict[str, Any]:
    """An event as the events endpoint takes it; what is absent is left out."""
    at = None if event.occurred_at is None else event.occurred_at.isoformat()
    whole = {
        "id": event.id,
        "name": event.name,
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "accountId": event.account_id,
        "at": at,
        "value": None if event.value is None else str(event.value),
        "properties": dict(event.properties) or None,
        "experimentKey": event.experiment_key,
        "variantKey": event.variant_key,
    }
    return {name: value for name, value in whole.items() if value is not None}
