"""Reads of governance: what was agreed, what is due, what rang."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from core.tenancy import Governance, Member, Role
from experiments.analysis.models import CurrentSnapshot
from experiments.governance.approval import QUORUM
from experiments.governance.models import (
    AlarmRow,
    Assessment,
    DesignAuthor,
    Invalidation,
    Launch,
    Ramp,
    RampPlan,
    Review,
    Schedule,
    ScheduleStatus,
)
from experiments.governance.ramps import RampStep, steps_of
from experiments.lifecycle import LIVE
from experiments.models import Experiment, Phase

MAX_ASSESSMENTS = 100
_EDITORS = (Role.EDITOR, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)
_REVIEWERS = _EDITORS[1:]


async def last_reviews(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Review]:
    """The last submission of each experiment that has one, open or over."""
    later = aliased(Review)
    found = await session.exec(
        select(Review).where(
            col(Review.experiment_id).in_(experiment_ids),
            ~select(later.id)
            .where(
                later.experiment_id == Review.experiment_id,
                later.number > Review.number,
            )
            .exists(),
        )
    )
    return {review.experiment_id: review for review in found.all()}


async def open_review(session: AsyncSession, experiment_id: UUID) -> Review | None:
    """The submission that is neither withdrawn, sent back nor started."""
    review = (await last_reviews(session, [experiment_id])).get(experiment_id)
    return None if review is None or review.outcome is not None else review


async def assessments_of(
    session: AsyncSession, review_ids: Collection[UUID]
) -> Mapping[UUID, list[Assessment]]:
    """What was said in each review, in order; revoked ones too, the last 100."""
    place = (
        func.row_number()
        .over(
            partition_by=col(Assessment.review_id),
            order_by=col(Assessment.id).desc(),
        )
        .label("place")
    )
    newest = (
        select(Assessment.id, place)
        .where(col(Assessment.review_id).in_(review_ids))
        .subquery()
    )
    found = await session.exec(
        select(Assessment)
        .join(newest, newest.c.id == Assessment.id)
        .where(newest.c.place <= MAX_ASSESSMENTS)
        .order_by(col(Assessment.id))
    )
    said: dict[UUID, list[Assessment]] = {each: [] for each in review_ids}
    for assessment in found.all():
        said[assessment.review_id].append(assessment)
    return said


async def authors_of(
    session: AsyncSession, experiments: Sequence[Experiment]
) -> Mapping[UUID, frozenset[str]]:
    """Who has a hand in each design: who drafted it, or changed it or a part of it."""
    authors = {
        each.id: {f"{each.owner_kind}:{each.owner_id or each.owner_name}"}
        for each in experiments
    }
    found = await session.exec(
        select(DesignAuthor.experiment_id, DesignAuthor.actor).where(
            col(DesignAuthor.experiment_id).in_(list(authors))
        )
    )
    for experiment_id, actor in found.all():
        authors[experiment_id].add(actor)
    return {each: frozenset(names) for each, names in authors.items()}


async def ramp_plans(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, tuple[RampStep, ...]]:
    """The steps that each experiment's next phase will take; empty ones left out."""
    found = await session.exec(
        select(RampPlan).where(col(RampPlan.experiment_id).in_(experiment_ids))
    )
    return {row.experiment_id: steps_of(row.steps) for row in found.all() if row.steps}


async def can_agree(session: AsyncSession, project_id: UUID, needed: int) -> bool:
    """Whether so many people can review, and somebody beside them can write."""
    found = await session.exec(
        select(Member.role, func.count())
        .where(
            Member.project_id == project_id,
            col(Member.revoked_at).is_(None),
            col(Member.role).in_(_EDITORS),
        )
        .group_by(Member.role)
    )
    counted = dict(found.all())
    reviewers = sum(counted.get(role, 0) for role in _REVIEWERS)
    return reviewers >= needed and sum(counted.values()) > needed


def reviewers_needed(governance: Governance) -> int:
    """How many people beside an author must be able to review."""
    return {Governance.SOLO: 0, Governance.TEAM: 1}.get(governance, QUORUM)


