"""The launch checklist of drafts, with what only the database knows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from core.clock import now
from core.database import AsyncSession
from core.problems import Problem
from core.tenancy import Environment, Project
from experiments import queries
from experiments.drafts import Draft
from experiments.eligibility.queries import segments_behind
from experiments.eligibility.segments import SegmentRule
from experiments.errors import ChecklistIncomplete
from experiments.lifecycle import EDITABLE, HOLDING, LIVE, ExperimentStatus
from experiments.models import Experiment, Phase
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
from experiments.readiness.items import Item, ItemCode, ItemStatus, blocking
from experiments.readiness.models import LaunchEvidence, LaunchRecord
from experiments.readiness.queries import (
    all_waivers_of,
    evidence_of,
    notes_of,
    records_of,
)
from experiments.readiness.records import item_document, item_of
from experiments.readiness.rules import Standing, evaluated
from experiments.readiness.situation import fingerprint
from experiments.service import prerequisites, segments
from experiments.service.population import specs_of

MAX_NEIGHBOURS = 200


@dataclass(frozen=True, slots=True)
class Readiness:
    """A launch checklist: of a draft as it is, or as it stood when the phase began."""

    items: tuple[Item, ...]
    launched_at: datetime | None = None

    @property
    def ready(self) -> bool:
        """Whether nothing keeps it from being launched."""
        return not any(item.blocking for item in self.items)


async def readiness_of(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    drafts: Sequence[Draft],
) -> Mapping[UUID, Readiness]:
    """The checklist of each of the project's experiments, in one environment.

    A draft's is evaluated now; of what was launched there, it is what was written
    down. What was launched before there was a checklist, or elsewhere, has no items.
    """
    open_ = [each for each in drafts if each.experiment.status in EDITABLE]
    ids = [each.experiment.id for each in drafts]
    project = await session.get_one(Project, project_id)
    checks = await checks_of(session, project_id=project_id, drafts=open_)
    notes = await notes_of(session, ids)
    waivers = await all_waivers_of(session, ids)
    evidence = await evidence_of(session, ids, environment_id)
    at = await now(session)
    found = {
        local: Readiness(tuple(map(item_of, record.items)), record.launched_at)
        for local, record in (await records_of(session, ids, environment_id)).items()
    }
    for draft in open_:
        local, design = draft.experiment.id, fingerprint(draft)
        own = {row.code: row for row in evidence[local] if row.design == design}
        standing = Standing(
            draft=draft,
            at=at,
            governance=project.governance,
            checks=_without_proposed(checks[local], own),
            design=design,
            notes=notes.get(local),
            evidence=own,
            waivers={each.code: each for each in waivers[local]},
        )
        found[local] = Readiness(evaluated(standing))
    return {local: found.get(local, Readiness(())) for local in ids}


async def check_launch(
    session: AsyncSession, draft: Draft, environment_id: UUID
) -> Readiness:
    """The checklist of a draft that starts now, once nothing on it blocks that.

    What is wrong with whom it is for the start itself refuses, and says where. A draft
    that leaves its number of units open gets the one that was proposed.

    Raises:
        ChecklistIncomplete: Something on it blocks the launch.
    """
    readiness = await _looked_at(session, draft, environment_id)
    items = [each for each in readiness.items if each.code is not ItemCode.POPULATION]
    if codes := blocking(items):
        raise ChecklistIncomplete(codes)
    return readiness


async def check_submission(session: AsyncSession, draft: Draft) -> None:
    """Refuse what is not ready to be agreed to; production is where it is meant for.

    Raises:
        ChecklistIncomplete: Something on the checklist blocks the launch.
    """
    found = await session.exec(
        select(Environment.id).where(
            Environment.project_id == draft.experiment.project_id,
            col(Environment.production),
        )
    )
    readiness = await _looked_at(session, draft, found.first() or UUID(int=0))
    if codes := blocking(readiness.items):
        raise ChecklistIncomplete(codes)


async def readiness_now(
    session: AsyncSession, draft: Draft, environment_id: UUID
) -> Readiness:
    """The checklist of one draft as it stands."""
    experiment = draft.experiment
    found = await readiness_of(
        session,
        project_id=experiment.project_id,
        environment_id=environment_id,
        drafts=[draft],
    )
    return found[experiment.id]


async def _looked_at(
    session: AsyncSession, draft: Draft, environment_id: UUID
) -> Readiness:
    await _adopt_proposal(session, draft, environment_id)
    return await readiness_now(session, draft, environment_id)


async def record_launch(
    session: AsyncSession, readiness: Readiness, phase: Phase
) -> None:
    """Keep the checklist as it stood, also what was waived or not looked at yet."""
    session.add(
        LaunchRecord(
            experiment_id=phase.experiment_id,
            environment_id=phase.environment_id,
            number=phase.number,
            items=[item_document(item) for item in readiness.items],
            launched_at=phase.started_at,
        )
    )
    await session.flush()


async def _adopt_proposal(
    session: AsyncSession, draft: Draft, environment_id: UUID
) -> None:
    """Plan as many units as were proposed; what was found stays found of it."""
    experiment = draft.experiment
    if experiment.planned_units is not None:
        return
    design = fingerprint(draft)
    rows = (await evidence_of(session, [experiment.id], environment_id))[experiment.id]
    own = [row for row in rows if row.design == design]
    total = next((_proposed(r) for r in own if r.code is ItemCode.POWER), None)
    if total is None:
        return
    experiment.planned_units = total
    session.add(experiment)
    adopted = fingerprint(draft)
    for row in own:
        row.design = adopted
        session.add(row)
    await session.flush()


def _without_proposed(
    checks: Sequence[LaunchCheck], evidence: Mapping[ItemCode, LaunchEvidence]
) -> Sequence[LaunchCheck]:
    """A number of units that was proposed is not missing: the launch takes it."""
    power = evidence.get(ItemCode.POWER)
    if power is None or _proposed(power) is None:
        return checks
    return [check for check in checks if check.code != "PLANNED_UNITS"]


def _proposed(row: LaunchEvidence) -> int | None:
    """The number of units that was found to be enough."""
    size: dict[str, Any] = row.body.get("size", {})
    total = size.get("total")
    usable = row.status in {ItemStatus.OK, ItemStatus.WARNING}
    return total if usable and isinstance(total, int) else None


async def checks_of(
    session: AsyncSession, *, project_id: UUID, drafts: Sequence[Draft]
) -> Mapping[UUID, tuple[LaunchCheck, ...]]:
    """Everything to do or to know before each of the project's drafts starts."""
    neighbours = await neighbours_of(session, project_id)
    sources = [draft.experiment.targeting for draft in drafts]
    rules = await segments_behind(session, project_id=project_id, source=sources)
    needed = {
        draft.experiment.id: {s.experiment_key for s in specs_of(draft.experiment)}
        for draft in drafts
    }
    around = await prerequisites.read_around(
        session, project_id, frozenset().union(*needed.values())
    )
    waiting = _waiting(around, needed)
    return {
        draft.experiment.id: (
            *launch_checks(draft),
            *_population(draft, rules, around),
            *waiting[draft.experiment.id],
            *neighbour_checks(draft, neighbours),
        )
        for draft in drafts
    }


