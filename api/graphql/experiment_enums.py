"""The enums of the experiments domain as GraphQL sees them."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

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


def _describe(kind: type[Enum], texts: Mapping[Any, str]) -> None:
    """Describe every value of an enum whose domain does not know GraphQL."""
    definition: StrawberryEnumDefinition = vars(kind)["__strawberry_definition__"]
    for value in definition.values:
        value.description = texts[kind(value.value)]


strawberry.enum(
    ExperimentStatus,
    description="Where an experiment stands.",
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
    description="How a unit's events become its value. CADENCE is the share of weeks "
    "with an event, QUANTILE compares a quantile of the units' totals, TIME_TO_EVENT "
    "the time to the first event, FUNNEL the steps done in order.",
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
strawberry.enum(Reason, name="AssignmentReason", description="Why a value was served.")
strawberry.enum(
    Cause,
    name="AssignmentCause",
    description="The step of the evaluation that settled it.",
)

_REASONS = {
    Reason.STATIC: "The same for everyone whom the experiment does not reach.",
    Reason.TARGETING_MATCH: "A rule named the subject. Not used yet.",
    Reason.SPLIT: "By chance: where the subject falls decides.",
    Reason.DISABLED: "The experiment is paused or over; everyone gets the control.",
    Reason.UNKNOWN: "Nothing is served under the key.",
    Reason.HOLDOUT: "A holdout leaves the subject alone.",
    Reason.IDENTITY_LINK: "An id that was linked to the subject got it first.",
    Reason.OVERRIDE: "A person gave the subject this variant by name.",
    Reason.KILL_SWITCH: "A kill switch is thrown; everyone gets the control.",
    Reason.HOLDBACK: "It keeps the control, so that what was shipped can be measured.",
    Reason.SHIPPED: "The variant was decided on, and shipped.",
}
CAUSES = {
    Cause.SPLIT: "The subject falls into the variant's slice.",
    Cause.LINKED: "It keeps the variant of an id that was linked to its own.",
    Cause.OVERRIDDEN: "An override names it. It is not in the experiment.",
    Cause.KILLED: "A kill switch covers the experiment.",
    Cause.PAUSED: "Serving is paused.",
    Cause.STOPPED: "The phase is over.",
    Cause.NO_UNIT: "The subject has no id of the kind that is randomised.",
    Cause.HELD_OUT: "A holdout keeps it out.",
    Cause.NOT_TARGETED: "The targeting does not hold for it.",
    Cause.PREREQUISITE_UNMET: "It lacks a variant of another experiment.",
    Cause.OUTSIDE_LAYER: "It falls outside the experiment's slots of the layer.",
    Cause.OUTSIDE_COVERAGE: "It falls into the gap that coverage leaves, or a "
    "rollout has not reached it yet.",
    Cause.ARM_DROPPED: "It falls into the slice of a variant that was dropped.",
    Cause.HOLDBACK: "It falls into the part of the control's slice that is held back "
    "from what was shipped.",
    Cause.SHIPPED: "What was shipped has reached it.",
    Cause.UNKNOWN_EXPERIMENT: "Nothing is served under the key.",
}
_describe(Reason, _REASONS)
_describe(Cause, CAUSES)

__all__ = [
    "CAUSES",
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
