"""A published survey to answer."""

from typing import Any

from core.database import AsyncSession
from surveys.models import Survey
from surveys.questions import Choice, Question, QuestionKind
from surveys.service import SurveyChange, draft, publish
from tests.conftest import Tenant

SCORE = Question("score", QuestionKind.NPS, "Would you recommend us?", required=True)
REASON = Question(
    "reason",
    QuestionKind.SINGLE,
    "What is missing?",
    choices=(Choice("price", "Price"), Choice("speed", "Speed")),
    show_if={"score": {"$lte": 6}},
)
WHY = Question("why", QuestionKind.TEXT, "Why?", show_if={"score": {"$gte": 9}})
QUESTIONS = (SCORE, REASON, WHY)


def change(
    *questions: Question, targeting: dict[str, Any] | None = None, rest_days: int = 90
) -> SurveyChange:
    """What an editor writes."""
    return SurveyChange(
        title="Why that score",
        questions=questions or QUESTIONS,
        targeting=targeting,
        rest_days=rest_days,
    )


async def published(
    session: AsyncSession,
    tenant: Tenant,
    *questions: Question,
    key: str = "nps-why",
    targeting: dict[str, Any] | None = None,
) -> Survey:
    """A live survey."""
    survey = await draft(
        session,
        project_id=tenant.project_id,
        actor=tenant.actor,
        key=key,
        change=change(*questions, targeting=targeting),
    )
    await publish(
        session,
        project_id=tenant.project_id,
        survey_id=survey.id,
        actor=tenant.actor,
        expected_version=survey.version,
    )
    return survey
