"""Sets of definitions and subjects, drawn at random from everything that exists."""

from random import Random
from typing import Any
from uuid import UUID

from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    Serving,
    ShippedDefinition,
    Snapshot,
    VariantDefinition,
)
from experiments.assignment.rollout import rolled_out
from experiments.design import UnitKind
from experiments.treatments import TreatmentKind

DEFINITION = PhaseDefinition(
    experiment_id=UUID(int=1),
    experiment_key="short-form",
    treatment="FEATURE",
    phase_id=UUID(int=2),
    number=1,
    version=3,
    unit=UnitKind.USER,
    seed="9f86d081884c7d65",
    coverage=1.0,
    condition=None,
    variants=(
        VariantDefinition("long", 0.5, is_control=True, payload={}, value=1),
        VariantDefinition("short", 0.5, is_control=False, payload={}, value=2),
    ),
    serving=Serving.SPLIT,
)
"""The plainest phase there is."""

PLANS, COUNTRIES = ("free", "team", "pro"), ("de", "fr", "jp", "us")
USERS = [f"user-{n}" for n in range(40)] + ["zoë@example.com", "山田", "😀", "0"]
CONDITIONS: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {"plan": "free"},
    {"plan": {"$in": ["free", "team"]}, "country": {"$ne": "us"}},
    {"$or": [{"plan": "pro"}, {"seats": {"$gte": 5}}]},
    {"seats": {"$gt": 2, "$lte": 20}},
    {"$not": {"country": {"$in": ["jp", "us"]}}},
    {"beta": True},
    {"tags": {"$in": ["x", "y"]}},
    {"id": {"$exists": True}, "plan": {"$nin": ["pro"]}},
    {"company.size": {"$gt": 10}},
    {"$nor": [{"plan": "free"}, {"beta": True}]},
)
WEIGHTS = ((0.5, 0.5), (0.9, 0.1), (0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.0, 1.0))
SLOTS = (((0.0, 0.3),), ((0.3, 0.6), (0.9, 1.0)), ((0.6, 0.9),))
HOLDOUTS = (
    HoldoutDefinition("global", "a1b2c3d4e5f60718", 0.1),
    HoldoutDefinition("growth", "18f0e5d4c3b2a190", 0.25),
    HoldoutDefinition("global", "a1b2c3d4e5f60718", 0.2),
)
VALUES: tuple[Any, ...] = (0, 1, 2.5, "", "text", True, False, {"a": [1]}, None)


def snapshot(chance: Random, *, linked: bool = False, version: int = 1) -> Snapshot:
    """Two to eight experiments; some build on others, now and then in a circle."""
    keys = [f"experiment-{n}" for n in range(chance.randint(2, 8))]
    definitions = [
        _definition(chance, n, keys, linked=linked) for n in range(len(keys))
    ]
    return Snapshot.of(version, definitions)


def subject(chance: Random) -> dict[str, Any]:
    """Somebody known or not, with some attributes and some left out."""
    said: dict[str, Any] = {
        "plan": chance.choice(PLANS),
        "country": chance.choice(COUNTRIES),
        "seats": chance.randint(0, 30),
        "beta": chance.random() < 0.5,
        "tags": chance.sample(["x", "y", "z"], chance.randint(0, 3)),
        "company": {"size": chance.randint(0, 30)},
    }
    ids = {
        "id": chance.choice([None, "", 9, *USERS, *USERS]),
        "anonymousId": chance.choice([None, *USERS]),
        "accountId": chance.choice([None, "acme", "globex", "Größe"]),
    }
    kept = {name: value for name, value in said.items() if chance.random() < 0.8}
    return kept | {name: value for name, value in ids.items() if value is not None}


def _definition(
    chance: Random, number: int, keys: list[str], *, linked: bool
) -> PhaseDefinition:
    weights = chance.choice(WEIGHTS)
    control = chance.randrange(len(weights))
    values = chance.choices(VALUES, k=len(weights))
    variants = tuple(
        VariantDefinition(name, weight, place == control, {}, value)
        for place, (name, weight, value) in enumerate(
            zip("abc", weights, values, strict=False)
        )
    )
    names = [variant.key for variant in variants]
    coverage = chance.choice([1.0, 1.0, 0.5, 0.123, 0.0])
    return PhaseDefinition(
        experiment_id=UUID(int=number),
        experiment_key=keys[number],
        treatment=chance.choice(list(TreatmentKind)),
        phase_id=UUID(int=100 + number),
        number=chance.randint(1, 3),
        version=1,
        unit=UnitKind.ACCOUNT if chance.random() < 0.25 else UnitKind.USER,
        seed=f"{chance.getrandbits(64):016x}",
        coverage=coverage,
        condition=chance.choice(CONDITIONS),
        variants=variants,
        serving=chance.choices(list(Serving), weights=[12, 1, 1, 1])[0],
        layer=_layer(chance),
        holdouts=tuple(h for h in HOLDOUTS if chance.random() < 0.2),
        prerequisites=_prerequisites(chance, number, keys),
        overrides=_kept(chance, names),
        sticky=_kept(chance, names) if linked else {},
        shipped=_shipped(chance, variants, coverage),
        dropped=_dropped(chance, variants),
    )


def _dropped(chance: Random, variants: tuple[VariantDefinition, ...]) -> frozenset[str]:
    treatments = [variant.key for variant in variants if not variant.is_control]
    if len(treatments) < 2 or chance.random() < 0.3:
        return frozenset()
    return frozenset({chance.choice(treatments)})


def _shipped(
    chance: Random, variants: tuple[VariantDefinition, ...], coverage: float
) -> ShippedDefinition | None:
    if chance.random() < 0.7:
        return None
    weights = [variant.weight for variant in variants]
    control = next(n for n, v in enumerate(variants) if v.is_control)
    shipped = chance.choice([n for n, v in enumerate(variants) if not v.is_control])
    holdback = chance.choice([0.0, 0.05, 0.2]) * min(1.0, weights[control] / 0.2)
    parts = rolled_out(
        weights,
        coverage,
        control=control,
        shipped=shipped,
        holdback=holdback,
        share=chance.choice([0.1, 0.5, 1.0, 1.0]),
    )
    return ShippedDefinition(
        variants[shipped].key,
        held_back=(parts.held_back,) if holdback else (),
        kept=(parts.kept,),
        added=parts.added,
        measured=bool(holdback) and chance.random() < 0.7,
    )


def _layer(chance: Random) -> LayerSlots | None:
    if chance.random() < 0.6:
        return None
    return LayerSlots("checkout", "00ff00ff00ff00ff", chance.choice(SLOTS))


def _prerequisites(
    chance: Random, number: int, keys: list[str]
) -> tuple[Prerequisite, ...]:
    if chance.random() < 0.6:
        return ()
    # Mostly on earlier ones; a later one may close a circle, or may not exist.
    pool = [*keys[:number], *keys[:number], *keys[number:], "gone"]
    parents = {chance.choice(pool) for _ in range(chance.randint(1, 2))}
    return tuple(
        Prerequisite(key, frozenset(chance.sample("abc", chance.randint(1, 2))))
        for key in sorted(parents)
    )


def _kept(chance: Random, variants: list[str]) -> dict[str, dict[str, str]]:
    if chance.random() < 0.6:
        return {}
    return {
        "id": {u: chance.choice([*variants, "gone"]) for u in ("9", *USERS[::9])},
        "anonymousId": {user: chance.choice(variants) for user in USERS[::13]},
        "accountId": {"globex": chance.choice(variants)},
    }
