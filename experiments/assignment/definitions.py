"""What the evaluator knows: experiments compiled once for each published version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from core.conditions import Condition, compiled
from core.hashing import fnv32a
from experiments.assignment.ranges import Range, bucket_ranges
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


@dataclass(frozen=True, slots=True)
class CompiledPhase:
    """A phase with its condition parsed, its slices cut and its seed hashed."""

    definition: PhaseDefinition
    condition: Condition
    attribute_names: frozenset[str]
    """The top-level attributes that the condition reads."""
    ranges: tuple[Range, ...]
    seed_state: int
    control: VariantDefinition

    @classmethod
    def of(cls, definition: PhaseDefinition) -> "CompiledPhase":
        """Compile once; every later evaluation only reads."""
        weights = [variant.weight for variant in definition.variants]
        condition = compiled(definition.condition or {})
        return cls(
            definition=definition,
            condition=condition,
            attribute_names=condition.names(),
            ranges=bucket_ranges(len(weights), definition.coverage, weights),
            seed_state=fnv32a(definition.seed),
            control=next(v for v in definition.variants if v.is_control),
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything published in one environment at one version; never changed."""

    version: int
    phases: Mapping[str, CompiledPhase]

    @classmethod
    def of(cls, version: int, definitions: tuple[PhaseDefinition, ...]) -> "Snapshot":
        """Compile the phases of one environment, by experiment key."""
        phases = {
            definition.experiment_key: CompiledPhase.of(definition)
            for definition in sorted(definitions, key=lambda d: d.experiment_key)
        }
        return cls(version=version, phases=MappingProxyType(phases))
