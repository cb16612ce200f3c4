"""The launch checklist of drafts, with what only the database knows."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession
from core.problems import Problem
from experiments import queries
from experiments.drafts import Draft
from experiments.lifecycle import HOLDING, LIVE
from experiments.models import Experiment
from experiments.readiness import (
    LaunchCheck,
    Neighbour,
    Severity,
    launch_checks,
    neighbour_checks,
    segment_checks,
    targeting_checks,
    treated_by,
)
from experiments.service import prerequisites, segments
from experiments.service.population import specs_of

MAX_NEIGHBOURS = 200


async def checks_of(
    session: AsyncSession, *, project_id: UUID, drafts: Sequence[Draft]
) -> Mapping[UUID, tuple[LaunchCheck, ...]]:
    """Everything to do or to know before each of the project's drafts starts."""
    neighbours = await _neighbours(session, project_id)
    return {
        draft.experiment.id: (
            *launch_checks(draft),
            *await _population(session, draft),
            *await _waiting(session, draft),
            *neighbour_checks(draft, neighbours),
        )
        for draft in drafts
    }


async def _neighbours(session: AsyncSession, project_id: UUID) -> list[Neighbour]:
    found = await session.exec(
        select(Experiment)
        .where(Experiment.project_id == project_id, col(Experiment.status).in_(LIVE))
        .order_by(col(Experiment.key))
        .limit(MAX_NEIGHBOURS)
    )
    drafts = await queries.drafts_of(session, found.all())
    return [
        Neighbour(draft.experiment.key, draft.experiment.layer_id, treated_by(draft))
        for draft in drafts.values()
    ]


async def _population(session: AsyncSession, draft: Draft) -> Sequence[LaunchCheck]:
    """Of whom it is for: what the start would refuse, and what is worth knowing."""
    experiment = draft.experiment
    try:
        condition, used = await segments.spelled_out(
            session,
            project_id=experiment.project_id,
            source=experiment.targeting or {},
            path=("targeting",),
        )
        await prerequisites.checked(
            session,
            project_id=experiment.project_id,
            key=experiment.key,
            unit=experiment.unit,
            specs=specs_of(experiment),
        )
    except Problem as problem:
        return [LaunchCheck(problem.code, Severity.BLOCKER, problem.message)]
    targeting = targeting_checks(draft, condition)
    return [*targeting, *segment_checks(experiment.targeting, used)]


async def _waiting(session: AsyncSession, draft: Draft) -> list[LaunchCheck]:
    """What it requires and nobody is in: not yet, or no more."""
    keys = [spec.experiment_key for spec in specs_of(draft.experiment)]
    if not keys:
        return []
    found = await session.exec(
        select(Experiment.key, Experiment.status)
        .where(
            Experiment.project_id == draft.experiment.project_id,
            col(Experiment.key).in_(keys),
            col(Experiment.status).not_in(LIVE),
        )
        .order_by(col(Experiment.key))
    )
    return [
        LaunchCheck(
            "PREREQUISITE_WAITING" if status in HOLDING else "PREREQUISITE_OVER",
            Severity.WARNING,
            f"Nobody is in until {key} has started."
            if status in HOLDING
            else f"Nobody is in: {key} is over.",
        )
        for key, status in found.all()
    ]
