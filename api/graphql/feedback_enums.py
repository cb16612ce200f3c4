"""The enums of the feedback domain as GraphQL sees them."""

from enum import StrEnum

import strawberry

from feedback.insights import EvidenceKind, InsightKind
from feedback.lifecycle import BacklogState
from feedback.tagging import (
    FeedbackSource,
    PhraseMatch,
    TagOrigin,
    TagState,
    TicketStatus,
)

strawberry.enum(FeedbackSource, description="Where a comment came from.")
strawberry.enum(TicketStatus, description="Whether a ticket still waits.")
strawberry.enum(
    TagOrigin,
    description="Who put a tag on a comment first. MODEL is yet to come.",
)
strawberry.enum(TagState, description="What was decided about a tag on a comment.")
strawberry.enum(PhraseMatch, description="How many of its phrases a rule needs.")
strawberry.enum(
    InsightKind,
    description="What an insight came from. THEME_THRESHOLD and BLOCKER are yet to "
    "come.",
)
strawberry.enum(EvidenceKind, description="What a piece of evidence is.")
strawberry.enum(
    BacklogState,
    description="Where an item stands on its way from a proposal to the people who "
    "asked.",
)


@strawberry.enum(description="What was decided about a theme.")
class ThemeStatus(StrEnum):
    """The states of a theme."""

    PROPOSED = "PROPOSED"
    CONFIRMED = "CONFIRMED"
    MERGED = "MERGED"
    DISMISSED = "DISMISSED"


__all__ = [
    "BacklogState",
    "EvidenceKind",
    "FeedbackSource",
    "InsightKind",
    "PhraseMatch",
    "TagOrigin",
    "TagState",
    "ThemeStatus",
    "TicketStatus",
]
