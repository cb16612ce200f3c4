"""The enums of the experiments domain as GraphQL sees them."""

import strawberry

from experiments.assignment.evaluator import Cause, Reason
from experiments.design import Direction, MetricKind, MetricRole, SourceValue, UnitKind
from experiments.lifecycle import DecisionOutcome, ExperimentStatus, PauseMode
from experiments.readiness import Severity
from experiments.treatments import (
    Enforcement,
    LimitKind,
    LimitWindow,
    StepKind,
    TreatmentKind,
)

strawberry.enum(
    ExperimentStatus,
    description="Where an experiment stands. Review, scheduling, shipping and "
    "measuring again are yet to come; nothing reaches those states.",
)
strawberry.enum(DecisionOutcome, name="Decision", description="What a person decided.")
strawberry.enum(
    PauseMode,
    description="PAUSE_ENROLMENT serves on and leaves newcomers out of the analysis; "
    "PAUSE_SERVING gives everyone the control.",
)
strawberry.enum(TreatmentKind, description="What the variants of an experiment vary.")
strawberry.enum(UnitKind, description="What is randomised.")
strawberry.enum(
    MetricKind,
    description="How a unit's events become its value. CADENCE, QUANTILE, "
    "TIME_TO_EVENT and FUNNEL are yet to come.",
)
strawberry.enum(Direction, description="Which way of moving is good.")
strawberry.enum(MetricRole, description="What a metric decides in an experiment.")
strawberry.enum(
    SourceValue, description="What one event adds: one, or the value that it carries."
)
strawberry.enum(Severity, description="How much an item of the checklist matters.")
strawberry.enum(
    LimitKind,
    description="STOCK counts what exists, FLOW what is used in a window; FEATURE_SET "
    "opens features, TIME_BOX opens everything for a number of days.",
)
strawberry.enum(LimitWindow, description="When a FLOW limit starts again.")
strawberry.enum(
    Enforcement,
    description="SOFT allows and flags, HARD denies, GRACE allows a little more.",
)
strawberry.enum(StepKind, description="How a step of a flow is presented.")
strawberry.enum(
    Reason,
    name="AssignmentReason",
    description="Why a value was served. HOLDOUT, IDENTITY_LINK, OVERRIDE and "
    "KILL_SWITCH are yet to come.",
)
strawberry.enum(
    Cause,
    name="AssignmentCause",
    description="The step of the evaluation that settled it.",
)

__all__ = [
    "Cause",
    "DecisionOutcome",
    "Direction",
    "Enforcement",
    "ExperimentStatus",
    "LimitKind",
    "LimitWindow",
    "MetricKind",
    "MetricRole",
    "PauseMode",
    "Reason",
    "Severity",
    "SourceValue",
    "StepKind",
    "TreatmentKind",
    "UnitKind",
]
