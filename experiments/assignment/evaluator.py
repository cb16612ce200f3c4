"""The one evaluation: which variant a subject gets, and why.

The steps, in the order in which one settles it: an override, a kill switch, a pause or
stop, a missing unit, a link to an id that was exposed before, a holdout, the targeting,
the prerequisites, the layer, the split. Whoever met a variant keeps it, so a link comes
before all that would have kept its id out. A phase is compiled to a chain of functions
that holds only the steps that it has. Where a variant was shipped, the rollout stands
in the place of layer and split: the layer only says who is measured.
"""

from collections.abc import Callable, Mapping

from core.conditions import Attributes, compiled
from core.hashing import attribute_text, fnv32a, position, position_after
from experiments.assignment.decisions import (
    Cause,
    CompiledPhase,
    Decision,
    Reason,
    Remainder,
    Settle,
)
from experiments.assignment.phases import (
    HoldoutDefinition,
    Kept,
    LayerSlots,
    PhaseDefinition,
    Serving,
    ShippedDefinition,
    VariantDefinition,
)
from experiments.assignment.ranges import Range, bucket_ranges, membership, table
from experiments.assignment.units import (
    HASH_VERSION,
    UNIT_ATTRIBUTES,
    Key,
    Unit,
    account_key,
    shared_positions,
    unit_of,
    user_key,
)
from experiments.design import UnitKind
from experiments.treatments import TreatmentKind

__all__ = [
    "HASH_VERSION",
    "Cause",
    "CompiledPhase",
    "Decision",
    "Reason",
    "Unit",
    "compiled_phase",
    "decide",
    "unit_of",
]

OVERRIDE_ATTRIBUTES = ("id", "anonymousId", "accountId")
"""Where an override is looked for; the first that has one counts."""

WITHHOLDING: Mapping[Serving, Cause] = {
    Serving.KILLED: Cause.KILLED,
    Serving.PAUSED: Cause.PAUSED,
    Serving.STOPPED: Cause.STOPPED,
}
"""What a phase that does not split tells everyone, overrides apart."""

_KEYS: Mapping[UnitKind, Callable[[Attributes], Key | None]] = {
    UnitKind.USER: user_key,
    UnitKind.ACCOUNT: account_key,
}


def decide(phase: CompiledPhase, attributes: Attributes) -> Decision:
    """Which variant the subject gets. Writes nothing and reads only its arguments."""
    return phase.settle(attributes)


def compiled_phase(
    definition: PhaseDefinition, parents: Mapping[str, CompiledPhase] | None = None
) -> CompiledPhase:
    """Compile once; every later evaluation only reads.

    A prerequisite whose experiment is not among `parents` can never be met.
    """
    condition = compiled(definition.condition or {})
    served, ranges = _slices(definition)
    named = [each.experiment_key for each in definition.prerequisites]
    known = {key: parents[key] for key in named if key in parents} if parents else {}
    phase = CompiledPhase(
        definition=definition,
        condition=condition,
        control=next(v for v in definition.variants if v.is_control),
        ranges=ranges,
        served=served,
        attribute_names=condition.names().union(
            *(parent.attribute_names for parent in known.values())
        ),
        parents=known,
    )
    for attribute, by_text in definition.sticky.items():
        for text, variant_key in by_text.items():
            phase.link(attribute, text, variant_key)
    phase.sent_first = definition.treatment == TreatmentKind.FEATURE
    phase.remainder = _remainder(phase)
    phase.settle = _overriding(phase, _settle(phase))
    return phase


def holdout_members(share: float) -> bytes:
    """For every position 1 if a holdout of this share keeps it out."""
    return membership(((0.0, share),))


