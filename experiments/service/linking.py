"""Settle links: what an id had met before is kept for the ids linked to it.

It reads both stores and no transaction spans them. Done again, it comes to the same;
what is recorded in between is seen by the next time.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession, Database, is_sqlite
from core.ids import new_id
from core.links import IdentityLink, links_of
from core.subjects import SubjectKey, SubjectKind
from experiments.design import UnitKind
from experiments.events.log import (
    IDENTIFY,
    Began,
    EventLog,
    NewEvent,
    RecordedExposure,
    Status,
)
from experiments.freezing import design_of
from experiments.keeping import Kept, Split, kept
from experiments.lifecycle import SERVED
from experiments.models import Experiment, Phase, PhaseKind, StickyAssignment
from experiments.service.publishing import touch_links

logger = logging.getLogger(__name__)

MOST_IDS = 100
"""Anonymous ids of one user that are looked at, the oldest."""
IMPORT = "identity-links"
"""Named as an import, so that a link that waited long is not too old for the log."""

Person = tuple[SubjectKey, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a link came to."""

    link_id: UUID
    kept: tuple[Kept, ...]
    """One for each running phase that an id of the person was exposed in."""


async def settle(
    database: Database, log: EventLog, links: Sequence[IdentityLink]
) -> list[Settled]:
    """Let the log know of the links, and keep what their ids had met."""
    settled: list[Settled] = []
    by_environment = sorted(links, key=lambda link: link.environment_id)
    for environment_id, group in groupby(
        by_environment, key=lambda link: link.environment_id
    ):
        settled += await _settle(database, log, environment_id, list(group))
    return settled


async def _settle(
    database: Database,
    log: EventLog,
    environment_id: UUID,
    links: Sequence[IdentityLink],
) -> list[Settled]:
    await _tell(log, environment_id, [link for link in links if not link.logged])
    async with database.readers() as session:
        running = await _running(session, environment_id)
        persons = await _persons(session, environment_id, links)
    met = await log.first_exposures(
        environment_id,
        {text for person in persons.values() for _, text in person},
        {key: began for key, (_, began) in running.items()},
    )
    phases = {running[one.experiment_key][0] for one in met}
    async with database.readers() as session:
        splits = await _splits(session, phases)
    found = {user: _kept(person, met, splits) for user, person in persons.items()}
    await _write(database, environment_id, links, persons, found)
    return [Settled(link.id, found[link.user_id]) for link in links]


def _kept(
    person: Person, met: Sequence[RecordedExposure], splits: Sequence[Split]
) -> tuple[Kept, ...]:
    standing = (kept(split, person, met) for split in splits)
    return tuple(one for one in standing if one is not None)


async def _tell(
    log: EventLog, environment_id: UUID, links: Sequence[IdentityLink]
) -> None:
    """Append links under their own ids: there a link is an event with both ids."""
    events = [
        NewEvent(
            id=str(link.id),
            name=IDENTIFY,
            user_id=link.user_id,
            anonymous_id=link.anonymous_id,
            occurred_at=link.linked_at,
        )
        for link in links
    ]
    for verdict in await log.append(environment_id, events, batch_id=IMPORT):
        if verdict.status is Status.REJECTED:
            # It would be refused again: served by, and not analysed.
            logger.warning("Link %s is no event: %s", verdict.id, verdict.code)


async def _running(
    session: AsyncSession, environment_id: UUID
) -> Mapping[str, tuple[UUID, Began]]:
    """Phases that are served and hash persons, by their experiment's key."""
    found = await session.exec(
        select(Experiment.key, Phase.id, Phase.number, Phase.started_at)
        .where(
            col(Phase.experiment_id) == Experiment.id,
            Phase.environment_id == environment_id,
            col(Experiment.status).in_(SERVED),
            Experiment.unit == UnitKind.USER,
            col(Phase.imported).is_(False),
            col(Phase.ended_at).is_(None),
            Phase.kind == PhaseKind.RANDOMISED,
        )
        .order_by(col(Phase.number))
    )
    return {
        key: (phase_id, Began(number, at)) for key, phase_id, number, at in found.all()
    }


