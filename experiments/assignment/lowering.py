"""What is served, in the rule language that the SDKs of the GrowthBook family run.

Each experiment becomes a feature of its own key whose default is the control's value.
Its rules follow the evaluator's steps, so that an SDK gives the same value:

* overrides and holdouts are leading rules that force a value;
* a phase that is killed, paused or over has one rule more, which forces the control;
* the split is one experiment rule for each attribute that can be hashed. An SDK without
  sticky buckets never falls back to another attribute by itself, so a visitor has a
  rule of its own, which demands that there is no user;
* the slots of a layer are one more filter; the attribute that is hashed stays as it is;
* a shipped variant is forced on the parts of [0, 1) that it has reached; while it is
  measured, an experiment rule in front of them reports those who are compared;
* a prerequisite asks a feature which variant of the other experiment the subject has.

An exposure reported by an SDK has the experiment's key as its experiment id, and as its
variation id (`result.key`) the variant's key.

Links between ids are left out: they are many and personal, and the document is public.
An SDK with sticky buckets keeps a visitor's variant after the sign-up by itself; for
this the rules name the fallback attribute and a bucket version. Overridden ids are in
it, for an override is meant for colleagues and test accounts.
"""

from collections.abc import Iterator, Sequence

from experiments.assignment.decisions import CompiledPhase
from experiments.assignment.definitions import Snapshot
from experiments.assignment.phases import Serving, ShippedDefinition, VariantDefinition
from experiments.assignment.ranges import Range
from experiments.assignment.rules import (
    HELD_OUT,
    NONE,
    NOT_HELD_OUT,
    Holdouts,
    Json,
    asked,
    eligible,
    named_subjects,
    overridden,
    override_feature,
    randomised,
    variant_feature,
)
from experiments.assignment.units import UNIT_ATTRIBUTES


def lowered(snapshot: Snapshot) -> dict[str, dict[str, Json]]:
    """The features of an environment, with those that their rules ask."""
    phases = snapshot.phases
    holdouts = Holdouts.of(phase.definition for phase in phases.values())
    features = {key: _feature(phase, holdouts) for key, phase in phases.items()}
    for key, phase in phases.items():
        if _nulls(phase):
            features[override_feature(key)] = overridden(phase.definition)
    asked_for = {key for phase in phases.values() for key in phase.parents}
    asked_for |= {key for key, phase in phases.items() if _ships_null(phase)}
    for key in sorted(asked_for):
        features[variant_feature(key)] = randomised(phases[key], holdouts)
    return {"features": features | holdouts.features()}


def _feature(phase: CompiledPhase, holdouts: Holdouts) -> Json:
    control = phase.control.value
    rules = list(_overrides(phase))
    if phase.definition.serving is Serving.SPLIT:
        for name in holdouts.keeping_out(phase.definition):
            if control is None:
                rules.append(_null_unless(name, NOT_HELD_OUT))
            else:
                asks = {"parentConditions": [asked(name, HELD_OUT)]}
                rules.append(asks | {"force": control})
        shipped = phase.definition.shipped
        rules += _splits(phase) if shipped is None else _shipping(phase, shipped)
    else:
        rules.append({"force": control})
    return {"defaultValue": control, "rules": rules}


def _overrides(phase: CompiledPhase) -> Iterator[Json]:
    nulls = _nulls(phase)
    if nulls:
        others = [v.key for v in phase.definition.variants if v.key not in nulls]
        name = override_feature(phase.definition.experiment_key)
        yield _null_unless(name, NONE, *others)
    for condition, variant in named_subjects(phase.definition):
        if variant.key not in nulls:
            yield {"condition": condition, "force": variant.value}


def _splits(phase: CompiledPhase) -> Iterator[Json]:
    """Where an arm was dropped, those that are left have their parts by name."""
    definition = phase.definition
    if definition.dropped:
        parts = {"ranges": [list(part) for part in phase.ranges]}
        return _experiment(phase, definition.number, phase.served, parts)
    split = {
        "coverage": definition.coverage,
        "weights": [variant.weight for variant in definition.variants],
    }
    return _experiment(phase, definition.number, definition.variants, split)


def _shipping(phase: CompiledPhase, shipped: ShippedDefinition) -> Iterator[Json]:
    """Its bucket version is a new one: what a client kept of the split is over."""
    variant = next(v for v in phase.definition.variants if v.key == shipped.variant)
    if shipped.measured:
        parts = {"ranges": [_part(shipped.held_back), _part(shipped.kept)]}
        arms = (phase.control, variant)
        yield from _experiment(phase, phase.definition.exposing, arms, parts)
    if variant.value is None:
        name = variant_feature(phase.definition.experiment_key)
        others = [v.key for v in phase.definition.variants if v.key != variant.key]
        yield _null_unless(name, NONE, *others)
        return
    for rule in eligible(phase, in_layer=False):
        for part in (*shipped.kept, *shipped.added):
            yield rule | {"force": variant.value, "range": list(part)}


def _part(parts: Sequence[Range]) -> list[float]:
    """The one range of an arm, as the language has it; empty where it has none."""
    return list(parts[0]) if parts else [0.0, 0.0]


def _experiment(
    phase: CompiledPhase,
    number: int,
    variants: Sequence[VariantDefinition],
    split: Json,
) -> Iterator[Json]:
    """One experiment rule for each attribute that can be hashed."""
    definition = phase.definition
    fallback = UNIT_ATTRIBUTES[definition.unit][1:]
    for rule in eligible(phase):
        attribute = rule["hashAttribute"]
        sticky: Json = {"bucketVersion": number}
        if fallback and attribute not in fallback:
            sticky["fallbackAttribute"] = fallback[0]
        yield {
            "id": f"{definition.experiment_key}:{number}:{attribute}",
            "key": definition.experiment_key,
            "name": definition.experiment_key,
            "phase": str(number),
            **rule,
            **sticky,
            **split,
            "variations": [variant.value for variant in variants],
            "meta": [{"key": v.key, "name": v.key} for v in variants],
        }


def _ships_null(phase: CompiledPhase) -> bool:
    shipped = phase.definition.shipped
    return shipped is not None and any(
        v.key == shipped.variant and v.value is None for v in phase.definition.variants
    )


def _nulls(phase: CompiledPhase) -> set[str]:
    """The overridden variants whose value is null."""
    return {
        variant.key
        for _, variant in named_subjects(phase.definition)
        if variant.value is None
    }


def _null_unless(feature: str, *values: str) -> Json:
    """A gate: null is not a value that every SDK lets a rule force."""
    return {"parentConditions": [asked(feature, *values) | {"gate": True}]}
