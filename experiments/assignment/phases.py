"""One phase of an experiment as it was published: what is served of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from experiments.assignment.ranges import Range
from experiments.design import UnitKind


class Serving(StrEnum):
    """What a phase does for those who ask."""

    SPLIT = "SPLIT"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class VariantDefinition:
    """One arm as it is served; the payload and its value are JSON."""

    key: str
    weight: float
    is_control: bool
    payload: Mapping[str, Any]
    value: Any


@dataclass(frozen=True, slots=True)
class LayerSlots:
    """The part of a layer that is a phase's own."""

    key: str
    seed: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class HoldoutDefinition:
    """A share of the units that the phase leaves alone."""

    key: str
    seed: str
    share: float


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Another experiment, of which the subject must have one of these variants."""

    experiment_key: str
    variants: frozenset[str]


@dataclass(frozen=True, slots=True)
class ShippedDefinition:
    """A variant that was decided on: who has it does not depend on the split."""

    variant: str
    held_back: tuple[Range, ...]
    """Keeps the control: a part of what was the control's while it was tested."""
    kept: tuple[Range, ...]
    """Had the variant while it was tested; compared with what is held back."""
    added: tuple[Range, ...]
    """Everyone else whom the rollout has reached."""
    measured: bool
    """Whether those held back and those kept are exposed, to be compared."""


Kept = Mapping[str, Mapping[str, str]]
"""A variant's key, by attribute (id, anonymousId, accountId) and by its text."""


@dataclass(frozen=True, slots=True)
class PhaseDefinition:
    """One phase of an experiment as it was published."""

    experiment_id: UUID
    experiment_key: str
    treatment: str
    phase_id: UUID
    number: int
    version: int
    unit: UnitKind
    seed: str
    coverage: float
    condition: Mapping[str, Any] | None
    variants: tuple[VariantDefinition, ...]
    serving: Serving
    layer: LayerSlots | None = None
    holdouts: tuple[HoldoutDefinition, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    overrides: Kept = field(default_factory=dict)
    """Subjects that get a variant by name; they are not in the experiment."""
    sticky: Kept = field(default_factory=dict)
    """Subjects that keep the variant of an id that was linked to theirs."""
    dropped: frozenset[str] = frozenset()
    """Variants that were taken out: their part of [0, 1) gets the control, unexposed,
    and all other parts stay as they are."""
    shipped: ShippedDefinition | None = None
    """What stands in the place of the layer and the split once it is shipped."""

    @property
    def exposing(self) -> int:
        """The number of the phase that exposures are of.

        A comparison of what was shipped with what is held back is a phase of its own,
        the next one.
        """
        shipped = self.shipped
        return self.number + (shipped is not None and shipped.measured)
