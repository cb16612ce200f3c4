"""How a mutation runs: one transaction, one claim on its key, and typed refusals."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Protocol, TypeVar

import strawberry
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.context import Context, Info
from api.graphql.errors import Refusal, member_for
from api.graphql.scalars import show_instant
from core.audit import Actor
from core.database import AsyncSession, is_sqlite
from core.idempotency import (
    ClaimKey,
    ClaimTaken,
    IdempotencyClaim,
    claim,
    input_hash,
    stored_result,
)
from core.problems import Problem

PATIENCE_SECONDS = 2.0
_RETRY_SECONDS = 0.05
_LOCK_NOT_AVAILABLE = "55P03"
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Of such there may be thousands in an input."""

Payload = TypeVar("Payload")
Ids = dict[str, str]
Work = Callable[[AsyncSession], Awaitable[Ids]]
Rebuild = Callable[[AsyncSession, Ids, bool], Awaitable[Payload]]


class Once:
    """A secret between the write and its first answer; stored in no claim."""

    text: str | None = None


class WriteInput(Protocol):
    """What every mutation's input has."""

    idempotency_key: strawberry.ID


async def perform(
    info: Info,
    input: WriteInput,
    *,
    operation: str,
    work: Work,
    rebuild: Rebuild[Payload],
    nudges: tuple[str, ...] = (),
) -> Payload | Refusal:
    """Do a write once, or answer what it came to when it was done before.

    `work` makes the change in the open transaction and returns the ids to store with
    the claim; `rebuild` reads the payload from them, now and at every replay. After
    the commit the tasks named in `nudges` are woken.
    """
    context = info.context
    key = ClaimKey(
        environment_id=context.caller.environment_id,
        actor=actor_name(context.actor),
        operation=operation,
        key=str(input.idempotency_key),
    )
    digest = input_hash(canonical(input))
    try:
        ids, replayed = await _patiently(context, key, digest, work)
    except Problem as problem:
        return member_for(problem)
    for task in nudges if not replayed else ():
        context.services.queue.nudge(task)
    async with context.readers() as session:
        return await rebuild(session, ids, replayed)


def actor_name(actor: Actor) -> str:
    """Who holds a claim: two actors may use the same key for different things."""
    return f"{actor.kind.value}:{actor.id}"


def canonical(value: Any) -> Any:
    """An input as plain JSON for its hash; what was not sent is not there."""
    if value.__class__ in _PLAIN:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {
            name: canonical(item)
            for name, item in pairs
            if item is not strawberry.UNSET and name != "idempotency_key"
        }
    if isinstance(value, Mapping | list | tuple):
        return _each_canonical(value)
    if isinstance(value, strawberry.Some):
        # A null that was sent is not the same as nothing sent.
        return [canonical(value.value)]
    if isinstance(value, Enum):
        return value.name
    return _shown(value) if isinstance(value, date) else value


def _each_canonical(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> Any:
    if isinstance(value, Mapping):
        return {
            str(name): item if item.__class__ in _PLAIN else canonical(item)
            for name, item in value.items()
        }
    return [item if item.__class__ in _PLAIN else canonical(item) for item in value]


def _shown(value: date) -> str:
    return show_instant(value) if isinstance(value, datetime) else value.isoformat()


async def _patiently(
    context: Context, key: ClaimKey, digest: str, work: Work
) -> tuple[Ids, bool]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while True:
        try:
            return await _once(context, key, digest, work)
        except ClaimTaken:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(_RETRY_SECONDS)


async def _once(
    context: Context, key: ClaimKey, digest: str, work: Work
) -> tuple[Ids, bool]:
    async with context.sessions.begin() as session:
        stored = await stored_result(session, key, digest)
        if stored is not None:
            return stored, True
        row = await _claimed(session, key, digest)
        ids = await work(session)
        row.result = ids
        session.add(row)
    return ids, False


async def _claimed(
    session: AsyncSession, key: ClaimKey, digest: str
) -> IdempotencyClaim:
    """Claim the key, waiting a bounded time for a request that holds it."""
    if is_sqlite(session):
        return await claim(session, key, digest)
    connection = await session.connection()
    patience = f"{int(PATIENCE_SECONDS * 1000)}ms"
    await connection.execute(text(f"SET LOCAL lock_timeout = '{patience}'"))
    try:
        row = await claim(session, key, digest)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise ClaimTaken(
            "A request with this idempotency key is in progress.",
            path=("idempotencyKey",),
        ) from error
    await connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    return row
