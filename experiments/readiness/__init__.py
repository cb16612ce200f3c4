"""Launch readiness: what is left to do or to know before an experiment starts."""

from experiments.readiness.checks import (
    MAX_GUARDRAILS,
    WEIGHT_TOLERANCE,
    LaunchCheck,
    Neighbour,
    Severity,
    blockers,
    launch_checks,
    neighbour_checks,
    segment_checks,
    targeting_checks,
    treated_by,
)

__all__ = [
    "MAX_GUARDRAILS",
    "WEIGHT_TOLERANCE",
    "LaunchCheck",
    "Neighbour",
    "Severity",
    "blockers",
    "launch_checks",
    "neighbour_checks",
    "segment_checks",
    "targeting_checks",
    "treated_by",
]
