"""Taking looks, publishing snapshots and accepting invalid ones."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import audit
from core.audit import Actor
from core.clock import now as database_now
from core.database import AsyncSession
from experiments.analysis import queries
from experiments.analysis.before import (
    Before,
    before_of,
    last_numbers,
    lines_of,
    snapshots_by_hash,
)
from experiments.analysis.errors import (
    AlreadyAcknowledged,
    NothingToAcknowledge,
    SnapshotUnknown,
)
from experiments.analysis.looks import DueLook, due_look, waiting_for
from experiments.analysis.memory import effects_key, remember, remembered
from experiments.analysis.models import Acknowledgement, HarmAlarm, Snapshot
from experiments.analysis.results import Alarm, MetricResult, Outcome
from experiments.analysis.rows import (
    Inputs,
    Said,
    alarm_of,
    alarm_rows,
    inputs_hash,
    line_of,
    look_rows,
    reach_of,
    snapshot_row,
    study_row,
)
from experiments.analysis.scorecard import looked_at
from experiments.analysis.series import Studied
from experiments.analysis.shown import show
from experiments.analysis.taken import Measured, Taken, needed
from experiments.design import PhaseDesign
from experiments.errors import ReasonMissing
from experiments.events.state import PhaseState
from experiments.events.study_slices import Slice

_LOST_RACES = 4


async def analyse(
    session: AsyncSession,
    *,
    design: PhaseDesign,
    state: PhaseState,
    experiment_id: UUID,
    project_id: UUID,
    now: datetime,
    cut: datetime | None = None,
    measured: Measured | None = None,
    studied: Studied | None = None,
    slices: Sequence[Slice] = (),
) -> Snapshot:
    """Publish what a phase's state says; the same inputs give the same snapshot row.

    Takes the look that is due. Before the first a snapshot holds counts and checks;
    after it, effects are those of the looks' own states, whatever the state became
    since. Two workers at once publish one row: the loser of a race reads what the
    winner wrote.

    Args:
        session: The caller's transaction.
        design: The frozen phase.
        state: Its state now.
        experiment_id: Whose phase it is.
        project_id: Whose experiment it is.
        now: The database's instant.
        cut: The scheduled instant that the state is at, if it is at one.
        measured: What was read from single units, for a look that needs it.
        studied: What studies of the log say beside a look that is due.
        slices: Units by what their exposures said, where the split warns.
    """
    inputs = Inputs(
        project_id,
        experiment_id,
        design,
        state,
        now,
        cut=cut,
        measured=measured or {},
        studied=studied,
        slices=tuple(slices),
    )
    for _ in range(_LOST_RACES):
        with suppress(IntegrityError):
            async with session.begin_nested():
                return await _publish_alone(session, inputs)
    return await _publish_alone(session, inputs)


async def analyse_many(
    session: AsyncSession, phases: Sequence[Inputs], *, looks: bool = False
) -> set[UUID]:
    """Publish what the states of many phases say, in fewer statements than one by one.

    Args:
        session: The caller's transaction.
        phases: What each analysis starts from.
        looks: Whether to take the looks that are due; else those phases are left.

    Returns:
        The phases that are done.

    Raises:
        IntegrityError: Another worker published some of it meanwhile; nothing is done.
    """
    found = await before_of(session, [each.design.phase_id for each in phases])
    ready, said, digests = dict[UUID, Before](), {}, {}
    for inputs in phases:
        phase_id, before = inputs.design.phase_id, found[inputs.design.phase_id]
        due = due_look(inputs.design, inputs.state, before.lines, cut=inputs.cut)
        if due is None:
            ready[phase_id] = before
        elif looks:
            ready[phase_id] = _take(session, inputs, before, due)
    await session.flush()
    analysed = [each for each in phases if each.design.phase_id in ready]
    for inputs in analysed:
        phase_id = inputs.design.phase_id
        said[phase_id] = await _said(session, inputs, ready[phase_id])
        digests[phase_id] = inputs_hash(inputs, said[phase_id])
    shown = dict(await snapshots_by_hash(session, digests))
    numbers = await last_numbers(session, digests)
    for inputs in analysed:
        phase_id = inputs.design.phase_id
        if phase_id not in shown:
            snapshot = await _written(
                session,
                inputs,
                said[phase_id],
                number=numbers.get(phase_id, 0) + 1,
                digest=digests[phase_id],
            )
            shown[phase_id] = snapshot.id
    await session.flush()
    await show(session, [(shown[each.design.phase_id], each) for each in analysed])
    return set(said)


async def look_due_now(
    session: AsyncSession,
    *,
    design: PhaseDesign,
    state: PhaseState,
    cut: datetime | None = None,
) -> int | None:
    """The number of the look that analysing this state takes, if it takes one."""
    lines = await lines_of(session, design.phase_id)
    due = due_look(design, state, lines, cut=cut)
    return None if due is None else due.number


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


async def _publish_alone(session: AsyncSession, inputs: Inputs) -> Snapshot:
    design, phase_id = inputs.design, inputs.design.phase_id
    before = (await before_of(session, [phase_id]))[phase_id]
    due = due_look(design, inputs.state, before.lines, cut=inputs.cut)
    if due is not None:
        before = _take(session, inputs, before, due)
        await session.flush()
    said = await _said(session, inputs, before)
    digest = inputs_hash(inputs, said)
    snapshot = await _by_hash(session, phase_id, digest)
    if snapshot is None:
        numbers = await last_numbers(session, [phase_id])
        number = numbers.get(phase_id, 0) + 1
        snapshot = await _written(session, inputs, said, number=number, digest=digest)
        await session.flush()
    await show(session, [(snapshot.id, inputs)])
    return snapshot


def _take(
    session: AsyncSession, inputs: Inputs, before: Before, due: DueLook
) -> Before:
    """Add a look's rows to the session; what is said of the phase with them."""
    rows = look_rows(inputs, before.lines, due)
    study = study_row(inputs, due)
    session.add_all([*rows, *([] if study is None else [study])])
    lines = (*before.lines, *(line_of(row) for row in rows))
    return replace(before, lines=lines, study=study or before.study)


