"""Taking the look, publishing snapshots and accepting invalid ones."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from core import audit
from core.audit import Actor
from core.clock import now as database_now
from core.database import AsyncSession, is_sqlite
from experiments.analysis import queries
from experiments.analysis.errors import (
    AlreadyAcknowledged,
    NothingToAcknowledge,
    SnapshotUnknown,
)
from experiments.analysis.looks import waiting_for
from experiments.analysis.models import Acknowledgement, CurrentSnapshot, Snapshot
from experiments.analysis.results import Outcome
from experiments.analysis.rows import Inputs, inputs_hash, look_rows, snapshot_row
from experiments.design import PhaseDesign
from experiments.errors import ReasonMissing
from experiments.events.state import PhaseState

_LOST_RACES = 4
_SHOWN = (
    "snapshot_id",
    "position",
    "watermark",
    "backlog",
    "last_event_at",
    "refreshed_at",
)


async def analyse(
    session: AsyncSession,
    *,
    design: PhaseDesign,
    state: PhaseState,
    experiment_id: UUID,
    project_id: UUID,
    now: datetime,
) -> Snapshot:
    """Publish what a phase's state says; the same inputs give the same snapshot row.

    Takes the phase's one look when it is due. Before it a snapshot holds counts and
    checks; after it, the effect is the one of the look's own state, whatever the state
    became since. Two workers at once publish one row: the loser of a race reads what
    the winner wrote.
    """
    inputs = Inputs(project_id, experiment_id, design, state, now)
    for _ in range(_LOST_RACES):
        with suppress(IntegrityError):
            async with session.begin_nested():
                return await _publish(session, inputs)
    return await _publish(session, inputs)


async def acknowledge(
    session: AsyncSession,
    *,
    project_id: UUID,
    snapshot_id: UUID,
    actor: Actor,
    reason: str,
) -> Acknowledgement:
    """Accept that a phase's INVALID results are shown; they stay INVALID.

    Raises:
        ReasonMissing: The reason is blank.
        SnapshotUnknown: There is no such snapshot in the project.
        NothingToAcknowledge: The snapshot is not INVALID.
        AlreadyAcknowledged: The phase's results were accepted before.
    """
    if not reason.strip():
        raise ReasonMissing
    snapshot = await session.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.project_id != project_id:
        raise SnapshotUnknown(path=("snapshotId",))
    if snapshot.recommendation is not Outcome.INVALID:
        raise NothingToAcknowledge
    accepted = Acknowledgement(
        project_id=project_id,
        phase_id=snapshot.phase_id,
        snapshot_id=snapshot.id,
        reason=reason.strip(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        at=await database_now(session),
    )
    try:
        async with session.begin_nested():
            session.add(accepted)
    except IntegrityError as error:
        raise AlreadyAcknowledged from error
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        environment_id=snapshot.environment_id,
        action="results.acknowledge",
        subject="Snapshot",
        subject_id=snapshot.id,
        after={"recommendation": snapshot.recommendation.value},
        reason=accepted.reason,
    )
    return accepted


async def _publish(session: AsyncSession, inputs: Inputs) -> Snapshot:
    looks = await queries.looks_of(session, inputs.design.phase_id)
    waiting = None if looks else waiting_for(inputs.design, inputs.state)
    if not looks and waiting is None:
        looks = look_rows(inputs)
        session.add_all(looks)
    phase_id = inputs.design.phase_id
    digest = inputs_hash(inputs, looks, waiting)
    snapshot = await _by_hash(session, phase_id, digest)
    if snapshot is None:
        number = await _last_number(session, phase_id) + 1
        snapshot = snapshot_row(inputs, looks, waiting, number=number)
        session.add(snapshot)
        await session.flush()
    await _show(session, snapshot, inputs)
    return snapshot


async def _by_hash(
    session: AsyncSession, phase_id: UUID, digest: str
) -> Snapshot | None:
    found = await session.exec(
        select(Snapshot).where(
            Snapshot.phase_id == phase_id, col(Snapshot.inputs_hash) == digest
        )
    )
    return found.first()


async def _last_number(session: AsyncSession, phase_id: UUID) -> int:
    found = await session.exec(
        select(func.max(Snapshot.number)).where(Snapshot.phase_id == phase_id)
    )
    return found.one() or 0


async def _show(session: AsyncSession, snapshot: Snapshot, inputs: Inputs) -> None:
    """Let the phase show this snapshot, with the freshness of the inputs just read.

    One statement, so that of two workers the one with the older state changes nothing.
    """
    state = inputs.state
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = insert(CurrentSnapshot).values(
        phase_id=snapshot.phase_id,
        experiment_id=snapshot.experiment_id,
        snapshot_id=snapshot.id,
        position=state.position,
        watermark=state.watermark,
        backlog=state.backlog,
        last_event_at=state.last_event_at,
        refreshed_at=inputs.now,
    )
    shown = tuple_(col(CurrentSnapshot.watermark), col(CurrentSnapshot.position))
    fresh = tuple_(statement.excluded.watermark, statement.excluded.position)
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["phase_id"],
            set_={name: statement.excluded[name] for name in _SHOWN},
            where=shown <= fresh,
        )
    )
