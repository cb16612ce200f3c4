"""One subject's assignments, followed: what changed each time that something did."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from api.composed.assignments import assigned
from api.context import Context
from core.subjects import SubjectContext
from experiments.assignment.evaluator import Cause, Decision

Answer: TypeAlias = tuple[UUID, str, Cause] | None


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What a subject was given is no longer what it is given."""

    version: int
    etag: str
    keys: tuple[str, ...]
    """The experiments whose answer changed, came or went."""


async def invalidations(
    context: Context, subject: SubjectContext, held: str | None
) -> AsyncGenerator[Invalidation]:
    """Follow the definitions; silent while the subject is given the same.

    `held` is the etag of what the caller has. Where it is not that of what is given
    now, anything may have changed: the first answer comes at once, with every key.
    """
    known: Mapping[str, Answer] | None = None
    changes = context.services.definitions.changes(context.caller.environment_id)
    async with aclosing(changes):
        async for _ in changes:
            given = await assigned(context, subject, None)
            found = {
                key: _answer(decision) for key, decision in given.decisions.items()
            }
            if known is None:
                stale = held is not None and held != given.etag
                moved = tuple(sorted(found)) if stale else ()
            else:
                moved = _moved(known, found)
                stale = bool(moved)
            known = found
            if stale:
                yield Invalidation(given.version, given.etag, moved)


def _answer(decision: Decision | None) -> Answer:
    if decision is None:
        return None
    return decision.phase.definition.phase_id, decision.variant.key, decision.cause


def _moved(known: Mapping[str, Answer], found: Mapping[str, Answer]) -> tuple[str, ...]:
    return tuple(
        sorted(
            key
            for key in known.keys() | found.keys()
            if known.get(key) != found.get(key)
        )
    )