async def neighbours_of(session: AsyncSession, project_id: UUID) -> list[Neighbour]:
    """The project's experiments that people are in."""
    found = await session.exec(
        select(Experiment)
        .where(Experiment.project_id == project_id, col(Experiment.status).in_(LIVE))
        .order_by(col(Experiment.key))
        .limit(MAX_NEIGHBOURS)
    )
    drafts = await queries.drafts_of(session, found.all())
    return [
        Neighbour(
            draft.experiment.key,
            draft.experiment.layer_id,
            treated_by(draft),
            draft.primaries[0].metric.key if draft.primaries else None,
            draft.experiment.name,
        )
        for draft in drafts.values()
    ]


def _population(
    draft: Draft, rules: Mapping[str, SegmentRule], around: prerequisites.Around
) -> Sequence[LaunchCheck]:
    """Of whom it is for: what the start would refuse, and what is worth knowing."""
    experiment = draft.experiment
    try:
        condition, used = segments.spelled(
            experiment.targeting or {}, rules, path=("targeting",)
        )
        prerequisites.fitting(
            specs_of(experiment), around, key=experiment.key, unit=experiment.unit
        )
    except Problem as problem:
        return [LaunchCheck(problem.code, Severity.BLOCKER, problem.message)]
    targeting = targeting_checks(draft, condition)
    return [*targeting, *segment_checks(experiment.targeting, used)]


def _waiting(
    around: prerequisites.Around, needed: Mapping[UUID, Collection[str]]
) -> Mapping[UUID, list[LaunchCheck]]:
    """What each requires and nobody is in: not yet, or no more."""
    idle = {
        key: _idle(key, parent.experiment.status)
        for key, parent in sorted(around.parents.items())
        if parent.experiment.status not in LIVE
    }
    return {
        local: [check for key, check in idle.items() if key in keys]
        for local, keys in needed.items()
    }


def _idle(key: str, status: ExperimentStatus) -> LaunchCheck:
    if status in HOLDING:
        code, message = "PREREQUISITE_WAITING", f"Nobody is in until {key} has started."
    else:
        code, message = "PREREQUISITE_OVER", f"Nobody is in: {key} is over."
    return LaunchCheck(code, Severity.WARNING, message)
