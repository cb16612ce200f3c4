"""What every task works with."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field

from core.database import Database
from core.outbound import Outbound
from core.settings import Settings
from experiments.events.log import EventLog
from workers.wakes import Queue


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The stores, the way out and the settings of one worker process."""

    database: Database
    log: EventLog
    settings: Settings
    queue: Queue
    http: Outbound
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    """Messages on their way to slow receivers, so that a round need not wait."""
    memory: dict[str, Hashable] = field(default_factory=dict)
    """What a task saw in its last round; only ever a reason to do less."""


def outbound(settings: Settings) -> Outbound:
    """The guarded way out, as the operator set it up."""
    return Outbound(
        allowed=settings.outbound_allow, timeout=settings.outbound_timeout_seconds
    )
