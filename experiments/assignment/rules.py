"""The parts of which the rules of a phase are made, and the features that they ask.

The features have no experiment: `$holdout:<key>` says whether a holdout keeps the
subject out, `$override:<key>` which variant a person gave it and `$variant:<key>` which
one it has by chance or as shipped, or "". The last is what prerequisites ask. The value
alone would not do: the control's is also served to those outside, and two variants may
share one. All are made of forced values, so asking them exposes nobody.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.conditions import hardened
from experiments.assignment.decisions import CompiledPhase
from experiments.assignment.evaluator import OVERRIDE_ATTRIBUTES
from experiments.assignment.phases import (
    HoldoutDefinition,
    PhaseDefinition,
    Serving,
    VariantDefinition,
)
from experiments.assignment.units import HASH_VERSION, UNIT_ATTRIBUTES
from experiments.design import UnitKind

Json = dict[str, Any]

NONE = ""
HELD_OUT, NOT_HELD_OUT = "holdoutcontrol", "holdouttreatment"

MAX_LISTED = 5_000
"""Values in one list of a condition; more are further rules."""

_NO_USER = hardened({"$or": [{"id": {"$exists": False}}, {"id": ""}]})


@dataclass(frozen=True, slots=True)
class Holdouts:
    """The holdouts of an environment, each with the name of its feature."""

    names: Mapping[tuple[HoldoutDefinition, UnitKind], str]

    @classmethod
    def of(cls, definitions: Iterable[PhaseDefinition]) -> "Holdouts":
        """Name them by their keys; one whose share has changed since has two names."""
        found = {(h, each.unit) for each in definitions for h in each.holdouts}
        names: dict[tuple[HoldoutDefinition, UnitKind], str] = {}
        for holdout, unit in sorted(
            found, key=lambda each: (each[0].key, each[0].seed, each[0].share, each[1])
        ):
            name, number = f"$holdout:{holdout.key}", 1
            while name in names.values():
                number += 1
                name = f"$holdout:{holdout.key}:{number}"
            names[holdout, unit] = name
        return cls(names)

    def keeping_out(self, definition: PhaseDefinition) -> list[str]:
        """The features that a phase asks first."""
        return [self.names[each, definition.unit] for each in definition.holdouts]

    def features(self) -> dict[str, Json]:
        """What says of each subject whether it is held out."""
        return {
            name: {
                "defaultValue": NOT_HELD_OUT,
                "rules": [
                    rule | {"force": HELD_OUT, "range": [0, holdout.share]}
                    for rule in _hashed(unit, holdout.seed)
                ],
            }
            for (holdout, unit), name in self.names.items()
        }


def override_feature(key: str) -> str:
    """Where to ask for the variant that a person gave a subject."""
    return f"$override:{key}"


def variant_feature(key: str) -> str:
    """Where to ask for the variant that a subject has by chance."""
    return f"$variant:{key}"


def asked(feature: str, *values: str) -> Json:
    """That a feature gives one of some values."""
    return {"id": feature, "condition": {"value": {"$in": list(values)}}}


def named_subjects(
    definition: PhaseDefinition,
) -> Iterator[tuple[Json, VariantDefinition]]:
    """Conditions on those who were given a variant by name, the first one counts."""
    for attribute in OVERRIDE_ATTRIBUTES:
        rows = definition.overrides.get(attribute)
        if not rows:
            continue
        for variant in definition.variants:
            texts = iter(sorted(t for t, key in rows.items() if key == variant.key))
            while chunk := list(islice(texts, MAX_LISTED)):
                yield {attribute: {"$in": chunk}}, variant


def overridden(definition: PhaseDefinition) -> Json:
    """The feature that says which variant a person gave a subject."""
    rules = [
        {"condition": condition, "force": variant.key}
        for condition, variant in named_subjects(definition)
    ]
    return {"defaultValue": NONE, "rules": rules}


def randomised(phase: CompiledPhase, holdouts: Holdouts) -> Json:
    """The feature that says which variant a subject has by chance, or as shipped."""
    definition = phase.definition
    if definition.serving is not Serving.SPLIT:
        return {"defaultValue": NONE, "rules": []}
    rules: list[Json] = [
        {"condition": condition, "force": NONE}
        for condition, _ in named_subjects(definition)
    ]
    rules += [
        {"parentConditions": [asked(name, HELD_OUT)], "force": NONE}
        for name in holdouts.keeping_out(definition)
    ]
    rules += [
        rule | {"force": variant.key, "range": list(part)}
        for rule in eligible(phase, in_layer=definition.shipped is None)
        for variant, part in zip(phase.served, phase.ranges, strict=True)
    ]
    return {"defaultValue": NONE, "rules": rules}


def eligible(phase: CompiledPhase, *, in_layer: bool = True) -> Iterator[Json]:
    """For each attribute that can be hashed, what makes a subject eligible."""
    definition = phase.definition
    if any(p.experiment_key not in phase.parents for p in definition.prerequisites):
        return
    parents = [
        asked(variant_feature(each.experiment_key), *sorted(each.variants))
        for each in definition.prerequisites
    ]
    condition = hardened(definition.condition) if definition.condition else None
    for rule in _hashed(definition.unit, definition.seed):
        conditions = [each for each in (rule.get("condition"), condition) if each]
        if len(conditions) == 2:
            conditions = [{"$and": conditions}]
        layer = definition.layer if in_layer else None
        filters = layer and {
            "attribute": rule["hashAttribute"],
            "seed": layer.seed,
            "hashVersion": HASH_VERSION,
            "ranges": [list(part) for part in layer.ranges],
        }
        parts = {
            "condition": conditions[0] if conditions else None,
            "parentConditions": parents,
            "filters": [filters] if filters else None,
        }
        yield rule | {name: part for name, part in parts.items() if part}


def _hashed(unit: UnitKind, seed: str) -> Iterator[Json]:
    """For each attribute that can be hashed, how; a visitor only where no user is."""
    for attribute in UNIT_ATTRIBUTES[unit]:
        rule: Json = {
            "seed": seed,
            "hashAttribute": attribute,
            "hashVersion": HASH_VERSION,
        }
        yield rule | ({"condition": _NO_USER} if attribute == "anonymousId" else {})