def _settle(phase: CompiledPhase) -> Settle:
    definition, remainder = phase.definition, phase.remainder
    cause = WITHHOLDING.get(definition.serving)
    if cause is not None:
        withheld = phase.withheld(cause)
        return lambda attributes: withheld
    no_unit, key_in = phase.withheld(Cause.NO_UNIT), _KEYS[definition.unit]
    after = remainder
    for holdout in reversed(definition.holdouts):
        after = _holding_out(phase, holdout, after)
    linked, kind = phase.linked, definition.unit

    def settle(attributes: Attributes) -> Decision:
        key = key_in(attributes)
        if key is None:
            return no_unit
        # Links come and go while the phase is served.
        kept = _kept_by_link(linked, kind, attributes) if linked else None
        return after(attributes, key) if kept is None else kept

    return settle


def _kept_by_link(
    linked: Mapping[str, Mapping[str, Decision]], kind: UnitKind, attributes: Attributes
) -> Decision | None:
    """What the unit keeps, wherever its own id falls; `unit_of` without the unit."""
    for name in UNIT_ATTRIBUTES[kind]:
        text = attribute_text(attributes.get(name))
        if text is not None:
            return linked[name].get(text) if name in linked else None
    return None


def _slices(
    definition: PhaseDefinition,
) -> tuple[tuple[VariantDefinition, ...], tuple[Range, ...]]:
    """What is served in which part of [0, 1)."""
    variants, shipped = definition.variants, definition.shipped
    if shipped is None:
        parts = zip(variants, _dealt(definition), strict=True)
        left = [each for each in parts if each[0].key not in definition.dropped]
        return tuple(v for v, _ in left), tuple(part for _, part in left)
    control = next(v for v in variants if v.is_control)
    variant = next(v for v in variants if v.key == shipped.variant)
    reached = (*shipped.kept, *shipped.added)
    served = (control,) * len(shipped.held_back) + (variant,) * len(reached)
    return served, (*shipped.held_back, *reached)


def _dealt(definition: PhaseDefinition) -> tuple[Range, ...]:
    """The part of every variant, also of one that was dropped since."""
    weights = [variant.weight for variant in definition.variants]
    return bucket_ranges(len(weights), definition.coverage, weights)


def _remainder(phase: CompiledPhase) -> Remainder:
    """From the last step to the first, each in front of those behind it."""
    definition = phase.definition
    if definition.shipped is not None:
        steps = _shipping(phase, definition.shipped)
    else:
        steps = _split(phase)
        if definition.layer is not None:
            steps = _in_layer(phase, definition.layer, steps)
    if definition.prerequisites:
        steps = _after_parents(phase, steps)
    phase.admitted = steps
    if definition.condition:
        steps = _targeting(phase, steps)
    return steps


def _split(phase: CompiledPhase) -> Remainder:
    definition = phase.definition
    seed, places = definition.seed.encode("latin-1"), table(_dealt(definition))
    state = fnv32a(definition.seed)
    outside = phase.withheld(Cause.OUTSIDE_COVERAGE)
    arms = [
        phase.withheld(Cause.ARM_DROPPED)
        if variant.key in definition.dropped
        else phase.decision(variant, Cause.SPLIT)
        for variant in definition.variants
    ]
    given = (*arms, outside)

    def split(attributes: Attributes, key: Key) -> Decision:
        if isinstance(key, bytes):
            return given[places[position(seed, key)]]
        return given[places[position_after(key, state)]]

    return split


def _shipping(phase: CompiledPhase, shipped: ShippedDefinition) -> Remainder:
    """Who is outside the layer was never randomised, and is served but not measured."""
    seed, places = phase.definition.seed.encode("latin-1"), table(phase.ranges)
    state = fnv32a(phase.definition.seed)
    waiting = phase.withheld(Cause.OUTSIDE_COVERAGE)
    inside = (*_shipped(phase, shipped, measured=shipped.measured), waiting)
    outside = (*_shipped(phase, shipped, measured=False), waiting)
    layer = phase.definition.layer

    def ship(attributes: Attributes, key: Key) -> Decision:
        if isinstance(key, bytes):
            return inside[places[position(seed, key)]]
        return inside[places[position_after(key, state)]]

    if layer is None or not shipped.measured:
        return ship
    members = membership(layer.ranges)
    in_layer = shared_positions(layer.seed.encode("latin-1"))

    def ship_past_layer(attributes: Attributes, key: Key) -> Decision:
        if members[in_layer[key]]:
            return ship(attributes, key)
        if isinstance(key, bytes):
            return outside[places[position(seed, key)]]
        return outside[places[position_after(key, state)]]

    return ship_past_layer


