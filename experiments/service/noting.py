"""What people say before a launch, and what they let pass with a reason."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments import queries
from experiments.drafts import Draft
from experiments.errors import DesignFrozen, ItemNotWaivable, OutOfUse
from experiments.lifecycle import EDITABLE
from experiments.models import Experiment
from experiments.readiness.items import CHECKLIST, Item, ItemCode, ItemStatus
from experiments.readiness.models import LaunchNotes, LaunchWaiver
from experiments.readiness.situation import fingerprint
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.readying import readiness_now
from experiments.service.recording import record


@dataclass(frozen=True, slots=True)
class NoteChanges:
    """What to say: None leaves as it is, an empty text takes it back."""

    decider: str | None = None
    decision_date: date | None = None
    ethics: str | None = None
    identity: str | None = None
    support_briefed: str | None = None


async def note(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    expected_version: int,
    actor: Actor,
    changes: NoteChanges,
) -> LaunchNotes:
    """Write down what only people know. The first time the version is 0.

    Raises:
        DesignFrozen: It was launched.
        StaleVersion: Somebody changed the notes since.
    """
    experiment = await queries.experiment_by_id(
        session, project_id=project_id, experiment_id=experiment_id
    )
    _check_open(experiment)
    row = await session.get(LaunchNotes, experiment_id, with_for_update=True)
    known = 0 if row is None else row.version
    if known != expected_version:
        raise StaleVersion(known)
    at = await now(session)
    before = None if row is None else _facts(row)
    if row is None:
        row = LaunchNotes(experiment_id=experiment_id, updated_at=at)
    else:
        row.version, row.updated_at = row.version + 1, at
    for field in fields(NoteChanges):
        given = getattr(changes, field.name)
        if given is not None:
            setattr(row, field.name, _trimmed(given))
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise StaleVersion(1) from error
    await record(
        session,
        experiment,
        "experiment.note",
        actor=actor,
        before=before,
        after=_facts(row),
    )
    return row


async def waive(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    code: ItemCode,
    reason: str,
) -> LaunchWaiver:
    """Let an item of the checklist pass, for this draft.

    What was found by looking is waived only for the draft that was looked at.

    Raises:
        ReasonMissing: No reason was given.
        ItemNotWaivable: It holds, waits, or is what a start cannot do without.
        DesignFrozen: It was launched.
        StaleVersion: Somebody changed the experiment since.
    """
    reason = change.said(reason)
    experiment = await change.read(session, intent)
    _check_open(experiment)
    draft = await queries.draft_of(session, experiment)
    item = await _waivable(session, draft, environment_id, code)
    before = await _waiver(session, experiment.id, code)
    if before is not None:
        await session.delete(before)
        await session.flush()
    row = LaunchWaiver(
        experiment_id=experiment.id,
        code=code,
        reason=reason.strip(),
        actor_kind=intent.actor.kind,
        actor_name=intent.actor.name,
        design=fingerprint(draft),
        waived_at=await now(session),
    )
    session.add(row)
    await session.flush()
    await record(
        session,
        experiment,
        "experiment.waive",
        actor=intent.actor,
        before={"item": code, "status": item.status},
        after={"item": code, "status": ItemStatus.WAIVED},
        reason=row.reason,
    )
    return row


async def withdraw_waiver(
    session: AsyncSession,
    intent: Intent,
    *,
    code: ItemCode,
) -> None:
    """Let an item count again.

    Raises:
        OutOfUse: Nobody has waived it.
        DesignFrozen: It was launched.
        StaleVersion: Somebody changed the experiment since.
    """
    experiment = await change.read(session, intent)
    _check_open(experiment)
    row = await _waiver(session, experiment.id, code)
    if row is None:
        raise OutOfUse("Nobody has waived it.", path=("item",))
    await session.delete(row)
    await session.flush()
    await record(
        session,
        experiment,
        "experiment.withdraw_waiver",
        actor=intent.actor,
        before={"item": code, "waived_by": row.actor_name, "reason": row.reason},
        after={"item": code},
    )


def _check_open(experiment: Experiment) -> None:
    """Refuse what may no longer be prepared."""
    if experiment.status not in EDITABLE:
        raise DesignFrozen("It was launched; its checklist is what it was then.")


async def _waivable(
    session: AsyncSession, draft: Draft, environment_id: UUID, code: ItemCode
) -> Item:
    """The item as it stands, if somebody may let it pass.

    Raises:
        ItemNotWaivable: It holds, waits, or is what a start cannot do without.
    """
    readiness = await readiness_now(session, draft, environment_id)
    item = next(each for each in readiness.items if each.code is code)
    if not item.waivable:
        raise ItemNotWaivable(CHECKLIST[code].title, item.status)
    return item


async def _waiver(
    session: AsyncSession, experiment_id: UUID, code: ItemCode
) -> LaunchWaiver | None:
    found = await session.exec(
        select(LaunchWaiver).where(
            LaunchWaiver.experiment_id == experiment_id, col(LaunchWaiver.code) == code
        )
    )
    return found.first()


def _trimmed(value: str | date) -> str | date:
    return value.strip() if isinstance(value, str) else value


def _facts(row: LaunchNotes) -> dict[str, Any]:
    due = row.decision_date
    return {
        "decider": row.decider,
        "decision_date": due and due.isoformat(),
        "ethics": row.ethics,
        "identity": row.identity,
        "support_briefed": row.support_briefed,
        "version": row.version,
    }
