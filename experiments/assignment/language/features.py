"""Features: rules in order, the first that serves a value wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.conditions import Condition
from experiments.assignment.language.bandits import marginal
from experiments.assignment.language.evaluation import Evaluation
from experiments.assignment.language.experiments import COPIED, Experiment
from experiments.assignment.language.prerequisites import (
    Prerequisite,
    Verdict,
    prerequisites,
    verdict,
)
from experiments.assignment.language.reading import (
    Groups,
    Unreadable,
    condition,
    mapping,
    name,
    optional,
    sequence,
)
from experiments.assignment.language.results import Exposure, FeatureResult, Source
from experiments.assignment.language.running import Run
from experiments.assignment.language.slices import Filter, Rollout, filters

MAX_CHAIN = 50
"""A longer chain of prerequisites is answered as a cycle is."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the rules of all features may name."""

    groups: Groups
    bandits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Forced:
    """A value for everybody whom the condition and the rollout let in."""

    value: Any
    condition: Condition | None
    rollout: Rollout
    tracks: tuple[Exposure, ...]

    def serve(self, evaluation: Evaluation, rule: "Rule") -> FeatureResult | None:
        """The value, with the exposures that the rule reports for it."""
        if self.condition and not self.condition.holds(evaluation.attributes):
            return None
        if not self.rollout.reaches(evaluation):
            return None
        evaluation.exposures.extend(self.tracks)
        return FeatureResult(self.value, Source.FORCE, rule.id)


@dataclass(frozen=True, slots=True)
class Randomised:
    """A value by experiment; a passthrough variation is tracked, and passed over."""

    experiment: Experiment

    def serve(self, evaluation: Evaluation, rule: "Rule") -> FeatureResult | None:
        """The variation's value for a subject of the experiment."""
        experiment = self.experiment
        result = Run(experiment, evaluation, evaluate, rule.feature).result()
        if not result.in_experiment or result.passthrough:
            return None
        source = experiment.source
        if result.bandit is not None:
            source = {**source, "contextualBandit": result.bandit}
        return FeatureResult(result.value, Source.EXPERIMENT, rule.id, source, result)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a feature."""

    feature: str
    id: str
    parents: tuple[Prerequisite, ...]
    filters: tuple[Filter, ...]
    serving: Forced | Randomised | None

    @classmethod
    def of(cls, feature: str, value: object, shared: Shared) -> "Rule":
        """Read a rule.

        Raises:
            Unreadable: A part has a shape that the language does not know.
        """
        source = mapping(value)
        return cls(
            feature=feature,
            id=name(source.get("id"), ""),
            parents=prerequisites(source.get("parentConditions"), shared.groups),
            filters=filters(source.get("filters")) or (),
            serving=_serving(feature, source, shared),
        )

    def answer(self, evaluation: Evaluation) -> FeatureResult | None:
        """What the rule serves, or None where the next one is asked."""
        said = verdict(self.parents, evaluation, evaluate)
        if said is Verdict.CYCLIC:
            return FeatureResult(None, Source.CYCLE)
        if said is Verdict.GATED:
            return FeatureResult(None, Source.PREREQUISITE)
        if said is Verdict.FAILED or self.serving is None:
            return None
        if not all(each.passes(evaluation.attributes) for each in self.filters):
            return None
        return self.serving.serve(evaluation, self)


@dataclass(frozen=True, slots=True)
class Feature:
    """A default value and the rules before it."""

    default: Any
    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, key: str, value: object, shared: Shared) -> "Feature":
        """Read a feature; a rule that cannot be read is skipped.

        Raises:
            Unreadable: The feature is not an object.
        """
        source = mapping(value)
        rules = source.get("rules")
        listed: Sequence[Any] = rules if isinstance(rules, list | tuple) else ()
        read = [_read(key, each, shared) for each in listed]
        return cls(source.get("defaultValue"), tuple(each for each in read if each))


def evaluate(key: str, evaluation: Evaluation) -> FeatureResult:
    """The value of a feature for one subject, by the first rule that serves one."""
    if key in evaluation.path or len(evaluation.path) >= MAX_CHAIN:
        return FeatureResult(None, Source.CYCLE)
    forced = evaluation.context.forced_features
    if key in forced:
        return FeatureResult(forced[key], Source.OVERRIDE)
    feature = evaluation.features.get(key)
    if feature is None:
        return FeatureResult(None, Source.UNKNOWN)
    settled = evaluation.settled.get(key)
    if settled is None:
        evaluation.path.append(key)
        settled = _by_rules(feature, evaluation)
        evaluation.path.pop()
        if settled.source is not Source.CYCLE:
            evaluation.settled[key] = settled
    return settled


def _by_rules(feature: Feature, evaluation: Evaluation) -> FeatureResult:
    for rule in feature.rules:
        answer = rule.answer(evaluation)
        if answer is not None:
            return answer
    return FeatureResult(feature.default, Source.DEFAULT)


def _read(feature: str, value: object, shared: Shared) -> Rule | None:
    try:
        return Rule.of(feature, value, shared)
    except Unreadable:
        return None


def _serving(
    feature: str, source: Mapping[str, Any], shared: Shared
) -> Forced | Randomised | None:
    if "force" in source:
        return Forced(
            value=source["force"],
            condition=condition(source.get("condition"), shared.groups),
            rollout=Rollout.of(source, feature),
            tracks=_tracks(source.get("tracks")),
        )
    variations, bandit = source.get("variations"), None
    if variations is None:
        variations = source.get("contextualVariations")
        bandit = marginal(source, shared.bandits)
    if variations is None:
        return None
    copied = {key: source[key] for key in COPIED if key in source}
    copied["key"] = name(source.get("key"), feature)
    copied["variations"] = variations
    return Randomised(Experiment.of(copied, shared.groups, bandit))


def _tracks(value: object) -> tuple[Exposure, ...]:
    tracks = map(mapping, optional(sequence, value, ()))
    return tuple(
        Exposure(mapping(each.get("experiment")), mapping(each.get("result")))
        for each in tracks
    )
