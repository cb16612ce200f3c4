"""What deciding and shipping refuse.

Problem
└── Conflict
    ├── DecisionRefused       the decision does not follow from what is known
    │   ├── EarlyDecision     neither the planned number nor a valid bound is there
    │   ├── GuardrailUnresolved  nobody accepted a guardrail that is not known
    │   └── ApprovalNeeded    it goes against the recommendation, and nobody agreed
    ├── MemoIncomplete        a part of the memo that a decision needs is empty
    └── ShipRefused           the variant cannot be shipped, or no longer moved on
        ├── PreviewUsed       the preview was shipped before
        ├── PreviewExpired    the preview is older than a quarter of an hour
        └── PreviewChanged    the preview is of something else than is asked for
"""

from core.problems import Conflict


class DecisionRefused(Conflict):
    """The decision does not follow from what is known."""

    code = "DECISION_REFUSED"


class EarlyDecision(DecisionRefused):
    """Neither the planned number nor a valid sequential bound is there."""

    code = "EARLY_DECISION"


class GuardrailUnresolved(DecisionRefused):
    """A guardrail is not known to be safe, and nobody accepted that."""

    code = "GUARDRAIL_UNRESOLVED"


class ApprovalNeeded(DecisionRefused):
    """It goes against the recommendation, and no other reviewer has agreed."""

    code = "APPROVAL_NEEDED"


class MemoIncomplete(Conflict):
    """A part of the memo that a decision needs is empty."""

    code = "MEMO_INCOMPLETE"


class ShipRefused(Conflict):
    """The variant cannot be shipped, or its rollout not moved on."""

    code = "SHIP_REFUSED"


class PreviewUsed(ShipRefused):
    """A preview is shipped once."""

    code = "PREVIEW_USED"


class PreviewExpired(ShipRefused):
    """A preview holds for a quarter of an hour."""

    code = "PREVIEW_EXPIRED"


class PreviewChanged(ShipRefused):
    """The preview is of another version, or of something else than is asked for."""

    code = "PREVIEW_CHANGED"
