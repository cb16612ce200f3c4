"""The workers' door: all that the edge may know of background work."""

from core.settings import Settings
from workers.arrows import pauses
from workers.embedded import embedded
from workers.main import SeparateWorkerRefused, work
from workers.settling import settle
from workers.wakes import EmbeddedQueue, NullQueue, Queue, RedisQueue

__all__ = [
    "EmbeddedQueue",
    "NullQueue",
    "Queue",
    "RedisQueue",
    "SeparateWorkerRefused",
    "embedded",
    "pauses",
    "remote",
    "settle",
    "work",
]


def remote(settings: Settings) -> Queue:
    """The queue that wakes workers in other processes."""
    return RedisQueue(settings.redis_url) if settings.redis_url else NullQueue()
