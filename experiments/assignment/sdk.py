"""The public face of the rule language: what a foreign suite or a tool may call.

Every name here is documented, with its counterpart in the published cases, in
docs/sdk-conformance.md. Bad input is a miss, never an exception.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.conditions import parsed
from core.hashing import attribute_text, bucket
from experiments.assignment.language.addresses import query_string_override
from experiments.assignment.language.definitions import Definitions
from experiments.assignment.language.encryption import decrypt
from experiments.assignment.language.evaluation import Context, Evaluation
from experiments.assignment.language.experiments import Experiment
from experiments.assignment.language.features import evaluate
from experiments.assignment.language.reading import Unreadable
from experiments.assignment.language.results import (
    ExperimentResult,
    Exposure,
    FeatureResult,
    Source,
)
from experiments.assignment.language.running import Run
from experiments.assignment.language.slices import in_namespace as _in_namespace
from experiments.assignment.language.slices import namespace as _namespace
from experiments.assignment.ranges import Range, choose
from experiments.assignment.ranges import bucket_ranges as _bucket_ranges

__all__ = [
    "Context",
    "Definitions",
    "ExperimentResult",
    "Exposure",
    "FeatureResult",
    "Source",
    "bucket_ranges",
    "choose_variation",
    "decrypt",
    "equal_weights",
    "evaluate_condition",
    "evaluate_feature",
    "hash_bucket",
    "in_namespace",
    "query_string_override",
    "run_experiment",
]

NO_VARIATION = -1


def evaluate_condition(
    attributes: Mapping[str, Any],
    condition: Mapping[str, Any],
    groups: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the attributes pass a condition; `groups` are the saved groups."""
    return parsed(condition, groups).holds(attributes)


def hash_bucket(seed: str, value: object, version: int) -> float | None:
    """Where a subject falls in [0, 1); None for a version that nobody knows."""
    printed = value if isinstance(value, str) else attribute_text(value)
    return None if printed is None else bucket(printed, seed, version)


def equal_weights(variations: int) -> tuple[float, ...]:
    """The same share for each variation; none for none."""
    return (1 / variations,) * variations if variations > 0 else ()


def bucket_ranges(
    variations: int, coverage: float = 1.0, weights: Sequence[float] | None = None
) -> tuple[Range, ...]:
    """One slice for each variation, its gap at its end."""
    if variations < 1:
        return ()
    return _bucket_ranges(variations, coverage, weights)


def choose_variation(position: float, ranges: Sequence[Range]) -> int:
    """The first slice that holds the position, or -1."""
    chosen = choose(position, ranges)
    return NO_VARIATION if chosen is None else chosen


def in_namespace(value: str, namespace: Sequence[Any]) -> bool:
    """Whether a hashed text falls into `[name, from, to]`."""
    try:
        return _in_namespace(value, _namespace(namespace))
    except Unreadable:
        return False


def evaluate_feature(
    definitions: Definitions | Mapping[str, Any], key: str, context: Context
) -> FeatureResult:
    """The value of a feature for one subject.

    `definitions` is a payload (`features`, `savedGroups`) or, so that it is compiled
    once only, `Definitions.of(payload)`.
    """
    evaluation = Evaluation(context, _compiled(definitions).features)
    result = evaluate(key, evaluation)
    exposures, documents = evaluation.reported(), evaluation.written
    return replace(result, exposures=exposures, documents=documents)


def run_experiment(
    experiment: Mapping[str, Any],
    context: Context,
    definitions: Definitions | Mapping[str, Any] | None = None,
) -> ExperimentResult:
    """The variation of an experiment that stands for itself.

    `definitions` hold the features that its prerequisites name, and saved groups. An
    experiment that cannot be read includes nobody.
    """
    known = _compiled(definitions or {})
    evaluation = Evaluation(context, known.features)
    try:
        read = Experiment.of(experiment, known.groups)
    except Unreadable:
        read = _closed(experiment)
    result = Run(read, evaluation, evaluate, None).result()
    return replace(result, documents=evaluation.written)


def _compiled(definitions: Definitions | Mapping[str, Any]) -> Definitions:
    if isinstance(definitions, Definitions):
        return definitions
    return Definitions.of(definitions)


def _closed(experiment: Mapping[str, Any]) -> Experiment:
    """An experiment reduced to its variations, which nobody is in."""
    variations = experiment.get("variations")
    kept = list(variations) if isinstance(variations, list | tuple) else []
    return Experiment.of({"variations": kept, "active": False}, None)
