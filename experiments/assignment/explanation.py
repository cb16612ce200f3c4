"""A decision taken again, with everything that led to it in sight."""

from dataclasses import dataclass

from core.conditions import Attributes, Failure, explain
from core.hashing import POSITIONS
from experiments.assignment.decisions import Cause, CompiledPhase, Decision
from experiments.assignment.evaluator import decide, holdout_members
from experiments.assignment.ranges import Range
from experiments.assignment.units import Unit, key_of, position, unit_of


@dataclass(frozen=True, slots=True)
class LayerPlace:
    """Where the unit stands in the layer, and the slots that are the phase's."""

    key: str
    seed: str
    bucket: float | None
    """Null without a unit."""
    slots: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class HoldoutPlace:
    """Where the unit stands in a holdout, which holds [0, share) out."""

    key: str
    seed: str
    bucket: float | None
    share: float
    held_out: bool


@dataclass(frozen=True, slots=True)
class ParentPlace:
    """What the subject has of an experiment that it must be in first."""

    experiment_key: str
    variants: tuple[str, ...]
    """One of these is needed."""
    decision: Decision | None
    """Null where nothing that could be met is served under the key."""
    met: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a subject gets what it gets.

    What a step in front of it settled is told all the same: the bucket of a subject
    that is not targeted, the layer of one that is held out.
    """

    decision: Decision
    unit: Unit | None
    """What identifies the subject, also when nobody asked."""
    bucket: float | None
    ranges: tuple[tuple[str, Range], ...]
    failure: Failure | None
    """The comparison of the targeting that failed."""
    layer: LayerPlace | None
    holdouts: tuple[HoldoutPlace, ...]
    prerequisites: tuple[ParentPlace, ...]

    @property
    def named(self) -> bool:
        """Whether a person gave the subject its variant by name."""
        return self.decision.cause is Cause.OVERRIDDEN

    @property
    def linked(self) -> bool:
        """Whether it keeps the variant of an id that was linked to its own."""
        return self.decision.cause is Cause.LINKED


def explained(phase: CompiledPhase, attributes: Attributes) -> Explanation:
    """Decide, and keep the buckets, the slices and the comparison that failed."""
    definition = phase.definition
    unit = unit_of(definition.unit, attributes)
    keys = [variant.key for variant in phase.served]
    return Explanation(
        decision=decide(phase, attributes),
        unit=unit,
        bucket=_bucket(definition.seed, unit),
        ranges=tuple(zip(keys, phase.ranges, strict=True)),
        failure=explain(phase.condition, attributes),
        layer=_layer(phase, unit),
        holdouts=_holdouts(phase, unit),
        prerequisites=_parents(phase, attributes),
    )


def _layer(phase: CompiledPhase, unit: Unit | None) -> LayerPlace | None:
    layer = phase.definition.layer
    if layer is None:
        return None
    return LayerPlace(layer.key, layer.seed, _bucket(layer.seed, unit), layer.ranges)


def _holdouts(phase: CompiledPhase, unit: Unit | None) -> tuple[HoldoutPlace, ...]:
    found = []
    for holdout in phase.definition.holdouts:
        place = _position(holdout.seed, unit)
        members = holdout_members(holdout.share)
        found.append(
            HoldoutPlace(
                key=holdout.key,
                seed=holdout.seed,
                bucket=None if place is None else place / POSITIONS,
                share=holdout.share,
                held_out=place is not None and bool(members[place]),
            )
        )
    return tuple(found)


def _parents(phase: CompiledPhase, attributes: Attributes) -> tuple[ParentPlace, ...]:
    found = []
    for wanted in phase.definition.prerequisites:
        parent = phase.parents.get(wanted.experiment_key)
        decision = None if parent is None else decide(parent, attributes)
        met = (
            decision is not None
            and decision.placed
            and decision.variant.key in wanted.variants
        )
        variants = tuple(sorted(wanted.variants))
        found.append(ParentPlace(wanted.experiment_key, variants, decision, met))
    return tuple(found)


def _bucket(seed: str, unit: Unit | None) -> float | None:
    place = _position(seed, unit)
    return None if place is None else place / POSITIONS


def _position(seed: str, unit: Unit | None) -> int | None:
    if unit is None:
        return None
    return position(seed.encode("latin-1"), key_of(unit.value))
