"""The enums of the analysis as GraphQL sees them."""

import strawberry

from experiments.analysis.results import (
    Family,
    GuardrailOutcome,
    HorizonState,
    Outcome,
    Registration,
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
    description="Which rule makes a reading valid at its look. FIXED_HORIZON and HOLM "
    "hold at the one planned look, GROUP_SEQUENTIAL at each look of a boundary, "
    "ALWAYS_VALID whenever somebody looks.",
)
strawberry.enum(
    Method,
    name="ComparisonMethod",
    description="How two variants were compared: WELCH compares means, SCORE few "
    "conversions, DELTA ratios; LIN adjusts for what was known before exposure, "
    "LEVERAGE does in small arms; BELL_MCCAFFREY compares accounts, PERMUTATION deals "
    "fewer than 40 of them anew.",
)
strawberry.enum(
    Family,
    name="TestFamily",
    description="Which tests share one error rate: the variants in the primary metric, "
    "the secondary metrics, or the primary metric in all segments.",
)
strawberry.enum(
    Registration,
    description="Whether a question was asked before the answer was seen.",
)
strawberry.enum(
    HorizonState,
    description="Where a look stands to the planned number of units. What is read "
    "AFTER it decides nothing any more.",
)
strawberry.enum(
    LiftStatus, description="Whether a difference can be stated relative to control."
)

__all__ = [
    "Family",
    "GuardrailOutcome",
    "HorizonState",
    "LiftStatus",
    "Method",
    "Outcome",
    "Registration",
    "ValidMethod",
    "Verdict",
]
