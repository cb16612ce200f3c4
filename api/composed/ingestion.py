"""Events in: everything to the log, then what it took of subjects to the facts."""

from collections.abc import Sequence
from datetime import UTC, datetime

from api.composed.assignments import is_trusted, variants_met
from api.context import Context
from core import subjects
from core.clock import now
from core.links import Link, settled_among, unknown, unsettle
from core.subjects import (
    Join,
    Statement,
    SubjectContext,
    SubjectKey,
    SubjectKind,
    Told,
)
from experiments.events.ingest import Kept, Receipt, Unreadable, ingest
from experiments.events.log import EXPOSURE, IDENTIFY, MEMBERSHIP, NewEvent
from experiments.events.validation import MAX_AHEAD

TOLD_AT_ONCE = 500
"""Events whose subjects one transaction locks."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
FAR_AHEAD = datetime.max.replace(tzinfo=UTC)

_TELLING = frozenset({IDENTIFY, MEMBERSHIP})


async def take_events(
    context: Context,
    items: Sequence[NewEvent | Unreadable],
    *,
    batch_id: str | None = None,
) -> Receipt:
    """Take one request's events and wake the fold.

    Raises:
        TooManyEvents: There are more than one request may carry.
    """

    async def variants(exposures: Sequence[NewEvent]) -> Sequence[str | None]:
        return await variants_met(context, [_asked(event) for event in exposures])

    receipt = await ingest(
        context.log,
        context.caller.environment_id,
        items,
        resolve=variants,
        batch_id=batch_id,
    )
    measures = context.services.measures
    measures.ingested("accepted", receipt.accepted)
    measures.ingested("duplicate", receipt.duplicates)
    measures.ingested("rejected", len(receipt.rejected))
    if is_trusted(context):
        await _remember(context, receipt.kept)
    await _reopen(context, receipt.kept)
    if receipt.accepted:
        context.services.queue.nudge("fold_events")
    return receipt


def _asked(event: NewEvent) -> tuple[str, SubjectContext]:
    subject = SubjectContext(
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        account_id=event.account_id,
        attributes=dict(event.properties),
    )
    return event.experiment_key or "", subject


async def _remember(context: Context, kept: Sequence[Kept]) -> None:
    """Keep what the log's events say of subjects; a repeat says the same again.

    So a crash in between loses nothing: the caller, not answered, sends it again.
    """
    telling = await _telling(context, kept)
    if not telling:
        return
    async with context.readers() as session:
        received = await now(session)
    for start in range(0, len(telling), TOLD_AT_ONCE):
        told = _told(telling[start : start + TOLD_AT_ONCE], received)
        async with context.sessions.begin() as session:
            await subjects.remember(session, context.caller.environment_id, told)
        changed = {said.subject for said in told.statements}
        context.services.traits.forget(context.caller.environment_id, *changed)
    context.services.queue.nudge("settle_links")


async def _telling(context: Context, kept: Sequence[Kept]) -> list[Kept]:
    """Events that say something of a subject that may not be on record."""
    pairs = [
        (one, Link(one.event.anonymous_id, one.event.user_id, said_at))
        for one in kept
        if one.event.name not in _TELLING
        and one.event.anonymous_id is not None
        and one.event.user_id is not None
        and (said_at := one.event.occurred_at or FAR_AHEAD)
    ]
    if not pairs:
        return [one for one in kept if one.event.name in _TELLING]
    async with context.readers() as session:
        news = await unknown(
            session, context.caller.environment_id, [link for _, link in pairs]
        )
    fresh = set(news)
    linking = {one.event.id for one, link in pairs if link in fresh}
    return [
        one for one in kept if one.event.name in _TELLING or one.event.id in linking
    ]


async def _reopen(context: Context, kept: Sequence[Kept]) -> None:
    """Have links settled again whose visitor's exposure came after they were."""
    visitors = {
        one.event.anonymous_id
        for one in kept
        if one.event.name == EXPOSURE
        and one.event.anonymous_id is not None
        and one.event.user_id is None
    }
    if not visitors:
        return
    async with context.readers() as session:
        found = await settled_among(session, context.caller.environment_id, visitors)
    if found:
        async with context.sessions.begin() as session:
            await unsettle(session, found)
        context.services.queue.nudge("settle_links")


def _told(telling: Sequence[Kept], received: datetime) -> Told:
    """What the events say, each as of its own instant.

    Of a repeat without one it is not known when it was said: it tells what nobody
    has told since, and no membership.
    """
    statements: list[Statement] = []
    links: list[Link] = []
    joins: list[Join] = []
    for one in telling:
        event, at = one.event, _said_at(one, received)
        if event.name == IDENTIFY:
            kind, external_id = _most_specific(event)
            statements.append(
                Statement(kind, external_id, event.properties, at or LONG_AGO, event.id)
            )
        if event.user_id is not None and event.anonymous_id is not None:
            links.append(Link(event.anonymous_id, event.user_id, at or received))
        if event.name not in _TELLING:
            continue
        if event.user_id is not None and event.account_id is not None and at:
            joins.append(Join(event.user_id, event.account_id, at))
    return Told(statements, links, joins)


def _said_at(one: Kept, received: datetime) -> datetime | None:
    """When the log has it; None for a repeat that was filed at its first receipt."""
    at = one.event.occurred_at
    if at is not None and at <= received + MAX_AHEAD:
        return at
    return None if one.repeated else received


def _most_specific(event: NewEvent) -> SubjectKey:
    if event.user_id is not None:
        return SubjectKind.USER, event.user_id
    if event.anonymous_id is not None:
        return SubjectKind.ANONYMOUS, event.anonymous_id
    return SubjectKind.ACCOUNT, event.account_id or ""
