"""Each write happens once: a claim on its key, stored with what came of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, json_column, utc_column
from core.ids import new_id
from core.problems import Conflict, Invalid

KEPT_DAYS = 35
_MAX_KEY = 200


class IdempotencyClaim(SQLModel, table=True):
    """The key of one write with the hash of its input and its stored result."""

    __tablename__ = "idempotency_claim"
    __table_args__ = (UniqueConstraint("environment_id", "actor", "operation", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    actor: str = Field(max_length=80)
    operation: str = Field(max_length=80)
    key: str = Field(max_length=_MAX_KEY)
    input_hash: str = Field(max_length=64)
    result: dict[str, Any] | None = json_column(default=None)
    created_at: datetime = utc_column(index=True)


class IdempotencyConflict(Conflict):
    """The key was used before with another input."""

    code = "IDEMPOTENCY_CONFLICT"


class ClaimTaken(Conflict):
    """Another request holds the claim at this moment."""

    code = "IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """What makes a write the same write."""

    environment_id: UUID
    actor: str
    operation: str
    key: str


def input_hash(value: object) -> str:
    """SHA-256 of the canonical JSON of an input."""
    canonical = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


async def stored_result(
    session: AsyncSession, claim: ClaimKey, digest: str
) -> dict[str, Any] | None:
    """What this write came to when it was made before, or None.

    Raises:
        IdempotencyConflict: It was made before with another input.
    """
    found = await session.exec(
        select(IdempotencyClaim).where(
            IdempotencyClaim.environment_id == claim.environment_id,
            IdempotencyClaim.actor == claim.actor,
            IdempotencyClaim.operation == claim.operation,
            IdempotencyClaim.key == claim.key,
        )
    )
    row = found.first()
    if row is None:
        return None
    if row.input_hash != digest:
        raise IdempotencyConflict(
            "This idempotency key was used with another input.",
            path=("idempotencyKey",),
        )
    return row.result


def check_key(key: str) -> None:
    """Refuse a key that no claim can have, also where none is made.

    Raises:
        Invalid: It is empty or too long.
    """
    if not 0 < len(key) <= _MAX_KEY:
        raise Invalid(
            f"An idempotency key has 1 to {_MAX_KEY} characters.",
            path=("idempotencyKey",),
        )


async def claim(session: AsyncSession, key: ClaimKey, digest: str) -> IdempotencyClaim:
    """Hold the key for the rest of this transaction.

    On PostgreSQL a second claim waits here until the first one's transaction ends.

    Raises:
        ClaimTaken: The key was claimed while this request was on its way.
        Invalid: The key is empty or too long.
    """
    check_key(key.key)
    row = IdempotencyClaim(
        environment_id=key.environment_id,
        actor=key.actor,
        operation=key.operation,
        key=key.key,
        input_hash=digest,
        created_at=await now(session),
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise ClaimTaken(
            "A request with this idempotency key is in progress.",
            path=("idempotencyKey",),
        ) from error
    return row


async def forget_old(session: AsyncSession, *, limit: int) -> int:
    """Drop one batch of claims past their 35 days; returns how many."""
    before = await now(session) - timedelta(days=KEPT_DAYS)
    old = (
        select(IdempotencyClaim.id)
        .where(IdempotencyClaim.created_at < before)
        .limit(limit)
    )
    dropped = await session.exec(
        delete(IdempotencyClaim).where(col(IdempotencyClaim.id).in_(old))
    )
    return dropped.rowcount
