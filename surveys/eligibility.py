"""Which surveys a subject may be shown now, and why not the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.conditions import Failure, compiled, explain


class OfferReason(StrEnum):
    """Why a survey is or is not offered."""

    ELIGIBLE = "ELIGIBLE"
    NOT_TARGETED = "NOT_TARGETED"
    SHOWN_RECENTLY = "SHOWN_RECENTLY"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live survey, as far as offering it is concerned."""

    survey_id: UUID
    targeting: Mapping[str, Any] | None
    rest: timedelta
    last_shown_at: datetime | None
    answered: bool

    @property
    def clock(self) -> str:
        """The display clock that a showing claims."""
        return clock(self.survey_id)


@dataclass(frozen=True, slots=True)
class Offer:
    """What was decided about one candidate."""

    survey_id: UUID
    reason: OfferReason
    failure: Failure | None = None
    """The comparison that kept the subject out, where targeting did."""
    free_at: datetime | None = None
    """When its rest is over, where it was shown recently."""


def clock(survey_id: UUID) -> str:
    """The name of a survey's display clock."""
    return f"survey:{survey_id}"


def offers(
    candidates: Iterable[Candidate], attributes: Mapping[str, Any], at: datetime
) -> tuple[Offer, ...]:
    """Decide each candidate, in the order given."""
    return tuple(_decide(candidate, attributes, at) for candidate in candidates)


def _decide(candidate: Candidate, attributes: Mapping[str, Any], at: datetime) -> Offer:
    if candidate.targeting is not None:
        failure = explain(compiled(candidate.targeting), attributes)
        if failure is not None:
            return Offer(candidate.survey_id, OfferReason.NOT_TARGETED, failure)
    if candidate.answered:
        return Offer(candidate.survey_id, OfferReason.ANSWERED)
    if candidate.last_shown_at is not None:
        free_at = candidate.last_shown_at + candidate.rest
        if at < free_at:
            return Offer(
                candidate.survey_id, OfferReason.SHOWN_RECENTLY, free_at=free_at
            )
    return Offer(candidate.survey_id, OfferReason.ELIGIBLE)
