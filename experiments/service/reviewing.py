"""Reviews: submitting a design, saying yes or no to it, and what an edit takes back."""

from typing import Any

from sqlalchemy import update
from sqlmodel import col

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from core.tenancy import Governance, Project
from experiments import queries
from experiments.errors import DesignInvalid, ReasonMissing
from experiments.governance import queries as governance
from experiments.governance.approval import identity, is_person
from experiments.governance.errors import (
    AlreadyAssessed,
    ReviewerNotPerson,
    SelfApproval,
)
from experiments.governance.models import (
    Assessment,
    Review,
    ReviewOutcome,
    ReviewVerdict,
)
from experiments.lifecycle import (
    EDITABLE,
    REVIEWED,
    ExperimentStatus,
    Step,
    target_of,
)
from experiments.models import TEXT_LENGTH, Experiment
from experiments.service import change
from experiments.service.approving import agreement_of, check_listed
from experiments.service.authorship import note_author
from experiments.service.change import Intent
from experiments.service.recording import record
from experiments.service.scheduled import cancel_schedule


async def submit(
    session: AsyncSession,
    intent: Intent,
    *,
    note: str = "",
) -> Experiment:
    """Ask others to agree to the design.

    Raises:
        ChecklistIncomplete: The launch checklist has blockers.
        IllegalTransition: It is no draft.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent, Step.SUBMIT)
    note = bounded_note(note)
    await check_listed(session, await queries.draft_of(session, experiment))
    last = (await governance.last_reviews(session, [experiment.id])).get(experiment.id)
    number = 1 if last is None else last.number + 1
    row = await change.take(
        session,
        experiment,
        Step.SUBMIT,
        actor=intent.actor,
        reason=note or None,
        facts={"review": number},
    )
    at = await now(session)
    session.add(
        Review(
            project_id=intent.project_id,
            experiment_id=row.id,
            number=number,
            submitted_at=at,
            submitter_kind=intent.actor.kind,
            submitter_name=intent.actor.name,
            note=note,
            as_of=at,
        )
    )
    await session.flush()
    return row


async def assess(
    session: AsyncSession,
    intent: Intent,
    *,
    verdict: ReviewVerdict,
    note: str = "",
) -> Experiment:
    """Agree to the design as it is, or send it back to be changed.

    With the last approval that it needs it is APPROVED; until then it stays where it
    is, and its version counts the approval.

    Raises:
        ReviewerNotPerson: A key reviews for nobody.
        SelfApproval: The reviewer has changed this design, or a part of it.
        AlreadyAssessed: The reviewer has agreed to it before.
        ReasonMissing: It is sent back without a word.
        IllegalTransition: It is not in review.
        StaleVersion: Somebody changed it first.
    """
    if not is_person(intent.actor):
        raise ReviewerNotPerson
    experiment = await change.read(session, intent)
    note = bounded_note(note)
    if verdict is ReviewVerdict.APPROVE:
        return await _approve(session, experiment, intent.actor, note)
    target_of(experiment.status, Step.REQUEST_CHANGES)
    if not note:
        raise ReasonMissing(path=("note",))
    review = await governance.open_review(session, experiment.id)
    row = await change.take(
        session, experiment, Step.REQUEST_CHANGES, actor=intent.actor, reason=note
    )
    if review is not None:
        draft = await queries.draft_of(session, row)
        digest = (await agreement_of(session, draft)).design_hash
        await _say(
            session,
            review,
            intent.actor,
            verdict=verdict,
            note=note,
            design_hash=digest,
        )
        await close(session, review, ReviewOutcome.CHANGES_REQUESTED)
    return row


async def withdraw(
    session: AsyncSession,
    intent: Intent,
) -> Experiment:
    """Take a design back out of review; what was said of it no longer counts.

    Raises:
        IllegalTransition: It is neither in review nor approved.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    row = await change.take(session, experiment, Step.WITHDRAW, actor=intent.actor)
    review = await governance.open_review(session, row.id)
    if review is not None:
        await close(session, review, ReviewOutcome.WITHDRAWN)
    return row