def _shipped(
    phase: CompiledPhase, shipped: ShippedDefinition, *, measured: bool
) -> list[Decision]:
    """The decision of each slice; whom the rollout added is never measured."""
    compared = len(shipped.held_back) + len(shipped.kept)
    return [
        phase.decision(
            variant,
            Cause.HOLDBACK if place < len(shipped.held_back) else Cause.SHIPPED,
            measured=measured and place < compared,
        )
        for place, variant in enumerate(phase.served)
    ]


def _in_layer(phase: CompiledPhase, layer: LayerSlots, after: Remainder) -> Remainder:
    places = shared_positions(layer.seed.encode("latin-1"))
    inside = membership(layer.ranges)
    outside = phase.withheld(Cause.OUTSIDE_LAYER)

    def enter(attributes: Attributes, key: Key) -> Decision:
        if inside[places[key]]:
            return after(attributes, key)
        return outside

    return enter


def _after_parents(phase: CompiledPhase, after: Remainder) -> Remainder:
    """The parents decide for the same attributes; all must give a variant named."""
    unmet = phase.withheld(Cause.PREREQUISITE_UNMET)
    wanted = phase.definition.prerequisites
    if any(each.experiment_key not in phase.parents for each in wanted):
        return lambda attributes, key: unmet
    steps = [
        (phase.parents[each.experiment_key].settle, each.variants) for each in wanted
    ]

    def follow(attributes: Attributes, key: Key) -> Decision:
        for settle, variants in steps:
            decision = settle(attributes)
            if not decision.placed or decision.variant.key not in variants:
                return unmet
        return after(attributes, key)

    return follow


def _targeting(phase: CompiledPhase, after: Remainder) -> Remainder:
    holds, missed = phase.condition.holds, phase.withheld(Cause.NOT_TARGETED)

    def target(attributes: Attributes, key: Key) -> Decision:
        return after(attributes, key) if holds(attributes) else missed

    return target


def _holding_out(
    phase: CompiledPhase, holdout: HoldoutDefinition, after: Remainder
) -> Remainder:
    places = shared_positions(holdout.seed.encode("latin-1"))
    members = holdout_members(holdout.share)
    held_out = phase.withheld(Cause.HELD_OUT)

    def hold(attributes: Attributes, key: Key) -> Decision:
        if members[places[key]]:
            return held_out
        return after(attributes, key)

    return hold


def _overriding(phase: CompiledPhase, after: Settle) -> Settle:
    if not phase.definition.overrides:
        return after
    kept = _kept(phase, phase.definition.overrides, Cause.OVERRIDDEN)
    places = [(name, kept[name]) for name in OVERRIDE_ATTRIBUTES if name in kept]

    def override(attributes: Attributes) -> Decision:
        for name, by_text in places:
            text = attributes.get(name)
            if isinstance(text, str) and text in by_text:
                return by_text[text]
        return after(attributes)

    return override


def _kept(
    phase: CompiledPhase, rows: Kept, cause: Cause
) -> dict[str, dict[str, Decision]]:
    """Rows by attribute and text; one whose variant is gone keeps nothing."""
    variants: dict[str, VariantDefinition] = {
        variant.key: variant for variant in phase.definition.variants
    }
    return {
        name: {
            text: phase.decision(variants[key], cause)
            for text, key in by_text.items()
            if key in variants
        }
        for name, by_text in rows.items()
    }
