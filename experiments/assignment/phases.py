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
