"""10,000 subjects x 20 experiments keep their arms, whoever computes them.

The golden files were computed once, with another implementation, and never change: a
difference means that people in running experiments would be assigned anew. Their
digests are here; the single hashes and slices are held by `test_golden_numbers`.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from growthbook import GrowthBook

from experiments.assignment.columns import NO_ARM, Encoded, arms, encoded
from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Serving,
    VariantDefinition,
)
from experiments.assignment.evaluator import compiled_phase, decide
from experiments.assignment.ranges import bucket_ranges
from experiments.assignment.sdk import Context, Definitions, evaluate_feature
from experiments.assignment.seeds import holdout_seed, layer_seed, phase_seed
from experiments.design import UnitKind
from tests.experiments.assignment.golden.definitions import (
    HERE,
    NOBODY,
    SUBJECTS,
    GoldenExperiment,
    digest,
    experiments,
    stored_digest,
    subjects,
)

PROJECT = UUID("01935a3e-7c00-7000-8000-00000000c0de")

DIGESTS = {
    "arms.txt": "0e9148676dd42af77de749fba6ccff7bf8aed5ca3a676d5f9ce2b67e2fd02441",
    "experiments.json": (
        "6d2c285db6716af70b30130fa9b06914d9820d6b8ac87a958465c08cfa137192"
    ),
    "numbers.json": "21633a9b13c29a3ee12c0cf0ba558dc4031d5c04ca91255b9db563e8b6f513e9",
}

each_experiment = pytest.mark.parametrize(
    "experiment", experiments(), ids=lambda experiment: experiment.key
)


@pytest.fixture(scope="module")
def column() -> Encoded:
    return encoded(list(map(str, subjects())))


@pytest.mark.parametrize(("name", "written_first"), DIGESTS.items())
def test_the_golden_files_are_those_first_written(
    name: str, written_first: str
) -> None:
    assert sha256((HERE / name).read_bytes()).hexdigest() == written_first


def test_the_subjects_are_the_golden_ones() -> None:
    assert digest(subjects()) == stored_digest()
    assert len(set(map(str, subjects()))) == SUBJECTS


@each_experiment
def test_the_seeds_are_the_golden_ones(experiment: GoldenExperiment) -> None:
    definition = experiment.definition
    number, layer = definition["number"], definition.get("layer")
    assert definition["seed"] == phase_seed(PROJECT, experiment.key, number)
    assert layer is None or layer["seed"] == layer_seed(PROJECT, layer["key"])
    for holdout in definition.get("holdouts", []):
        assert holdout["seed"] == holdout_seed(PROJECT, holdout["key"])


@each_experiment
def test_the_rule_language_gives_the_golden_arms(experiment: GoldenExperiment) -> None:
    known = Definitions.of({"features": {experiment.key: experiment.feature()}})
    contexts = (Context(attributes={"id": subject}) for subject in subjects())
    values = (evaluate_feature(known, experiment.key, each).value for each in contexts)
    assert written(values) == experiment.arms


@each_experiment
def test_the_column_gives_the_golden_arms(
    experiment: GoldenExperiment, column: Encoded
) -> None:
    definition = experiment.definition
    weights = definition["weights"]
    ranges = bucket_ranges(len(weights), definition["coverage"], weights)
    chosen = arms(column, definition["seed"], 2, ranges)
    for each in experiment.filters():
        inside = arms(column, each["seed"], 2, each["ranges"]) != NO_ARM
        chosen = np.where(inside, chosen, NO_ARM)
    assert written(chosen.tolist()) == experiment.arms


@each_experiment
def test_the_server_gives_the_golden_arms(experiment: GoldenExperiment) -> None:
    phase = compiled_phase(phase_of(experiment.definition))
    decisions = (decide(phase, {"id": subject}) for subject in subjects())
    keys = (each.variant.key if each.in_experiment else -1 for each in decisions)
    assert written(keys) == experiment.arms


def test_another_implementation_gives_the_golden_arms() -> None:
    """Over five hundred subjects of every kind, as GrowthBook's own SDK has them."""
    features = {each.key: each.feature() for each in experiments()}
    client = GrowthBook(features=features)
    for row, subject in list(enumerate(subjects()))[::19]:
        client.set_attributes({"id": subject})
        for experiment in experiments():
            value = client.get_feature_value(experiment.key, -1)
            assert written([value]) == experiment.arms[row], (experiment.key, subject)


def written(values: Any) -> str:
    """Arms as the golden file writes them."""
    return "".join(NOBODY if value == NO_ARM else str(value) for value in values)


def phase_of(definition: dict[str, Any]) -> PhaseDefinition:
    """The experiment as the server publishes it."""
    layer = definition.get("layer")
    return PhaseDefinition(
        experiment_id=UUID(int=1),
        experiment_key=definition["key"],
        treatment="FEATURE",
        phase_id=UUID(int=2),
        number=definition["number"],
        version=1,
        unit=UnitKind.USER,
        seed=definition["seed"],
        coverage=definition["coverage"],
        condition=None,
        variants=tuple(
            VariantDefinition(str(arm), weight, arm == 0, payload={}, value=arm)
            for arm, weight in enumerate(definition["weights"])
        ),
        serving=Serving.SPLIT,
        layer=layer
        and LayerSlots(
            layer["key"],
            layer["seed"],
            tuple((low, high) for low, high in layer["ranges"]),
        ),
        holdouts=tuple(
            HoldoutDefinition(each["key"], each["seed"], each["share"])
            for each in definition.get("holdouts", [])
        ),
    )
