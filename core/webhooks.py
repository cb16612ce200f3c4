"""Signed webhooks: the message, its signature, and when to try again. No database."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from standardwebhooks import Webhook

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
LONGEST_WAIT = timedelta(hours=24)
GONE = 410

_chance = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A claimed delivery, ready to be sent outside the transaction."""

    delivery_id: UUID
    endpoint_id: UUID
    attempt: int
    url: str
    secret: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: a status, or why there is none."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    """A signing secret in the form that webhook libraries read."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def sign(message: Message, at: datetime) -> dict[str, str]:
    """The headers that let the receiver verify the body, its id and its instant."""
    delivery_id = str(message.delivery_id)
    # The library reads a datetime as wall-clock UTC, whatever zone it carries.
    signature = Webhook(message.secret).sign(delivery_id, at, message.body.decode())
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


def wait_after(failures: int) -> timedelta | None:
    """The pause before the next attempt, with jitter; None when there is none."""
    if failures >= len(RETRIES):
        return None
    return RETRIES[failures] * _chance.uniform(1.0, 1.0 + JITTER)


def asked_wait(retry_after: str | None, at: datetime) -> timedelta:
    """The pause that a Retry-After header asks for, at most a day."""
    if retry_after is None:
        return timedelta(0)
    try:
        asked = (
            timedelta(seconds=int(retry_after))
            if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 8
            else parsedate_to_datetime(retry_after) - at
        )
    except (ValueError, TypeError):
        return timedelta(0)
    return min(max(asked, timedelta(0)), LONGEST_WAIT)
