"""The words of an analysis: verdicts, outcomes, and which rule allows a reading."""

from enum import StrEnum

from experiments.statistics.evidence import ValidMethod


class Verdict(StrEnum):
    """What the statistics say about one comparison."""

    WIN = "WIN"
    LOSS = "LOSS"
    FLAT = "FLAT"
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"
    INVALID = "INVALID"


class Outcome(StrEnum):
    """What the policy makes of all comparisons together."""

    SHIP = "SHIP"
    DONT_SHIP = "DONT_SHIP"
    NO_MEANINGFUL_DIFFERENCE = "NO_MEANINGFUL_DIFFERENCE"
    KEEP_RUNNING = "KEEP_RUNNING"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class GuardrailOutcome(StrEnum):
    """Whether a guardrail stands in the way."""

    SAFE = "SAFE"
    HARMED = "HARMED"
    UNRESOLVED = "UNRESOLVED"


class Family(StrEnum):
    """Which tests share one error rate."""

    PRIMARY = "PRIMARY"
    """The treatment arms in the primary metric, by Holm's procedure."""
    SECONDARY = "SECONDARY"
    """The secondary metrics in all arms: one false discovery rate."""
    SEGMENT = "SEGMENT"
    """The primary metric in all levels of all dimensions: another one."""


class Registration(StrEnum):
    """Whether a question was asked before the answer was seen."""

    REGISTERED = "REGISTERED"
    EXPLORATORY = "EXPLORATORY"


class HorizonState(StrEnum):
    """Where a look stands to the planned number of units."""

    BEFORE = "BEFORE"
    AT = "AT"
    """The boundary ended here; it decides if nothing did before."""
    AFTER = "AFTER"
    """Shown, but it decides nothing any more."""


__all__ = [
    "Family",
    "GuardrailOutcome",
    "HorizonState",
    "Outcome",
    "Registration",
    "ValidMethod",
    "Verdict",
]
