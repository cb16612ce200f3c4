"""The enums of the surveys domain as GraphQL sees them."""

import strawberry

from surveys.eligibility import OfferReason
from surveys.models import SurveyStatus
from surveys.questions import QuestionKind

strawberry.enum(
    SurveyStatus, description="Where a survey stands; only a LIVE one is offered."
)
strawberry.enum(
    QuestionKind,
    description="How a question is answered. NPS, RATING, SINGLE, MULTI and TEXT can "
    "be published; the others are yet to come.",
)
strawberry.enum(OfferReason, description="Why a survey is or is not offered.")

__all__ = ["OfferReason", "QuestionKind", "SurveyStatus"]