async def revoke_approvals(
    session: AsyncSession, experiment: Experiment, actor: Actor
) -> dict[str, Any]:
    """Note who changes a design, and take back what was said of the one before.

    Returns the columns to write with the change itself: what was in review, approved
    or scheduled is in review again, so the change's own audit row tells of both.

    Raises:
        StaleVersion: Somebody changed it first.
    """
    if experiment.status not in EDITABLE:
        return {}
    seen = experiment.version
    if (await change.hold(session, experiment.id)).version != seen:
        raise StaleVersion(experiment.version)
    at = await now(session)
    await note_author(session, [experiment.id], actor)
    if experiment.status not in REVIEWED:
        return {}
    await cancel_schedule(session, experiment.id)
    review = await governance.open_review(session, experiment.id)
    if review is None:
        return {"status": ExperimentStatus.DRAFT}
    review.as_of = at
    session.add(review)
    await session.exec(
        update(Assessment)
        .where(
            col(Assessment.review_id) == review.id,
            col(Assessment.revoked_at).is_(None),
        )
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    return {"status": ExperimentStatus.IN_REVIEW}


async def check_reviewer(
    session: AsyncSession, experiment: Experiment, actor: Actor
) -> None:
    """Refuse whoever may not say yes to this experiment.

    Raises:
        ReviewerNotPerson: A key reviews for nobody.
        SelfApproval: Under TEAM and STRICT authors do not agree to their own designs.
    """
    if not is_person(actor):
        raise ReviewerNotPerson
    project = await session.get_one(Project, experiment.project_id)
    if project.governance is Governance.SOLO:
        return
    authors = await governance.authors_of(session, [experiment])
    if identity(actor) in authors[experiment.id]:
        raise SelfApproval


async def close(session: AsyncSession, review: Review, outcome: ReviewOutcome) -> None:
    """End a review."""
    review.outcome, review.closed_at = outcome, await now(session)
    session.add(review)
    await session.flush()


async def _approve(
    session: AsyncSession, experiment: Experiment, actor: Actor, note: str
) -> Experiment:
    target_of(experiment.status, Step.APPROVE)
    agreement = await agreement_of(session, await queries.draft_of(session, experiment))
    await check_reviewer(session, experiment, actor)
    who, review = identity(actor), agreement.review
    if who in agreement.approvers:
        raise AlreadyAssessed
    if review is None:
        raise LookupError("What is in review was submitted.")
    given = len(agreement.approvers) + 1
    facts = {
        "approvals": given,
        "required": agreement.required,
        "design_hash": agreement.design_hash,
    }
    if given >= agreement.required:
        row = await change.take(
            session,
            experiment,
            Step.APPROVE,
            actor=actor,
            reason=note or None,
            facts=facts,
        )
    else:
        row = await _count(session, experiment, actor, note, facts)
    await _say(
        session,
        review,
        actor,
        verdict=ReviewVerdict.APPROVE,
        note=note,
        design_hash=agreement.design_hash,
    )
    return row


async def _count(
    session: AsyncSession,
    experiment: Experiment,
    actor: Actor,
    note: str,
    facts: dict[str, Any],
) -> Experiment:
    """Count an approval that is not the last one: only the version moves."""
    status = experiment.status
    row = await change.write(session, experiment, [status])
    await record(
        session,
        row,
        "experiment.approve",
        actor=actor,
        before={"status": status, "version": row.version - 1},
        after={"status": status, "version": row.version, **facts},
        reason=note or None,
    )
    return row


async def _say(
    session: AsyncSession,
    review: Review,
    actor: Actor,
    *,
    verdict: ReviewVerdict,
    note: str,
    design_hash: str,
) -> None:
    """Keep what somebody says; it stands for what they said of it before."""
    at, who = await now(session), identity(actor)
    await session.exec(
        update(Assessment)
        .where(
            col(Assessment.review_id) == review.id,
            col(Assessment.actor) == who,
            col(Assessment.revoked_at).is_(None),
        )
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    session.add(
        Assessment(
            review_id=review.id,
            verdict=verdict,
            note=note,
            design_hash=design_hash,
            actor=who,
            actor_kind=actor.kind,
            actor_name=actor.name,
            at=at,
        )
    )
    await session.flush()


def bounded_note(note: str) -> str:
    """What a reviewer says beside a word, without outer blanks.

    Raises:
        DesignInvalid: It is too long to be kept.
    """
    text = note.strip()
    if len(text) > TEXT_LENGTH:
        raise DesignInvalid(f"At most {TEXT_LENGTH} letters.", path=("note",))
    return text