async def _persons(
    session: AsyncSession, environment_id: UUID, links: Sequence[IdentityLink]
) -> Mapping[str, Person]:
    """By user, all ids: the user's own and the anonymous ones linked to it."""
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for link in links:
        names[link.user_id][link.anonymous_id] = None
    for link in await links_of(session, environment_id, names):
        if len(names[link.user_id]) < MOST_IDS:
            names[link.user_id][link.anonymous_id] = None
    return {
        user: (
            (SubjectKind.USER, user),
            *((SubjectKind.ANONYMOUS, name) for name in anonymous),
        )
        for user, anonymous in names.items()
    }


async def _splits(session: AsyncSession, phase_ids: Collection[UUID]) -> list[Split]:
    found = await session.exec(
        select(Phase).where(col(Phase.id).in_(phase_ids)).order_by(col(Phase.id))
    )
    return [Split.of(design_of(phase)) for phase in found.all()]


async def _write(
    database: Database,
    environment_id: UUID,
    links: Sequence[IdentityLink],
    persons: Mapping[str, Person],
    found: Mapping[str, tuple[Kept, ...]],
) -> None:
    """Bring the persons' rows to what is kept; most often nothing changes.

    The count comes first: it lets no two writers wait for each other's rows.
    """
    async with database.sessions() as session:
        revision = await touch_links(session, environment_id)
        changed = await _forget_lost(session, environment_id, links, revision)
        at = await now(session)
        for user, person in persons.items():
            for one in found[user]:
                changed |= await _keep(
                    session, environment_id, person, one, at=at, revision=revision
                )
        if changed:
            await session.commit()


async def _forget_lost(
    session: AsyncSession,
    environment_id: UUID,
    links: Sequence[IdentityLink],
    revision: int,
) -> bool:
    """Drop what a user kept of an anonymous id that belongs to another one now."""
    owners = {link.anonymous_id: link.user_id for link in links}
    found = await session.exec(
        select(StickyAssignment).where(
            StickyAssignment.environment_id == environment_id,
            StickyAssignment.kind == SubjectKind.USER,
            col(StickyAssignment.variant_key).is_not(None),
            col(StickyAssignment.exposed_id).in_(owners),
            col(StickyAssignment.exposed_id) != col(StickyAssignment.subject_id),
        )
    )
    lost = [row for row in found.all() if owners[row.exposed_id] != row.subject_id]
    for row in lost:
        row.variant_key, row.revision = None, revision
    return bool(lost)


async def _keep(
    session: AsyncSession,
    environment_id: UUID,
    person: Person,
    one: Kept,
    *,
    at: datetime,
    revision: int,
) -> bool:
    found = await session.exec(
        select(StickyAssignment)
        .where(
            StickyAssignment.phase_id == one.phase_id,
            col(StickyAssignment.subject_id).in_({text for _, text in person}),
        )
        .order_by(col(StickyAssignment.id))
        .with_for_update()
    )
    rows = {(row.kind, row.subject_id): row for row in found.all()}
    idle = [
        rows[key]
        for key in person
        if key in rows and key not in one.needing and rows[key].variant_key is not None
    ]
    for row in idle:
        row.variant_key, row.revision = None, revision
    lacking = [
        key
        for key in person
        if key in one.needing
        and (key not in rows or rows[key].variant_key != one.first.variant_key)
    ]
    if lacking:
        await _put(session, environment_id, lacking, one, at=at, revision=revision)
    return bool(idle or lacking)


async def _put(
    session: AsyncSession,
    environment_id: UUID,
    keys: Sequence[SubjectKey],
    one: Kept,
    *,
    at: datetime,
    revision: int,
) -> None:
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = insert(StickyAssignment)
    moved = ("variant_key", "revision", "exposed_id", "exposed_at")
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["phase_id", "kind", "subject_id"],
            set_={name: statement.excluded[name] for name in moved},
        ),
        [
            {
                "id": new_id(),
                "environment_id": environment_id,
                "phase_id": one.phase_id,
                "kind": kind,
                "subject_id": text,
                "variant_key": one.first.variant_key,
                "revision": revision,
                "exposed_id": one.first.id,
                "exposed_at": one.first.occurred_at,
                "created_at": at,
            }
            for kind, text in sorted(keys)
        ],
    )
