"""A phase made ready to decide, and every decision that it can come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from core.conditions import Attributes, Condition
from experiments.assignment.phases import PhaseDefinition, VariantDefinition
from experiments.assignment.ranges import Range
from experiments.assignment.units import Key


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
    HOLDBACK = "HOLDBACK"
    SHIPPED = "SHIPPED"


class Cause(StrEnum):
    """The step that settled the decision."""

    SPLIT = "SPLIT"
    LINKED = "LINKED"
    OVERRIDDEN = "OVERRIDDEN"
    KILLED = "KILLED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    NO_UNIT = "NO_UNIT"
    HELD_OUT = "HELD_OUT"
    NOT_TARGETED = "NOT_TARGETED"
    PREREQUISITE_UNMET = "PREREQUISITE_UNMET"
    OUTSIDE_LAYER = "OUTSIDE_LAYER"
    OUTSIDE_COVERAGE = "OUTSIDE_COVERAGE"
    ARM_DROPPED = "ARM_DROPPED"
    HOLDBACK = "HOLDBACK"
    SHIPPED = "SHIPPED"
    UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"


REASONS: Mapping[Cause, Reason] = {
    Cause.SPLIT: Reason.SPLIT,
    Cause.LINKED: Reason.IDENTITY_LINK,
    Cause.OVERRIDDEN: Reason.OVERRIDE,
    Cause.KILLED: Reason.KILL_SWITCH,
    Cause.PAUSED: Reason.DISABLED,
    Cause.STOPPED: Reason.DISABLED,
    Cause.NO_UNIT: Reason.STATIC,
    Cause.HELD_OUT: Reason.HOLDOUT,
    Cause.NOT_TARGETED: Reason.STATIC,
    Cause.PREREQUISITE_UNMET: Reason.STATIC,
    Cause.OUTSIDE_LAYER: Reason.SPLIT,
    Cause.OUTSIDE_COVERAGE: Reason.SPLIT,
    Cause.ARM_DROPPED: Reason.SPLIT,
    Cause.HOLDBACK: Reason.HOLDBACK,
    Cause.SHIPPED: Reason.SHIPPED,
    Cause.UNKNOWN_EXPERIMENT: Reason.UNKNOWN,
}

RANDOMISED = frozenset({Cause.SPLIT, Cause.LINKED})
"""What makes a subject part of the experiment: it has its arm by chance."""

PLACED = RANDOMISED | {Cause.HOLDBACK, Cause.SHIPPED}
"""What gives a subject a variant that other experiments may build on."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What an experiment gives. There is one of each in a snapshot: compare by `is`."""

    phase: "CompiledPhase"
    variant: VariantDefinition
    cause: Cause
    reason: Reason
    """The cause in the words of a flag client."""
    in_experiment: bool
    """Whether the subject was randomised; only then is it exposed."""

    @property
    def value(self) -> Any:
        """What a flag client receives."""
        return self.variant.value

    @property
    def placed(self) -> bool:
        """Whether it has a variant, by chance or as shipped: prerequisites ask this."""
        return self.cause in PLACED


Settle = Callable[[Attributes], Decision]
"""The whole evaluation."""

Remainder = Callable[[Attributes, Key], Decision]
"""What is left of it for a unit that no switch, override, link or holdout settles."""


@dataclass(slots=True, eq=False)
class CompiledPhase:
    """A phase with its condition parsed, its slices cut and its steps laid out.

    Its compiler writes it once; from then on it is only read, `linked` apart: links
    come with every sign-up, and must not compile anything anew.
    """

    definition: PhaseDefinition
    condition: Condition
    control: VariantDefinition
    ranges: tuple[Range, ...]
    served: tuple[VariantDefinition, ...]
    """What is served in each of the ranges."""
    attribute_names: frozenset[str]
    """The top-level attributes that its rules, or those it builds on, read."""
    parents: Mapping[str, "CompiledPhase"]
    """The phases that its prerequisites name, as far as they can be met."""
    decisions: dict[tuple[str, Cause, bool], Decision] = field(default_factory=dict)
    linked: dict[str, dict[str, Decision]] = field(default_factory=dict)
    """What linked ids keep, by attribute and text."""
    sent_first: bool = field(init=False)
    """Whether a browser's word stands against what is on record: for features alone,
    and not for one that requires, or is required by, a limit or a flow."""
    settle: Settle = field(init=False)
    remainder: Remainder = field(init=False)
    admitted: Remainder = field(init=False)
    """What is left of `remainder` for whom the condition lets in."""

    def decision(
        self, variant: VariantDefinition, cause: Cause, *, measured: bool = False
    ) -> Decision:
        """The one decision of its kind; `measured` exposes what was not randomised."""
        inside = measured or cause in RANDOMISED
        found = self.decisions.get((variant.key, cause, inside))
        if found is None:
            found = Decision(self, variant, cause, REASONS[cause], inside)
            self.decisions[variant.key, cause, inside] = found
        return found

    def link(self, attribute: str, text: str, variant_key: str | None) -> None:
        """Let an id keep a variant, or nothing: also where the variant is gone.

        Once a variant is shipped, only that one is kept: nobody who had it is held
        back, and nobody stays with another for an id that was linked. Who met a variant
        that was dropped has the control, and is not dealt another one.
        """
        shipped = self.definition.shipped
        if shipped is not None and variant_key != shipped.variant:
            variant_key = None
        cause = Cause.LINKED if shipped is None else Cause.SHIPPED
        kept = [v for v in self.definition.variants if v.key == variant_key]
        if kept:
            decision = self.decision(kept[0], cause)
            if shipped is None and variant_key in self.definition.dropped:
                decision = self.withheld(Cause.ARM_DROPPED)
            self.linked.setdefault(attribute, {})[text] = decision
        elif attribute in self.linked:
            self.linked[attribute].pop(text, None)

    def as_it_is(self) -> PhaseDefinition:
        """The definition, with the links as they are now."""
        if not self.linked:
            return self.definition
        kept = {
            attribute: {text: self._kept_key(each) for text, each in by_text.items()}
            for attribute, by_text in self.linked.items()
        }
        return replace(self.definition, sticky=kept)

    def _kept_key(self, decision: Decision) -> str:
        """The variant of a link; of those that were dropped any one does as well."""
        if decision.cause is Cause.ARM_DROPPED:
            return min(self.definition.dropped)
        return decision.variant.key

    def withheld(self, cause: Cause) -> Decision:
        """The control, for this cause."""
        return self.decision(self.control, cause)
