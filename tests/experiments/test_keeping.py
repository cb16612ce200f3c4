"""Which ids of a person need a row to keep the variant that was met first."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.subjects import SubjectKey, SubjectKind
from experiments.arms import ArmDesign
from experiments.assignment.evaluator import compiled_phase, decide
from experiments.design import Direction, Hypothesis, PhaseDesign, UnitKind
from experiments.eligibility.frozen import Eligibility
from experiments.events.log import RecordedExposure
from experiments.keeping import Split, kept
from tests.experiments.assignment.rulesets import DEFINITION

AT = datetime(2026, 1, 1, tzinfo=UTC)
VISITOR, USER = (SubjectKind.ANONYMOUS, "v"), (SubjectKind.USER, "u")

DESIGN = PhaseDesign(
    phase_id=DEFINITION.phase_id,
    environment_id=UUID(int=3),
    experiment_key=DEFINITION.experiment_key,
    number=1,
    unit=UnitKind.USER,
    seed=DEFINITION.seed,
    coverage=0.8,
    arms=tuple(
        ArmDesign(each.key, each.key, each.weight, each.is_control)
        for each in DEFINITION.variants
    ),
    metrics=(),
    hypothesis=Hypothesis("Shorter is better.", "signed-up", Direction.INCREASE, 0.01),
    planned_units=1_000,
    started_at=AT,
)

LAYER: dict[str, Any] = {
    "key": "checkout",
    "seed": "5ca1ab1e5ca1ab1e",
    "ranges": [[0, 0.3], [0.7, 1]],
}
HOLDOUT: dict[str, Any] = {"key": "global", "seed": "decade00decade00", "share": 0.25}


def met(subject: SubjectKey, variant: str, position: int) -> RecordedExposure:
    kind, text = subject
    return RecordedExposure("short-form", kind, text, variant, AT, position)


def hashed_to(split: Split, variant: str | None) -> str:
    """An id that the hash alone gives a variant, or leaves out."""
    return next(f"u{n}" for n in range(1_000) if split.variant(f"u{n}") == variant)


@pytest.mark.parametrize(
    "eligibility",
    [
        None,
        {"layer": LAYER},
        {"holdouts": [HOLDOUT, HOLDOUT | {"seed": "0123456789abcdef"}]},
        {"layer": LAYER, "holdouts": [HOLDOUT]},
    ],
)
def test_a_hash_gives_what_the_evaluator_gives(
    eligibility: dict[str, Any] | None,
) -> None:
    split = Split.of(replace(DESIGN, eligibility=eligibility))
    rules = Eligibility.of(eligibility or {})
    phase = compiled_phase(
        replace(
            DEFINITION,
            coverage=DESIGN.coverage,
            layer=rules.layer,
            holdouts=rules.holdouts,
        )
    )
    for number in range(1_000):
        decision = decide(phase, {"id": f"u{number}"})
        expected = decision.variant.key if decision.in_experiment else None
        assert split.variant(f"u{number}") == expected


@pytest.mark.parametrize("alone", ["long", None])
def test_an_id_that_falls_elsewhere_needs_a_row(alone: str | None) -> None:
    split = Split.of(DESIGN)
    person = [
        (SubjectKind.ANONYMOUS, hashed_to(split, "short")),
        (SubjectKind.USER, hashed_to(split, alone)),
    ]
    found = kept(split, person, [met(person[0], "short", 1)])
    assert found is not None
    assert found.needing == {person[1]}


def test_an_id_that_falls_on_the_same_variant_needs_none() -> None:
    split = Split.of(DESIGN)
    person = [
        (SubjectKind.ANONYMOUS, hashed_to(split, "short")),
        (SubjectKind.USER, hashed_to(split, "short")),
    ]
    found = kept(split, person, [met(person[0], "short", 1)])
    assert found is not None
    assert found.needing == frozenset()


@pytest.mark.parametrize(
    "rules",
    [
        {"targeting": {"plan": "free"}},
        {
            "eligibility": {
                "prerequisites": [{"experimentKey": "other", "variants": ["b"]}]
            }
        },
    ],
)
def test_where_more_than_the_hash_is_asked_every_id_needs_one(
    rules: dict[str, Any],
) -> None:
    """Else only those whose hash agrees would lose it with what is known of them."""
    split = Split.of(replace(DESIGN, **rules))
    same = (SubjectKind.USER, hashed_to(split, "short"))
    found = kept(split, [VISITOR, same], [met(VISITOR, "short", 1)])
    assert found is not None
    assert found.needing == {VISITOR, same}


def test_a_condition_of_everyone_asks_no_more_than_the_hash() -> None:
    assert not Split.of(replace(DESIGN, targeting={})).asks_more


def test_what_was_recorded_first_stands_and_another_variant_is_a_conflict() -> None:
    split = Split.of(DESIGN)
    later, first = met(VISITOR, "long", 7), met(USER, "short", 3)
    found = kept(split, [VISITOR, USER], [later, first])
    assert found is not None
    assert found.first is first
    assert found.conflict
    alike = kept(split, [VISITOR, USER], [met(VISITOR, "short", 7), first])
    assert alike is not None
    assert not alike.conflict


def test_exposures_of_others_and_to_other_things_keep_nothing() -> None:
    split = Split.of(DESIGN)
    strangers = [
        met((SubjectKind.USER, "somebody else"), "short", 1),
        replace(met(USER, "short", 2), experiment_key="other"),
        met(USER, "withdrawn", 3),
    ]
    assert kept(split, [VISITOR, USER], strangers) is None