async def _said(session: AsyncSession, inputs: Inputs, before: Before) -> Said:
    return Said(
        Taken(before.lines),
        waiting_for(inputs.design, inputs.state, before.lines),
        await _alarms(session, inputs, before.alarms),
        reach=reach_of(before.study),
    )


async def _written(
    session: AsyncSession, inputs: Inputs, said: Said, *, number: int, digest: str
) -> Snapshot:
    said = replace(said, effects=await _effects(session, inputs.design, said))
    snapshot = snapshot_row(inputs, said, number=number, digest=digest)
    session.add(snapshot)
    return snapshot


async def _effects(
    session: AsyncSession, design: PhaseDesign, said: Said
) -> tuple[MetricResult, ...]:
    """What the looks say; between two looks it is worked out once."""
    lines = said.taken.lines
    key = effects_key(design, lines, said.alarms, awaited=said.waiting_for is not None)
    found = remembered(key)
    if found is None:
        numbers = needed(design, lines)
        kept = await queries.kept_by_looks(session, design.phase_id, numbers)
        taken = replace(said.taken, kept=kept)
        found = looked_at(design, taken, said.alarms, waiting_for=said.waiting_for)
        remember(key, found)
    return found


async def _alarms(
    session: AsyncSession, inputs: Inputs, known: Sequence[HarmAlarm]
) -> tuple[Alarm, ...]:
    """What rang so far, and what rings now: each once, and for ever."""
    rows = alarm_rows(inputs, known)
    if rows:
        session.add_all(rows)
        await session.flush()
    return tuple(alarm_of(row) for row in (*known, *rows))


async def _by_hash(
    session: AsyncSession, phase_id: UUID, digest: str
) -> Snapshot | None:
    found = await session.exec(
        select(Snapshot).where(
            Snapshot.phase_id == phase_id, col(Snapshot.inputs_hash) == digest
        )
    )
    return found.first()
