"""Who approves of an experiment's design as it is now, and who still must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.database import AsyncSession
from core.problems import Problem
from core.tenancy import Governance, Project
from experiments.drafts import Draft
from experiments.eligibility.queries import segments_behind
from experiments.eligibility.segments import SegmentRule, named
from experiments.governance import queries as governance
from experiments.governance.approval import (
    approvers,
    draft_hash,
    required_approvals,
)
from experiments.governance.errors import NotApproved
from experiments.governance.models import Review
from experiments.governance.ramps import steps_document
from experiments.lifecycle import ExperimentStatus, Standing, Step, target_of
from experiments.models import Experiment
from experiments.service.readying import check_submission
from experiments.service.segments import spelled


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who approves of an experiment's present design, and how many must."""

    governance: Governance
    design_hash: str
    required: int
    approvers: frozenset[str]
    authors: frozenset[str]
    review: Review | None
    """The submission that is open."""

    @property
    def reached(self) -> bool:
        """Whether as many agree as must."""
        return len(self.approvers) >= self.required

    def standing(self, status: ExperimentStatus) -> Standing:
        """The same as the lifecycle asks for it."""
        return Standing(status, self.governance, self.review is not None, self.reached)


async def agreements_of(
    session: AsyncSession, *, project_id: UUID, drafts: Sequence[Draft]
) -> Mapping[UUID, Agreement]:
    """Who approves of each of a project's designs as it is now."""
    project = await session.get_one(Project, project_id)
    ids = [draft.experiment.id for draft in drafts]
    last = await governance.last_reviews(session, ids)
    reviews = {key: each for key, each in last.items() if each.outcome is None}
    said = await governance.assessments_of(session, [r.id for r in reviews.values()])
    authors = await governance.authors_of(session, [d.experiment for d in drafts])
    plans = await governance.ramp_plans(session, ids)
    sources = [draft.experiment.targeting for draft in drafts]
    rules = await segments_behind(session, project_id=project_id, source=sources)
    found = {}
    for draft in drafts:
        local = draft.experiment.id
        review = reviews.get(local)
        steps = steps_document(plans.get(local, ()))
        digest = draft_hash(draft, _condition(draft, rules), steps)
        as_of = draft.experiment.updated_at if review is None else review.as_of
        found[local] = Agreement(
            governance=project.governance,
            design_hash=digest,
            required=required_approvals(project.governance, draft, as_of),
            approvers=approvers(
                said[review.id] if review is not None else (),
                design_hash=digest,
                authors=authors[local],
                governance=project.governance,
            ),
            authors=authors[local],
            review=review,
        )
    return found


async def agreement_of(session: AsyncSession, draft: Draft) -> Agreement:
    """Who approves of an experiment's design as it is now."""
    experiment = draft.experiment
    found = await agreements_of(
        session, project_id=experiment.project_id, drafts=[draft]
    )
    return found[experiment.id]


def check_agreed(agreement: Agreement, experiment: Experiment, step: Step) -> None:
    """Refuse to go on with a design that nobody else has agreed to.

    Raises:
        NotApproved: The project's rules ask for approvals that it lacks.
    """
    target = target_of(experiment.status, step)
    if agreement.governance is Governance.SOLO or agreement.reached:
        return
    given, asked = len(agreement.approvers), agreement.required
    stale = "" if experiment.status is ExperimentStatus.DRAFT else " of what it is now"
    raise NotApproved(
        experiment.status,
        target,
        message=f"It needs {asked} approval{'s' * (asked > 1)}{stale} under "
        f"{agreement.governance}, and has {given}.",
    )


async def check_listed(session: AsyncSession, draft: Draft) -> None:
    """Refuse what has something left to do.

    Raises:
        ChecklistIncomplete: The launch checklist has blockers.
    """
    await check_submission(session, draft)


def _condition(draft: Draft, rules: Mapping[str, SegmentRule]) -> Mapping[str, Any]:
    """The targeting with its segments written out, where that can be done."""
    source = draft.experiment.targeting or {}
    if not named(source):
        return source
    try:
        condition, _ = spelled(source, rules, path=("targeting",))
    except Problem:
        return source
    return condition