async def due_schedules(
    session: AsyncSession, *, at: datetime, limit: int
) -> Sequence[UUID]:
    """Starts whose instant has come and that nobody has settled, oldest first."""
    found = await session.exec(
        select(Schedule.id)
        .where(Schedule.status == ScheduleStatus.PENDING, col(Schedule.due_at) <= at)
        .order_by(col(Schedule.due_at), col(Schedule.id))
        .limit(limit)
    )
    return found.all()


async def last_schedules(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Schedule]:
    """The last scheduled start of each experiment that has one, whatever became of it.

    Ids grow with time, so the last one has the greatest.
    """
    later = aliased(Schedule)
    found = await session.exec(
        select(Schedule).where(
            col(Schedule.experiment_id).in_(experiment_ids),
            ~select(later.id)
            .where(
                later.experiment_id == Schedule.experiment_id, later.id > Schedule.id
            )
            .exists(),
        )
    )
    return {row.experiment_id: row for row in found.all()}


async def launches(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, Launch]:
    """How each phase came to begin; phases from before this was kept have none."""
    found = await session.exec(
        select(Launch).where(col(Launch.phase_id).in_(phase_ids))
    )
    return {row.phase_id: row for row in found.all()}


async def not_reviewed(session: AsyncSession, phase_id: UUID) -> tuple[str, ...]:
    """What went on in a phase without the review that it asks for, as sentences."""
    launch = await session.get(Launch, phase_id)
    return () if launch is None else launch.not_reviewed


async def ramps(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, Ramp]:
    """The ramp of each phase that has one."""
    found = await session.exec(select(Ramp).where(col(Ramp.phase_id).in_(phase_ids)))
    return {row.phase_id: row for row in found.all()}


async def unfinished_ramps(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Phases under way that have a step to go, a page by id."""
    statement = (
        select(Ramp.phase_id)
        .join(Phase, col(Phase.id) == Ramp.phase_id)
        .where(col(Ramp.finished_at).is_(None), col(Phase.ended_at).is_(None))
        .order_by(col(Ramp.phase_id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(Ramp.phase_id) > after)
    return (await session.exec(statement)).all()


async def live_snapshots(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """The phases under way with their current snapshots, a page by phase id."""
    statement = (
        select(CurrentSnapshot.phase_id, CurrentSnapshot.snapshot_id)
        .join(Phase, col(Phase.id) == CurrentSnapshot.phase_id)
        .join(Experiment, col(Experiment.id) == Phase.experiment_id)
        .where(col(Phase.ended_at).is_(None), col(Experiment.status).in_(LIVE))
        .order_by(col(CurrentSnapshot.phase_id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(CurrentSnapshot.phase_id) > after)
    return (await session.exec(statement)).all()


async def alarms_of_phase(session: AsyncSession, phase_id: UUID) -> Sequence[AlarmRow]:
    """Every alarm that a phase has raised: one for each guardrail and arm at most."""
    found = await session.exec(
        select(AlarmRow).where(AlarmRow.phase_id == phase_id).order_by(col(AlarmRow.id))
    )
    return found.all()


def listed_alarms(environment_id: UUID) -> SelectOfScalar[AlarmRow]:
    """The alarms of an environment, in no order yet."""
    return select(AlarmRow).where(AlarmRow.environment_id == environment_id)


async def alarms_by_ids(
    session: AsyncSession, *, environment_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, AlarmRow]:
    """Those of the alarms that are in the environment."""
    found = await session.exec(
        select(AlarmRow).where(
            AlarmRow.environment_id == environment_id, col(AlarmRow.id).in_(ids)
        )
    )
    return {row.id: row for row in found.all()}


async def invalidations(
    session: AsyncSession, experiment_ids: Collection[UUID]
) -> Mapping[UUID, Invalidation]:
    """Why each experiment that was invalidated was."""
    found = await session.exec(
        select(Invalidation).where(col(Invalidation.experiment_id).in_(experiment_ids))
    )
    return {row.experiment_id: row for row in found.all()}
