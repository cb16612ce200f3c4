"""Offer surveys to a subject, and claim the showing of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core import displays
from core.clock import now
from core.database import AsyncSession
from core.problems import NotFound
from core.subjects import SubjectContext
from surveys import queries
from surveys.eligibility import Candidate, Offer, clock, offers
from surveys.models import Survey, SurveyStatus, SurveyVersion


@dataclass(frozen=True, slots=True)
class OfferedSurvey:
    """A live survey, what it asks now, and what was decided about it."""

    survey: Survey
    version: SurveyVersion
    offer: Offer


async def surveys_for(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    subject: SubjectContext,
    attributes: Mapping[str, Any],
) -> Sequence[OfferedSurvey]:
    """Decide every live survey for a subject; nothing is claimed or written.

    Args:
        session: The session to read with.
        project_id: Whose surveys.
        environment_id: Where the subject is.
        subject: Whom to offer them to.
        attributes: What targeting rules see of the subject.
    """
    live = await queries.live_surveys(session, project_id)
    ids = [survey.id for survey, _ in live]
    shown: dict[str, Any] = {}
    answered: set[UUID] = set()
    if subject.person_id is not None and ids:
        shown = await displays.last_shown(
            session,
            environment_id=environment_id,
            subject=subject.person_id,
            clocks=[clock(one) for one in ids],
        )
        answered = await queries.answered_surveys(
            session, environment_id=environment_id, subject=subject, survey_ids=ids
        )
    candidates = [
        Candidate(
            survey_id=survey.id,
            targeting=survey.targeting,
            rest=timedelta(days=survey.rest_days),
            last_shown_at=shown.get(clock(survey.id)),
            answered=survey.id in answered,
        )
        for survey, _ in live
    ]
    decided = offers(candidates, attributes, await now(session))
    return [
        OfferedSurvey(survey, version, offer)
        for (survey, version), offer in zip(live, decided, strict=True)
    ]


async def claim_display(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    subject: SubjectContext,
    survey_key: str,
) -> bool:
    """Say that a survey is about to be shown. Of many tabs, one gets True.

    Raises:
        NotFound: The project has no such live survey, or nobody is named.
    """
    survey = await queries.survey_by_key(session, project_id, survey_key)
    if survey is None or survey.status is not SurveyStatus.LIVE:
        raise NotFound("The survey", path=("survey",))
    if subject.person_id is None:
        raise NotFound("The subject", path=("subject",))
    return await displays.claim(
        session,
        environment_id=environment_id,
        subject=subject.person_id,
        clock=clock(survey.id),
        every=timedelta(days=survey.rest_days),
    )
