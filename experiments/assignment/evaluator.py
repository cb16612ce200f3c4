"""The one decision: which variant a subject gets, and why."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.conditions import Attributes
from core.hashing import attribute_text, bucket_after
from experiments.assignment.definitions import (
    CompiledPhase,
    Serving,
    VariantDefinition,
)
from experiments.assignment.ranges import choose
from experiments.design import UnitKind

HASH_VERSION = 2

_UNIT_ATTRIBUTES = {
    UnitKind.USER: ("id", "anonymousId"),
    UnitKind.ACCOUNT: ("accountId",),
}


class Reason(StrEnum):
    """Why a value was served, in the words that every flag client knows."""

    STATIC = "STATIC"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    UNKNOWN = "UNKNOWN"
    HOLDOUT = "HOLDOUT"
    IDENTITY_LINK = "IDENTITY_LINK"
    OVERRIDE = "OVERRIDE"
    KILL_SWITCH = "KILL_SWITCH"


class Cause(StrEnum):
    """The step that settled the decision."""

    SPLIT = "SPLIT"
    OUTSIDE_COVERAGE = "OUTSIDE_COVERAGE"
    NOT_TARGETED = "NOT_TARGETED"
    NO_UNIT = "NO_UNIT"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"


_REASONS = {
    Cause.SPLIT: Reason.SPLIT,
    Cause.OUTSIDE_COVERAGE: Reason.SPLIT,
    Cause.NOT_TARGETED: Reason.STATIC,
    Cause.NO_UNIT: Reason.STATIC,
    Cause.PAUSED: Reason.DISABLED,
    Cause.STOPPED: Reason.DISABLED,
    Cause.UNKNOWN_EXPERIMENT: Reason.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Unit:
    """The attribute that is hashed, and its text."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one subject gets from one experiment."""

    phase: CompiledPhase
    variant: VariantDefinition
    cause: Cause
    unit: Unit | None = None
    bucket: float | None = None

    @property
    def reason(self) -> Reason:
        """The cause in the words of a flag client."""
        return _REASONS[self.cause]

    @property
    def in_experiment(self) -> bool:
        """Whether the subject was randomised; everyone else gets the control."""
        return self.cause is Cause.SPLIT

    @property
    def value(self) -> Any:
        """What a flag client receives."""
        return self.variant.value


def unit_of(phase: CompiledPhase, attributes: Attributes) -> Unit | None:
    """The first attribute that can identify the randomised unit."""
    for name in _UNIT_ATTRIBUTES[phase.definition.unit]:
        text = attribute_text(attributes.get(name))
        if text is not None:
            return Unit(attribute=name, value=text)
    return None


def decide(phase: CompiledPhase, attributes: Attributes) -> Decision:
    """Which variant the subject gets. Writes nothing and reads only its arguments."""
    serving = phase.definition.serving
    if serving is not Serving.SPLIT:
        cause = Cause.PAUSED if serving is Serving.PAUSED else Cause.STOPPED
        return Decision(phase, phase.control, cause)
    unit = unit_of(phase, attributes)
    if unit is None:
        return Decision(phase, phase.control, Cause.NO_UNIT)
    if not phase.condition.holds(attributes):
        return Decision(phase, phase.control, Cause.NOT_TARGETED, unit)
    position = bucket_after(unit.value, phase.seed_state)
    chosen = choose(position, phase.ranges)
    if chosen is None:
        return Decision(phase, phase.control, Cause.OUTSIDE_COVERAGE, unit, position)
    variant = phase.definition.variants[chosen]
    return Decision(phase, variant, Cause.SPLIT, unit, position)
