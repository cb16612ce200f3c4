"""Events in: everything to the log, then what it took of subjects to the facts."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from api.composed.assignments import is_trusted, variants_met
from api.context import Context
from core import subjects
from core.clock import now
from core.links import Link, compared, settled_among, unsettle
from core.reach import is_unreachable
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

_log = logging.getLogger("hone.ingestion")

TOLD_AT_ONCE = 500
"""Events whose subjects one transaction locks."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)

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
        await _remember(context, [o for o in receipt.kept if o.event.name in _TELLING])
    await _notice(context, receipt.kept)
    if receipt.accepted:
        context.services.queue.nudge("fold_events")
    return receipt


def _asked(event: NewEvent) -> tuple[str, int | None, SubjectContext]:
    subject = SubjectContext(
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        account_id=event.account_id,
        attributes=dict(event.properties),
    )
    return event.experiment_key or "", event.phase, subject


async def _remember(context: Context, kept: Sequence[Kept]) -> None:
    """Keep what the log's events say of subjects; a repeat says the same again.

    So a crash in between loses nothing: the caller, not answered, sends it again.
    """
    if not kept:
        return
    telling = [one for one in kept if one.event.name in _TELLING]
    linking = [one for one in kept if one.event.user_id and one.event.anonymous_id]
    environment_id = context.caller.environment_id
    async with context.readers() as session:
        received = await now(session)
        links = [_link(one, received) for one in linking]
        found = await compared(session, environment_id, links)
    for start in range(0, max(len(telling), len(found.news)), TOLD_AT_ONCE):
        part = slice(start, start + TOLD_AT_ONCE)
        told = _told(telling[part], found.news[part], received)
        async with context.sessions.begin() as session:
            await subjects.remember(session, environment_id, told)
    context.services.measures.linked("conflict", found.conflicts)
    context.services.measures.linked("linked", len(found.news))
    if found.news:
        context.services.queue.nudge("settle_links")


async def _notice(context: Context, kept: Sequence[Kept]) -> None:
    """What events say beside what they are: with both ids, that the two are linked.

    With the database away they are taken all the same: it will be said again.
    """
    others = [one for one in kept if one.event.name not in _TELLING]
    linking = [one for one in others if one.event.user_id and one.event.anonymous_id]
    if context.database.reach.is_away:
        return
    try:
        if is_trusted(context):
            await _remember(context, linking)
        await _reopen(context, others)
    except Exception as error:
        if not is_unreachable(error):
            raise
        _log.warning("The links of %d events were not noticed", len(linking))


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


def _link(one: Kept, received: datetime) -> Link:
    """A user and an anonymous id on one event are a link."""
    at = _said_at(one, received) or received
    return Link(one.event.anonymous_id or "", one.event.user_id or "", at)


def _told(telling: Sequence[Kept], links: Sequence[Link], received: datetime) -> Told:
    """What the events say, each as of its own instant.

    Of a repeat without one it is not known when it was said: it tells what nobody
    has told since, and no membership.
    """
    statements: list[Statement] = []
    joins: list[Join] = []
    for one in telling:
        event, at = one.event, _said_at(one, received)
        if event.name == IDENTIFY:
            kind, external_id = _most_specific(event)
            statements.append(
                Statement(kind, external_id, event.properties, at or LONG_AGO, event.id)
            )
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
