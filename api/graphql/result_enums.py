"""The enums of the analysis as GraphQL sees them."""

import strawberry

from experiments.analysis.results import (
    GuardrailOutcome,
    Outcome,
    ValidMethod,
    Verdict,
)
from experiments.statistics.differences import Method
from experiments.statistics.relative import LiftStatus

strawberry.enum(
    Verdict,
    description="What the statistics say about one variant in one metric. FLAT: any "
    "difference is smaller than the smallest that matters.",
)
strawberry.enum(
    Outcome,
    name="RecommendationOutcome",
    description="What the policy makes of all verdicts together; the decision is a "
    "person's.",
)
strawberry.enum(
    GuardrailOutcome,
    description="HARMED blocks shipping; UNRESOLVED needs somebody's acceptance.",
)
strawberry.enum(
    ValidMethod,
    description="Which rule makes a reading valid at its look. GROUP_SEQUENTIAL and "
    "ALWAYS_VALID are yet to come.",
)
strawberry.enum(
    Method,
    name="ComparisonMethod",
    description="WELCH compares means, SCORE few conversions, DELTA ratios.",
)
strawberry.enum(
    LiftStatus, description="Whether a difference can be stated relative to control."
)

__all__ = [
    "GuardrailOutcome",
    "LiftStatus",
    "Method",
    "Outcome",
    "ValidMethod",
    "Verdict",
]
