"""Hand events to the log whichever door they came through, and answer each of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from core.problems import Invalid
from experiments.events.log import EventLog, NewEvent, Status, Verdict
from experiments.events.validation import lacks_variant_only

MAX_ITEMS = 10_000
"""Events in one request."""

RESOLVED_AT_ONCE = 1_000

Resolve: TypeAlias = Callable[[Sequence[NewEvent]], Awaitable[Sequence[str | None]]]
"""The variant that each exposure's subject has, or None where it has none."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that is no event; its neighbours are still taken."""

    id: str
    message: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that the log holds."""

    event: NewEvent
    repeated: bool
    """Whether it was there before: what it says was perhaps not taken in then."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request's events."""

    accepted: int
    duplicates: int
    moved: int
    """Accepted, but dated too far ahead and moved to the moment of receipt."""
    rejected: tuple[Verdict, ...]
    """By index in the request."""
    kept: tuple[Kept, ...]
    verdicts: tuple[Verdict, ...]
    """Of what could be read, in the order of the request."""


class TooManyEvents(Invalid):
    """A request carries more events than one answer can cover."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} events; a request has at most {MAX_ITEMS}.",
            code="TOO_MANY_EVENTS",
            path=("input",),
        )


async def ingest(
    log: EventLog,
    environment_id: UUID,
    items: Sequence[NewEvent | Unreadable],
    *,
    resolve: Resolve,
    batch_id: str | None = None,
) -> Receipt:
    """Append what can be read, durably, and say what was not taken and why.

    An exposure that names no variant gets the one that its subject has.

    Raises:
        TooManyEvents: There are more than MAX_ITEMS.
    """
    if len(items) > MAX_ITEMS:
        raise TooManyEvents(len(items))
    rejected: list[Verdict] = []
    places: list[int] = []
    events: list[NewEvent] = []
    for index, item in enumerate(items):
        if isinstance(item, Unreadable):
            rejected.append(
                Verdict(index, item.id, Status.REJECTED, "BAD_EVENT", item.message)
            )
        else:
            places.append(index)
            events.append(item)
    events = await _with_variants(events, resolve)
    verdicts = await log.append(environment_id, events, batch_id=batch_id)
    placed = [
        replace(verdict, index=places[verdict.index])
        for verdict in verdicts
        if verdict.status is Status.REJECTED
    ]
    taken = [verdict for verdict in verdicts if verdict.status is Status.ACCEPTED]
    return Receipt(
        accepted=len(taken),
        duplicates=len(verdicts) - len(taken) - len(placed),
        moved=sum(verdict.code is not None for verdict in taken),
        rejected=tuple(sorted([*rejected, *placed], key=lambda verdict: verdict.index)),
        kept=tuple(
            Kept(event, repeated=verdict.status is Status.DUPLICATE)
            for event, verdict in zip(events, verdicts, strict=True)
            if verdict.status is not Status.REJECTED
        ),
        verdicts=tuple(verdicts),
    )


async def _with_variants(events: list[NewEvent], resolve: Resolve) -> list[NewEvent]:
    """The events, with their variants where exposures name none."""
    waiting = [place for place, event in enumerate(events) if lacks_variant_only(event)]
    for start in range(0, len(waiting), RESOLVED_AT_ONCE):
        part = waiting[start : start + RESOLVED_AT_ONCE]
        variants = await resolve([events[place] for place in part])
        for place, variant in zip(part, variants, strict=True):
            events[place] = replace(events[place], variant_key=variant)
    return events
